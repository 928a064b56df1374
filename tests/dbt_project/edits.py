"""Raw tables of small retailers, and random edits of them: what may be added, changed or taken away between two builds.

An edit is four whole numbers: which one, and what it acts on, each taken modulo what there is. Retailers share nothing
but the calendar and the settings of their source, so that one warehouse holds several of them, each edited by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pandas as pd

Edit = tuple[int, int, int, int]

START = dt.date(2015, 1, 3)
"""A Saturday, on which M5's weeks begin."""

DAYS, MOST_DAYS = 401, 460
"""Days of sales before the first edit, and days that there are units for: more than a year, so that windows are full."""

REGIONS = ("CA", "TX")


def day(number: int) -> dt.date:
    """A day by its number, 0 for the first."""
    return START + dt.timedelta(days=number)


@dataclass
class Series:
    """An item in a store: units by day, prices by week (M5) or day (long), and what only the source `long` has."""

    units: np.ndarray
    prices: dict[int, float]
    stockouts: set[int] = field(default_factory=set)


@dataclass
class Retailer:
    """Stores with their region, items with their department, and the series that are there."""

    name: str
    regions: dict[str, str]
    departments: dict[str, int]
    series: dict[tuple[str, str], Series]
    price_list: dict[tuple[int, str | None, str], float] = field(default_factory=dict)
    attributes: dict[str, float] = field(default_factory=dict)
    promotions: dict[tuple[int, str, str], float] = field(default_factory=dict)
    closed: set[tuple[int, str]] = field(default_factory=set)
    ends: dict[str, int] = field(default_factory=dict)

    def picked(self, number: int) -> Series:
        """One of the series."""
        return self.series[sorted(self.series)[number % len(self.series)]]

    def item(self, number: int) -> str:
        """One of the items."""
        return sorted({item for _, item in self.series})[number % len({item for _, item in self.series})]

    def store(self, number: int) -> str:
        """One of the stores."""
        return sorted({store for store, _ in self.series})[number % len({store for store, _ in self.series})]

    def keep(self, kept: Callable[[str, str], bool]) -> None:
        """Take series away, unless none would be left."""
        left = {key: series for key, series in self.series.items() if kept(*key)}
        self.series = left or self.series


@dataclass
class Source:
    """What all retailers share, and the retailers."""

    retailers: list[Retailer]
    first: int = 0
    days: int = DAYS
    ahead: int = 30
    week_ids: int = 11500
    prices: str = "column"
    has_regressors: bool = True
    missing_dates: str = "zero"
    events: dict[int, str] = field(default_factory=lambda: {40: "Feast", 300: "Fair", 410: "Feast"})
    flags: set[tuple[int, str]] = field(default_factory=lambda: {(n, REGIONS[n % 2]) for n in range(0, MOST_DAYS, 9)})


def new_series(generator: np.random.Generator, launch: int) -> Series:
    """A series that sells a few units on most days from its launch on, at a price that moves."""
    units = generator.poisson(2, MOST_DAYS + 90) * (generator.random(MOST_DAYS + 90) < 0.7)
    units[launch] = 3
    units[:launch] = 0
    weeks = [launch // 7, *sorted(generator.integers(launch // 7, 60, 6).tolist())]
    return Series(units, {int(week): float(generator.integers(4, 20)) / 4 for week in weeks})


def new_source(retailers: int) -> Source:
    """Retailers of two stores and three items, one of them in one store alone."""
    made = []
    for number in range(retailers):
        generator = np.random.default_rng(number)
        stores, items = [f"S{number}a", f"S{number}b"], [f"I{number}a", f"I{number}b", f"I{number}c"]
        pairs = [(store, item) for store in stores for item in items][:-1]
        made.append(
            Retailer(
                f"{number}",
                dict(zip(stores, REGIONS, strict=True)),
                {item: place // 2 for place, item in enumerate(items)},
                {pair: new_series(generator, int(generator.integers(0, 90))) for pair in pairs},
                price_list={(int(d), None, items[0]): float(d % 7 + 1) for d in generator.integers(0, 400, 5)},
                attributes={item: float(place) for place, item in enumerate(items)},
                promotions={(int(d), stores[0], items[0]): 1.0 for d in generator.integers(0, 420, 20)},
            )
        )
    return Source(made)


# ---------- edits of a retailer


def change_units(r: Retailer, s: Source, a: int, b: int, c: int) -> None:
    """One day's units are corrected."""
    r.picked(a).units[s.first + b % (s.days - s.first)] = c % 12


def launch_later(r: Retailer, _: Source, a: int, b: int, _c: int) -> None:
    """The first weeks of a series are taken away."""
    series = r.picked(a)
    until = min(series.prices, default=0) + b % 9
    later = {week: price for week, price in series.prices.items() if week >= until}
    series.prices = {until: 2.5, **later}
    series.units[: until * 7] = 0


def launch_earlier(r: Retailer, _: Source, a: int, b: int, c: int) -> None:
    """A series was on sale before its first week."""
    series = r.picked(a)
    week = max(min(series.prices, default=0) - b % 5, 0)
    series.prices[week] = 1.0 + c % 3
    series.units[week * 7] = 1 + c % 5


def change_price(r: Retailer, _: Source, a: int, b: int, c: int) -> None:
    """A price is corrected or added."""
    series = r.picked(a)
    week = min(series.prices, default=0) + b % 60
    series.prices[week] = (1 + c % 40) / 4


def remove_price(r: Retailer, _: Source, a: int, b: int, _c: int) -> None:
    """A price is taken away; the last one before it is carried on."""
    series = r.picked(a)
    if len(series.prices) > 1:
        del series.prices[sorted(series.prices)[b % len(series.prices)]]


def add_item(r: Retailer, _: Source, a: int, b: int, _c: int) -> None:
    """A store starts to sell an item, new or known in other stores."""
    key = (r.store(a), f"I{r.name}{'abcde'[b % 5]}")
    r.departments.setdefault(key[1], b % 3)
    r.attributes.setdefault(key[1], float(b % 4))
    r.series.setdefault(key, new_series(np.random.default_rng(a * 31 + b), a % 300))


def add_store(r: Retailer, _: Source, a: int, b: int, _c: int) -> None:
    """A store opens."""
    store = f"S{r.name}{'abcd'[a % 4]}"
    r.regions.setdefault(store, REGIONS[b % 2])
    r.series.setdefault((store, r.item(b)), new_series(np.random.default_rng(a * 17 + b), b % 300))


def remove_series(r: Retailer, _: Source, a: int, _b: int, _c: int) -> None:
    """An item is no longer in the data of one store."""
    gone = sorted(r.series)[a % len(r.series)]
    r.keep(lambda store, item: (store, item) != gone)


def remove_item(r: Retailer, _: Source, a: int, _b: int, _c: int) -> None:
    """An item is no longer in the data."""
    gone = r.item(a)
    r.keep(lambda _, item: item != gone)


def remove_store(r: Retailer, _: Source, a: int, _b: int, _c: int) -> None:
    """A store is no longer in the data."""
    gone = r.store(a)
    r.keep(lambda store, _: store != gone)


def move_item(r: Retailer, _: Source, a: int, b: int, _c: int) -> None:
    """An item belongs to another department."""
    r.departments[r.item(a)] = b % 3


def move_store(r: Retailer, _: Source, a: int, b: int, _c: int) -> None:
    """A store belongs to another region."""
    r.regions[r.store(a)] = REGIONS[b % 2]


OF_A_RETAILER = [
    change_units, launch_later, launch_earlier, change_price, remove_price, add_item, add_store, remove_series,
    remove_item, remove_store, move_item, move_store,
]  # fmt: skip


def toggle_stockout(r: Retailer, s: Source, a: int, b: int, _c: int) -> None:
    """A day counts as a stock-out, or no longer."""
    r.picked(a).stockouts ^= {s.first + b % (s.days - s.first)}


def return_units(r: Retailer, s: Source, a: int, b: int, c: int) -> None:
    """More is returned than sold."""
    r.picked(a).units[s.first + b % (s.days - s.first)] = -1 - c % 3


def end_early(r: Retailer, s: Source, a: int, b: int, _c: int) -> None:
    """A store has no rows after some day."""
    r.ends[r.store(a)] = max(s.days - 1 - b % 60, s.first + 10)


def change_price_list(r: Retailer, s: Source, a: int, b: int, c: int) -> None:
    """A row of the price list is changed, added or taken away, for one store or for all."""
    key = (s.first + b % (s.days + 20 - s.first), r.store(a) if a % 2 else None, r.item(c))
    if key in r.price_list or c % 3 == 0:
        r.price_list.pop(key if key in r.price_list else next(iter(sorted(r.price_list, key=str)), key), None)
    else:
        r.price_list[key] = (1 + c % 30) / 4


def change_regressors(r: Retailer, s: Source, a: int, b: int, c: int) -> None:
    """A promotion starts or ends, an attribute changes."""
    key = (b % (s.days + 20), r.store(a), r.item(c))
    if r.promotions.pop(key, None) is None:
        r.promotions[key] = float(c % 3)
    r.attributes[r.item(a)] = float(b % 5)


def toggle_closed(r: Retailer, s: Source, a: int, b: int, _c: int) -> None:
    """A store is said to be closed on a day, or no longer."""
    r.closed ^= {(b % s.days, r.store(a))}


OF_A_RETAILER_LONG = [
    *OF_A_RETAILER, toggle_stockout, return_units, end_early, change_price_list, change_regressors, toggle_closed,
]  # fmt: skip


# ---------- edits of what retailers share


def add_days(s: Source, a: int, _b: int) -> None:
    """Days are added, with sales of all series."""
    s.days = min(s.days + 1 + a % 9, MOST_DAYS)


def remove_days(s: Source, a: int, _b: int) -> None:
    """The last days are taken away."""
    s.days = max(s.days - 1 - a % 30, s.first + 100)


def remove_first_weeks(s: Source, a: int, _b: int) -> None:
    """The history starts later."""
    s.first = min(s.first + 7 * (1 + a % 3), 140)


def restore_first_weeks(s: Source, a: int, _b: int) -> None:
    """The history starts earlier."""
    s.first = max(s.first - 7 * (1 + a % 3), 0)


def change_event(s: Source, a: int, b: int) -> None:
    """An event is added, renamed or taken away."""
    number = s.first + a % (s.days - s.first)
    if s.events.pop(number, None) is None:
        s.events[number] = ("Feast", "Fair", "Match")[b % 3]


def change_flag(s: Source, a: int, b: int) -> None:
    """A region's flag is set or taken away."""
    s.flags ^= {(s.first + a % (s.days - s.first), REGIONS[b % 2])}


def rename_weeks(s: Source, a: int, _b: int) -> None:
    """Weeks have other ids."""
    s.week_ids += 1 + a % 50


def change_calendar_end(s: Source, a: int, _b: int) -> None:
    """The calendar ends earlier or later."""
    s.ahead = 14 + a % 40


OF_ALL = [add_days, add_days, remove_days, remove_first_weeks, restore_first_weeks, change_event, change_flag]
OF_ALL_M5 = [*OF_ALL, rename_weeks, change_calendar_end]


def move_prices(s: Source, a: int, _b: int) -> None:
    """Prices are a column of the sales, a table of their own, or nowhere."""
    s.prices = ("column", "table", "none")[a % 3]


def toggle_regressors(s: Source, _a: int, _b: int) -> None:
    """Regressors are declared, or no longer."""
    s.has_regressors = not s.has_regressors


def toggle_missing_dates(s: Source, _a: int, _b: int) -> None:
    """Days without a row are zeros, or gaps."""
    s.missing_dates = "gap" if s.missing_dates == "zero" else "zero"


OF_ALL_LONG = [*OF_ALL, move_prices, move_prices, toggle_regressors, toggle_missing_dates]


def apply(source: Source, kind: str, edits: list[list[Edit]], shared: list[Edit]) -> None:
    """Edit each retailer by its own edits, and all by the shared ones."""
    own = OF_A_RETAILER if kind == "m5" else OF_A_RETAILER_LONG
    of_all = OF_ALL_M5 if kind == "m5" else OF_ALL_LONG
    for which, a, b, _ in shared:
        of_all[which % len(of_all)](source, a, b)
    for retailer, own_edits in zip(source.retailers, edits, strict=True):
        for which, a, b, c in own_edits:
            own[which % len(own)](retailer, source, a, b, c)


# ---------- raw tables


def write(connection: duckdb.DuckDBPyConnection, source: Source, kind: str) -> None:
    """Replace the raw tables, as an ingest does."""
    tables = m5_tables(source) if kind == "m5" else long_tables(source)
    connection.execute(f"create schema if not exists raw_{kind}")
    for name, (columns, rows) in tables.items():
        frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
        connection.register("frame", frame)
        typed = ", ".join(f'cast("{column}" as {sql_type}) as "{column}"' for column, sql_type in columns.items())
        connection.execute(
            f"create or replace table raw_{kind}.{name} as select {typed}, timestamp '2020-01-01' as loaded_at from frame"
        )


Table = tuple[dict[str, str], list[tuple[Any, ...]]]


def m5_tables(s: Source) -> dict[str, Table]:
    """The three tables of M5."""
    numbers = range(s.first, s.days)
    calendar = [
        (day(n), s.week_ids + n // 7, day(n).strftime("%A"), n % 7 + 1, f"d_{n - s.first + 1}")
        + (s.events.get(n), "Kind" if n in s.events else None, None, None)
        + tuple(int((n, region) in s.flags) for region in REGIONS)
        for n in range(s.first, s.days + s.ahead)
    ]
    sales, prices = [], []
    for r in s.retailers:
        for (store, item), series in sorted(r.series.items()):
            priced = {week: price for week, price in series.prices.items() if s.first <= 7 * week < s.days + s.ahead}
            priced = priced or {s.first // 7 + 5: 3.0}
            department = f"D{r.name}{r.departments[item]}"
            ids = (item, department, f"C{r.name}{r.departments[item] % 2}", store, r.regions[store])
            sales.append((*ids, *(max(int(series.units[n]), 0) for n in numbers)))
            prices += [(store, item, s.week_ids + week, price) for week, price in priced.items()]
    ids = dict.fromkeys(("item_id", "dept_id", "cat_id", "store_id", "state_id"), "varchar")
    return {
        "calendar": (
            {"date": "date", "wm_yr_wk": "integer", "weekday": "varchar", "wday": "integer", "d": "varchar"}
            | dict.fromkeys(("event_name_1", "event_type_1", "event_name_2", "event_type_2"), "varchar")
            | {f"snap_{region}": "integer" for region in REGIONS},
            calendar,
        ),
        "sales_train_evaluation": (ids | {f"d_{n - s.first + 1}": "integer" for n in numbers}, sales),
        "sell_prices": (
            {"store_id": "varchar", "item_id": "varchar", "wm_yr_wk": "integer", "sell_price": "double"},
            prices,
        ),
    }  # fmt: skip


def long_tables(s: Source) -> dict[str, Table]:
    """The tables that an ingest of the source `long` writes. A day of no units has no row, but for every tenth."""
    sales, items, stores, prices, closed, regressors, attributes = [], {}, {}, [], [], [], []
    for r in s.retailers:
        for (store, item), series in sorted(r.series.items()):
            items[item] = (item, f"D{r.name}{r.departments[item]}", f"C{r.name}{r.departments[item] % 2}")
            stores[store] = (store, r.regions[store])
            price = 2.0
            for n in range(s.days):
                price = series.prices.get(n // 7, price) if n % 7 == 0 else price
                if s.first <= n <= r.ends.get(store, n) and (series.units[n] or n % 10 == 0):
                    paid = price if s.prices == "column" else None
                    sales.append((day(n), store, item, float(series.units[n]), paid, int(n in series.stockouts)))
        prices += [(day(n), st, it, p) for (n, st, it), p in r.price_list.items() if s.prices == "table"]
        closed += [(day(n), store) for n, store in r.closed]
        if s.has_regressors:
            regressors += [(day(n), store, item, "promo", v) for (n, store, item), v in r.promotions.items()]
            attributes += [(None, item, "size", v) for item, v in r.attributes.items()]
    text = "varchar"
    levels = [(5, "department", None), (9, "store_department", None), (12, "item_store", None)]
    declared = [("promo", "known", "promo", None, None), ("size", "static", "size", None, None)]
    return {
        "sales": (
            {"date": "date", "store_id": text, "item_id": text, "units": "double", "price": "double",
             "is_stockout": "integer"},
            sales,
        ),
        "items": ({"item_id": text, "department_id": text, "category_id": text}, list(items.values())),
        "stores": ({"store_id": text, "region_id": text}, list(stores.values())),
        "prices": ({"date": "date", "store_id": text, "item_id": text, "price": "double"}, prices),
        "events": (
            {"date": "date", "event_name": text, "event_kind": text, "days_before": "integer", "days_after": "integer"},
            [(day(n), name, "event", 2, 1) for n, name in s.events.items()],
        ),
        "regional_flags": ({"date": "date", "region_id": text}, [(day(n), region) for n, region in s.flags]),
        "closed_days": ({"date": "date", "store_id": text}, closed),
        "regressors": (
            {"date": "date", "store_id": text, "item_id": text, "regressor": text, "value": "double"},
            regressors,
        ),
        "attributes": ({"store_id": text, "item_id": text, "regressor": text, "value": "double"}, attributes),
        "declared_regressors": (
            {"regressor": text, "availability": text, "column_name": text, "given_from": "date", "given_until": "date"},
            declared if s.has_regressors else [],
        ),
        "levels": ({"level": "integer", "level_name": text, "same_as": text}, levels),
        "rules": ({"missing_dates": text, "step_days": "integer"}, [(s.missing_dates, 1)]),
    }  # fmt: skip
