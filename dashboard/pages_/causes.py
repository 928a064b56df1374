"""Why a forecast is what it is: from what was sold to what is forecast, cause by cause."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, outlook, state
from dashboard.data import Serving
from dashboard.hierarchy import Place, Product
from dashboard.outlook import Days

USUAL = "level"
MOST_CAUSES = 8
"""Causes with a bar of their own; the rest share one."""
WHOLE = "all"
STARTS = {"last": "The last four weeks", "year": "The same weeks last year"}


def render(serving: Serving, place: Place, product: Product, item: str | None, days: Days) -> None:
    """What moves the forecast of a pick, as a waterfall from past sales; nothing where the model cannot say."""
    explained = data.explanation(serving.run_key, place, product, item)
    if explained is None:
        return
    step, own = formats.step(explained.run.step_days), item is None
    above = f"{product.name} in {place.name}" if 5 in serving.levels else place.name
    st.header("What moves this forecast?" if own else f"What moves the forecast of {above}?", anchor=False)
    if not own:
        layout.note(
            f"These are the causes of all of {above}, in this item's share of "
            f"{formats.percent(explained.share, digits=1)}. The item's own causes may point the other way; "
            f"`demand explain --item {item} --store {place.name}` computes them.",
            tone="warning",
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        begin = state.toggle("Start from", "why_from", tuple(STARTS), show=STARTS.__getitem__)
        wanted = state.choose(
            "For",
            "why_day",
            (WHOLE, *(day.isoformat() for day in explained.dates)),
            show=lambda text: f"All {len(explained.dates)} {step}s" if text == WHOLE else _day_title(text),
            width=200,
            tell_missing=False,
        )
    chosen = [day for day in explained.dates if wanted in (WHOLE, day.isoformat())]
    start = sold_before(days, chosen, begin == "year")
    moves = _moves(explained, chosen, days, start)
    title = (
        STARTS[begin].lower() if wanted == WHOLE else "the year before" if begin == "year" else "the four weeks before"
    )
    if start is None:
        layout.note(f"Sales of {title} are not known here; the bars begin at the usual level.", tone="warning")
    strongest = sorted(moves, key=lambda move: -abs(move[1]))[:3]
    st.caption(
        f"Units, from {title} to the forecast. Most: "
        + ", ".join(f"{name} {_signed(units)}" for name, units in strongest)
        + "."
    )
    shade = layout.colours()
    layout.chart(
        charts.waterfall(
            _rows(title[0].upper() + title[1:], start, moves),
            colours=shade,
            unit=f"units in {formats.span(len(chosen) * explained.run.step_days, explained.run.step_days)}",
        ),
        alt=f"From {title} to the forecast, cause by cause.",
        key="explore_causes",
    )
    _table(explained, step, "_".join(part for part in (place.name or "all", product.name or "all", item) if part))


def _day_title(text: str) -> str:
    day = dt.date.fromisoformat(text)
    return f"{day:%a} {formats.day(day)}"


def _signed(units: float) -> str:
    return ("+" if units > 0 else "") + formats.units(units)


def _moves(
    explained: schemas.Explanation, chosen: Sequence[dt.date], days: Days, start: float | None
) -> list[tuple[str, float]]:
    """What leads from the start to the final forecast, in the order to show: names and units that add up to it."""
    position = [number for number, day in enumerate(explained.dates) if day in chosen]
    units = {one.family: sum(one.days[number] for number in position) for one in explained.causes}
    level = units.pop(USUAL, 0.0)
    final = sum(day.mean for day in days.forecast if day.date in chosen)
    changed = final - level - sum(units.values())
    ordered = sorted(units, key=lambda family: -abs(units[family]))
    rest = sum(units[family] for family in ordered[MOST_CAUSES:])
    moves = [("usual level against it" if start is not None else "usual level", level - (start or 0.0))]
    moves += [(formats.cause(family), units[family]) for family in ordered[:MOST_CAUSES]]
    moves += [("other causes", rest), ("overrides and rounding", changed)]
    least = 0.0005 * max(abs(final), 1.0)
    return [move for move in moves if abs(move[1]) > least]


def _rows(title: str, start: float | None, moves: Sequence[tuple[str, float]]) -> list[charts.Row]:
    reached = start or 0.0
    rows: list[charts.Row] = []
    if start is not None:
        rows.append({"name": title, "start": 0.0, "end": start, "kind": "total", "tip": formats.units(start)})
    for name, units in moves:
        kind = "more" if units > 0 else "fewer"
        rows.append({"name": name, "start": reached, "end": reached + units, "kind": kind, "tip": _signed(units)})
        reached += units
    return [*rows, {"name": "Forecast", "start": 0.0, "end": reached, "kind": "total", "tip": formats.units(reached)}]


def _table(explained: schemas.Explanation, step: str, name: str) -> None:
    layout.table(
        [
            {
                "cause": formats.cause(one.family),
                "meaning": one.meaning,
                "units_each": one.units_per_step,
                "strongest_on": one.strongest_date,
                "units_then": one.strongest_units,
            }
            for one in explained.causes
        ],
        name=f"causes_{name}",
        title="Every cause as a table",
        columns={
            "cause": "Cause",
            "meaning": "Meaning",
            "units_each": st.column_config.NumberColumn(f"Units a {step}", format="%.2f"),
            "strongest_on": st.column_config.DateColumn("Strongest on", format="ddd D MMM YYYY"),
            "units_then": st.column_config.NumberColumn(f"Units that {step}", format="%.2f"),
        },
    )


def sold_before(days: Days, dates: Sequence[dt.date], year: bool) -> float | None:
    """What to compare forecast dates with: units of the same weekdays a year before, or else those of the last four
    weeks, the mean of each weekday for every date; none where history is short.
    """
    if year:
        return outlook.sold_on(days.sold, [date - dt.timedelta(days=outlook.YEAR_DAYS) for date in dates])
    total = 0.0
    for date in dates:
        back = (date - days.origin).days % 7 or 7
        last = days.origin + dt.timedelta(days=back - 7)
        same = outlook.sold_on(days.sold, [last - dt.timedelta(weeks=week) for week in range(4)])
        if same is None:
            return None
        total += same / 4
    return total
