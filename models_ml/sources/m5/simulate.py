"""Write simulated sales in M5's format: the same names, columns, ids and numbering, and no row of M5."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from models_ml.errors import InputError
from models_ml.sources.m5.demand_process import (
    DEPARTMENTS,
    Calendar,
    Catalogue,
    StoreSales,
    draw_catalogue,
    draw_store,
)
from models_ml.sources.m5.events import LAST_YEAR, events_between
from models_ml.sources.m5.layout import (
    CALENDAR_COLUMNS,
    CALENDAR_FILE,
    FIRST_DAY,
    ID_COLUMNS,
    PRICE_COLUMNS,
    PRICES_FILE,
    SALES_FILE,
    SNAP_PREFIX,
    WEEKDAYS,
    day_columns,
    wday,
    week_numbers,
)

DAYS_AHEAD = 28
"""The calendar and the prices reach this many days past the sales, as M5's do; further for a longer horizon."""

MARKER_FILE = "simulated.json"
"""Says that a folder was simulated, and from what; without it, `simulate` replaces no files."""

# Ten days of the month on which a state pays SNAP benefits.
_SNAP_DAYS = {
    "CA": frozenset(range(1, 11)),
    "TX": frozenset({1, 3, 5, 6, 7, 9, 11, 12, 13, 15}),
    "WI": frozenset({2, 3, 5, 6, 8, 9, 11, 12, 14, 15}),
}
_FIRST_STATES = (("CA", 4), ("TX", 3), ("WI", 3))
_MORE_STATES = (
    "NY", "FL", "IL", "PA", "OH", "GA", "NC", "MI", "NJ", "VA", "WA", "AZ", "MA", "TN", "IN", "MO",
    "MD", "CO", "MN", "SC", "AL", "LA", "KY", "OR", "OK", "CT", "UT", "IA", "NV", "AR", "MS", "KS",
    "NM", "NE", "ID", "WV", "HI", "NH", "ME", "MT", "RI", "DE", "SD", "ND", "AK", "VT", "WY",
)  # fmt: skip
_STORES_A_STATE = 3


@dataclass(frozen=True)
class SimulationReport:
    """What a simulation wrote."""

    target: Path
    stores: int
    items: int
    days: int
    series: int
    price_rows: int
    first_day: dt.date
    last_day: dt.date
    seconds: float


def simulate(
    target: Path,
    *,
    stores: int = 1,
    items: int = 500,
    days: int = 1941,
    seed: int = 20160522,
    horizon_days: int = DAYS_AHEAD,
) -> SimulationReport:
    """Write `calendar.csv`, `sales_train_evaluation.csv` and `sell_prices.csv` into the folder `target`.

    The same arguments give the same bytes. More days with the same seed and items continue the same history
    as long as the number of whole years (364 days) is the same; more stores add rows and change none.

    Args:
        target: folder to write; replaced as a whole if an earlier simulation made it. A killed simulation
            leaves the earlier files as they were.
        stores: number of stores, named as in M5 (CA_1..4, TX_1..3, WI_1..3), then three in each other state.
        items: number of items, in M5's proportions over its seven departments.
        days: days of sales from 2011-01-29 on.
        seed: any whole number from 0 on.
        horizon_days: the calendar and the prices reach so many days further, and at least 28; it changes no sale.

    Raises:
        InputError: an argument is out of range, or `target` holds files that no simulation made.
    """
    started = time.monotonic()
    ahead = max(DAYS_AHEAD, horizon_days)
    _check_arguments(stores, items, days, seed, ahead)
    target = target.resolve()
    _check_target(target)
    calendar = _calendar(days + ahead)
    store_ids = [store for store, _ in zip(_store_ids(), range(stores), strict=False)]
    states = list(dict.fromkeys([state for state, _ in _FIRST_STATES] + [_state(s) for s in store_ids]))
    snap = {state: _snap_flags(state, index, calendar.dates) for index, state in enumerate(states)}

    part = target.with_name(f".{target.name}.part")
    _undo_broken_swap(target)
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        _write_calendar(part / CALENDAR_FILE, calendar, snap)
        catalogue = draw_catalogue(calendar, items, days, seed)
        price_rows = 0
        weeks = _week_labels(calendar)
        with (
            (part / SALES_FILE).open("w", encoding="utf-8", newline="") as sales_file,
            (part / PRICES_FILE).open("w", encoding="utf-8", newline="") as prices_file,
        ):
            sales_file.write(",".join([*ID_COLUMNS, *day_columns(days)]) + "\n")
            prices_file.write(",".join(PRICE_COLUMNS) + "\n")
            for index, store_id in enumerate(store_ids):
                state = _state(store_id)
                drawn = draw_store(
                    calendar,
                    catalogue,
                    snap[state],
                    days=days,
                    store=index,
                    state=states.index(state),
                    seed=seed,
                )
                sales_file.writelines(_sales_lines(catalogue, drawn, store_id, state))
                price_lines = _price_lines(catalogue, drawn, store_id, weeks)
                prices_file.writelines(price_lines)
                price_rows += len(price_lines)
        parameters = {"simulated": True, "stores": stores, "items": items, "days": days, "seed": seed}
        (part / MARKER_FILE).write_text(json.dumps(parameters) + "\n", encoding="utf-8")
        _swap_in(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return SimulationReport(
        target=target,
        stores=stores,
        items=items,
        days=days,
        series=stores * items,
        price_rows=price_rows,
        first_day=FIRST_DAY,
        last_day=FIRST_DAY + dt.timedelta(days=days - 1),
        seconds=time.monotonic() - started,
    )


def _check_arguments(stores: int, items: int, days: int, seed: int, ahead: int) -> None:
    most_days = (dt.date(LAST_YEAR, 12, 31) - FIRST_DAY).days + 1 - ahead
    limits = (("stores", stores, 1, 10_000), ("items", items, 1, 1_000_000), ("days", days, 1, most_days))
    for name, value, least, most in limits:
        if not least <= value <= most:
            raise InputError(f"simulate: {name} is {value}; give a number from {least:,} to {most:,}.")
    if seed < 0:
        raise InputError(f"simulate: seed is {seed}; give a whole number from 0 on.")


def _check_target(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; name a folder for the simulated files.")
    found = sorted(path.name for path in target.iterdir())
    ours = {CALENDAR_FILE, SALES_FILE, PRICES_FILE, MARKER_FILE}
    strangers = [name for name in found if name not in ours]
    if strangers or (found and MARKER_FILE not in found):
        named = (strangers or found)[0]
        raise InputError(
            f"{target} holds {named}, which no simulation made, so nothing is replaced there. "
            "Name an empty or a new folder."
        )


def _swap_in(part: Path, target: Path) -> None:
    """Put the finished folder in the place of the earlier one."""
    if not target.exists():
        part.rename(target)
        return
    old = _old_folder(target)
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    part.rename(target)
    shutil.rmtree(old)


def _undo_broken_swap(target: Path) -> None:
    """Killed between the two renames, a simulation leaves the earlier folder under its other name."""
    if _old_folder(target).is_dir() and not target.exists():
        _old_folder(target).rename(target)


def _old_folder(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _calendar(days: int) -> Calendar:
    dates = [FIRST_DAY + dt.timedelta(days=day) for day in range(days)]
    return Calendar(
        dates=dates,
        weekday=np.array([wday(date) - 1 for date in dates]),
        week=np.arange(len(dates)) // 7,  # the first day is a Saturday
        events=events_between(dates[0], dates[-1]),
    )


def _week_labels(calendar: Calendar) -> list[str]:
    """`wm_yr_wk` of each week of the calendar, as text."""
    return [str(number) for number in dict.fromkeys(week_numbers(calendar.dates))]


def _store_ids() -> Iterator[str]:
    """CA_1..4, TX_1..3, WI_1..3, then three in each other state, then the next numbers in all of them."""
    states = [*_FIRST_STATES, *((state, _STORES_A_STATE) for state in _MORE_STATES)]
    for round_number in count():
        for state, size in states:
            for number in range(1, size + 1):
                yield f"{state}_{round_number * size + number}"


def _state(store_id: str) -> str:
    return store_id.split("_")[0]


def _snap_flags(state: str, index: int, dates: list[dt.date]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    days = _SNAP_DAYS.get(state) or frozenset(1 + (index + 2 * step) % 20 for step in range(10))
    return np.array([int(date.day in days) for date in dates], dtype=np.int64)


def _write_calendar(
    path: Path, calendar: Calendar, snap: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*CALENDAR_COLUMNS, *(SNAP_PREFIX + state for state in snap)])
        weeks = week_numbers(calendar.dates)
        for day, date in enumerate(calendar.dates):
            events: list[str] = []
            for event in calendar.events.get(date, []):
                events += [event.name, event.kind]
            events += [""] * (4 - len(events))
            number = wday(date)
            flags = [int(flags[day]) for flags in snap.values()]
            named = (date.isoformat(), weeks[day], WEEKDAYS[number - 1], number, date.month, date.year)
            writer.writerow((*named, f"d_{day + 1}", *events, *flags))


def _sales_lines(catalogue: Catalogue, drawn: StoreSales, store_id: str, state: str) -> Iterator[str]:
    for item, series in enumerate(np.ascontiguousarray(drawn.units.T)):
        item_id = catalogue.item_ids[item]
        department = DEPARTMENTS[catalogue.department[item]]
        ids = (
            f"{item_id}_{store_id}_evaluation",
            item_id,
            department.name,
            department.category,
            store_id,
            state,
        )
        yield f"{','.join(ids)},{','.join(map(str, series.tolist()))}\n"


def _price_lines(catalogue: Catalogue, drawn: StoreSales, store_id: str, weeks: list[str]) -> list[str]:
    lines: list[str] = []
    for item, prices in enumerate(drawn.prices.T):
        first = int(np.argmax(~np.isnan(prices)))
        prefix = f"{store_id},{catalogue.item_ids[item]},"
        priced = zip(weeks[first:], prices[first:].tolist(), strict=True)
        lines += [f"{prefix}{week},{price}\n" for week, price in priced]
    return lines
