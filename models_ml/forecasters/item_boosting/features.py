"""What the item model knows: feature marts as dense arrays, joined by keys, and rows made from them.

A row is one series, one as-of day and one target day up to the horizon later. It joins the features as of the end of
the as-of day with what is known of the target day in advance (calendar, events, regional flag, prices).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from models_ml.forecasters.levels import LEVEL_WEIGHTS, LaunchParameters, no_features, weighed_level, with_launches
from models_ml.hierarchy.aggregation import BOTTOM_AGGREGATE, LEVELS, node_ids
from models_ml.warehouse.marts import Marts, codes, day_offsets
from models_ml.warehouse.regressors import declared, read_by_series, read_static

WEEK, MONTH = 7, 28
LEVEL_OFFSET = 0.01
"""Added to levels, so that a series that does not sell has one."""
GROUP_OFFSET = 0.05
"""The same for sums over items."""
WEEKDAY_OFFSET = 0.02

MEAN_DAYS = (7, 14, 28, 56, 91, 182, 364)
SPREAD_DAYS = (28, 91)
WEEKDAY_DAYS = (7, 28, 56, 91, 182)
GROUP_DAYS = (7, 28, 56, 91)
WEEKDAY_COLUMNS = {days: [f"weekday_{weekday}_mean_{days}" for weekday in range(1, WEEK + 1)] for days in WEEKDAY_DAYS}
SERIES_COLUMNS = [
    "days_on_sale",
    "days_since_last_sale",
    *(f"units_mean_{days}" for days in MEAN_DAYS),
    *(f"units_std_{days}" for days in SPREAD_DAYS),
    *(f"zero_share_{days}" for days in SPREAD_DAYS),
    *(column for columns in WEEKDAY_COLUMNS.values() for column in columns),
]
GROUP_COLUMNS = [*(f"units_mean_{days}" for days in GROUP_DAYS), *WEEKDAY_COLUMNS[56]]
PRICE_COLUMNS = [
    "price",
    "price_mean_8_weeks",
    "price_mean_52_weeks",
    "price_max",
    "price_to_item_mean",
    "price_rank_in_department",
    "weeks_since_price_change",
]

EVENT_DAYS_AHEAD, EVENT_DAYS_AFTER = 8, 5
"""How near a major event is felt before and after it."""
DAYS_ON_SALE_LIMIT, DAYS_SINCE_SALE_LIMIT, PRICE_AGE_LIMIT = 800, 200, 60
"""Beyond these, older is all the same."""

CATEGORICAL = ("event", "next_event", "last_event", "department", "category", "store", "region")


@dataclass(frozen=True)
class Group:
    """Features of sums over items, of which each series belongs to one.

    Attributes:
        of_series: one a series, its row.
        values: column -> float32, rows x as-of days.
    """

    of_series: np.ndarray
    values: dict[str, np.ndarray]

    def at(self, series: np.ndarray, as_of: np.ndarray, column: str) -> np.ndarray:
        """Values of a column for rows of (series, as-of day)."""
        return np.asarray(self.values[column][self.of_series[series], as_of])


@dataclass(frozen=True)
class ItemFeatures:
    """Everything that rows are made of.

    Attributes:
        as_of: as-of days, ascending; the last one is the origin.
        as_of_position: of each as-of day, its position in the calendar.
        series_values: column -> float32, series x as-of days; NaN before a series has history.
        age: series x as-of days: days on sale; 0 or less before the launch.
        level: float32, series x as-of days: the unit in which the model measures sales; of a new series what is
            expected of such (see `levels.with_launches`).
        groups: item, node (store x department) and department.
        prices: column -> float32, series x weeks; empty where the marts hold no price.
        week: of each calendar day, its column in `prices`.
        calendar: column -> float32, one a calendar day.
        flag: float32, regions x calendar days.
        places: categorical column -> code of each series.
        categories: the names behind the codes of every categorical column.
        known: declared columns that are known in advance, by name float32 series x days from `MONTH` days before the
            first as-of day through the horizon.
        past_only: those known when a day is over, by name float32 series x the same days up to the origin.
        static: those that never change, by name float32 one a series.
    """

    as_of: tuple[date, ...]
    as_of_position: np.ndarray
    series_values: dict[str, np.ndarray]
    age: np.ndarray
    level: np.ndarray
    groups: dict[str, Group]
    prices: dict[str, np.ndarray]
    week: np.ndarray
    calendar: dict[str, np.ndarray]
    flag: np.ndarray
    places: dict[str, np.ndarray]
    categories: dict[str, tuple[str, ...]]
    known: dict[str, np.ndarray] = field(default_factory=dict)
    past_only: dict[str, np.ndarray] = field(default_factory=dict)
    static: dict[str, np.ndarray] = field(default_factory=dict)

    def until(self, days: int) -> ItemFeatures:
        """Those of the first as-of days alone: what was known on the last of them."""
        return replace(
            self,
            as_of=self.as_of[:days],
            as_of_position=self.as_of_position[:days],
            series_values={name: values[..., :days] for name, values in self.series_values.items()},
            age=self.age[:, :days],
            level=self.level[:, :days],
            groups={
                name: Group(group.of_series, {column: values[..., :days] for column, values in group.values.items()})
                for name, group in self.groups.items()
            },
        )

    @property
    def names(self) -> list[str]:
        """Columns of `rows`."""
        none = np.zeros(0, dtype=np.intp)
        return list(self.columns(none, none, none))

    def rows(self, series: np.ndarray, as_of: np.ndarray, lead: np.ndarray) -> np.ndarray:
        """Feature rows.

        Args:
            series: row of `Marts.series` of each.
            as_of: position in `as_of` of each.
            lead: days from the as-of day to the target day of each, 1 the next day.

        Returns:
            float32, rows x `names`.
        """
        columns = self.columns(series, as_of, lead)
        matrix = np.empty((len(series), len(columns)), dtype=np.float32)
        for position, values in enumerate(columns.values()):
            matrix[:, position] = values
        matrix[np.isinf(matrix)] = np.nan
        return matrix

    @np.errstate(divide="ignore", invalid="ignore")  # no history gives NaN, which LightGBM reads as missing
    def columns(self, series: np.ndarray, as_of: np.ndarray, lead: np.ndarray) -> dict[str, np.ndarray]:
        """Features by name, one value a row."""
        target = self.as_of_position[as_of] + lead
        weekday = self.calendar["weekday"][target].astype(np.intp) - 1
        level = self.level[series, as_of]

        def known(column: str) -> np.ndarray:
            return np.asarray(self.series_values[column][series, as_of])

        features = {
            "log_level": np.log(level),
            "days_on_sale": np.minimum(known("days_on_sale"), DAYS_ON_SALE_LIMIT),
            "days_since_last_sale": np.minimum(known("days_since_last_sale"), DAYS_SINCE_SALE_LIMIT),
        }
        for days in MEAN_DAYS:
            features[f"ratio_{days}"] = (known(f"units_mean_{days}") + LEVEL_OFFSET) / level
        for days in SPREAD_DAYS:
            features[f"zero_share_{days}"] = known(f"zero_share_{days}")
            features[f"spread_{days}"] = known(f"units_std_{days}") / level
        for days in WEEKDAY_DAYS:
            same = self.series_values[f"weekday_mean_{days}"][weekday, series, as_of]
            mean = known(f"units_mean_{days}")
            features[f"weekday_{days}"] = (same + WEEKDAY_OFFSET) / (mean + WEEKDAY_OFFSET)
        for name, group in self.groups.items():
            for short, long in ((7, 28), (91, 28)):
                features[f"{name}_{short}"] = (group.at(series, as_of, f"units_mean_{short}") + GROUP_OFFSET) / (
                    group.at(series, as_of, f"units_mean_{long}") + GROUP_OFFSET
                )
            if name != "department":
                same = group.values["weekday_mean_56"][weekday, group.of_series[series], as_of]
                features[f"{name}_weekday"] = (same + GROUP_OFFSET) / (
                    group.at(series, as_of, "units_mean_56") + GROUP_OFFSET
                )
        if self.prices:
            features.update(self.price_columns(series, as_of, target))
        features["lead"] = lead
        for name, values in self.calendar.items():
            features[name] = values[target]
        features["flag"] = self.flag[self.places["region"][series], target]
        features["flag_before"] = self.flag[self.places["region"][series], target - 1]
        for name, place in self.places.items():
            features[name] = place[series]
        features.update(self.declared_columns(series, as_of, target))
        return features

    def declared_columns(self, series: np.ndarray, as_of: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """Declared columns: of the target day those known in advance, of days up to the as-of day the others."""
        start = self.as_of_position[0] - MONTH
        now = self.as_of_position[as_of] - start
        features = {}
        for name, values in self.known.items():
            features[f"known_{name}"] = values[series, target - start]
            features[f"known_{name}_28"] = trailing(values, series, now, MONTH)
        for name, values in self.past_only.items():
            features[f"past_{name}_28"] = trailing(values, series, now, MONTH)
            features[f"past_{name}_change"] = trailing(values, series, now, WEEK) / features[f"past_{name}_28"]
        for name, values in self.static.items():
            features[f"static_{name}"] = values[series]
        return features

    def price_columns(self, series: np.ndarray, as_of: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """The price of the target's week, and how it compares with those before the as-of day and with others."""
        now, then = self.week[target], self.week[self.as_of_position[as_of]]
        at = {name: values[series, now] for name, values in self.prices.items()}
        price = at["price"]
        return {
            "log_price": np.log(price),
            "price_change": price / self.prices["price"][series, then],
            "price_to_8_weeks": price / self.prices["price_mean_8_weeks"][series, then],
            "price_to_52_weeks": price / self.prices["price_mean_52_weeks"][series, then],
            "price_to_max": price / at["price_max"],
            "price_to_item_mean": at["price_to_item_mean"],
            "price_rank": at["price_rank_in_department"],
            "weeks_since_price_change": np.minimum(at["weeks_since_price_change"], PRICE_AGE_LIMIT),
        }


def trailing(values: np.ndarray, series: np.ndarray, now: np.ndarray, days: int) -> np.ndarray:
    """Mean of the `days` days up to and with day `now` of each row; none of them is later."""
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1, dtype=np.float64)], axis=1)
    return np.asarray((sums[series, now + 1] - sums[series, now + 1 - days]) / days)


def read_item_features(marts: Marts, weeks: int, launches: LaunchParameters) -> ItemFeatures:
    """Read the marts for the origin and up to `weeks` as-of days before it.

    Raises:
        ModelError: there are no features as of the origin.
    """
    since = marts.origin - timedelta(days=WEEK * weeks)
    present = marts.warehouse.read(
        "features.fct_item_features", ["distinct as_of_date"], date_column="as_of_date", since=since, until=marts.origin
    )
    as_of = days_to_learn_from(sorted(present["as_of_date"].to_pylist()), marts.origin)
    if not as_of or as_of[-1] != marts.origin:
        raise no_features(marts)
    position = np.array([(day - marts.first_day).days for day in as_of])
    series_values = read_series_values(marts, as_of)
    levels = weighed_level({n: series_values[n] for n in LEVEL_WEIGHTS})
    age = marts.days_on_sale[:, None] - (position[-1] - position)[None, :]
    calendar, events = read_calendar(marts)
    places, names = read_places(marts.series)
    week = marts.calendar["week_number"].to_numpy().astype(np.intp)
    first_week = week[position[0]]
    names_of, begin = declared(marts), as_of[0] - timedelta(days=MONTH)
    level = with_launches(marts.series, levels, age, launches)
    return ItemFeatures(
        as_of=as_of,
        as_of_position=position,
        series_values=series_values,
        age=age,
        level=level.astype(np.float32) + LEVEL_OFFSET,
        groups=read_groups(marts, as_of),
        prices=read_prices(marts, int(first_week), int(week[-1])),
        week=week - first_week,
        calendar=calendar,
        flag=read_flags(marts, names["region"]),
        places=places,
        categories={"event": events, "next_event": events, "last_event": events, **names},
        known=read_by_series(marts, names_of.known, begin, marts.target_dates[-1]),
        past_only=read_by_series(marts, names_of.past_only, begin, marts.origin),
        static=read_static(marts, names_of.static),
    )


def days_to_learn_from(present: list[date], origin: date) -> tuple[date, ...]:
    """As-of days whole weeks before the origin, so that a lead is the same weekday in training and in the forecast.

    The marts have a year of them for the weekday of their grid alone; for an origin on another weekday, the grid is
    taken too.
    """
    aligned = [day for day in present if (origin - day).days % WEEK == 0]
    return tuple(aligned if 2 * len(aligned) > len(present) else present)


def read_series_values(marts: Marts, as_of: tuple[date, ...]) -> dict[str, np.ndarray]:
    """`features.fct_series_features` by column; the weekdays' means stacked as `weekday_mean_<days>`, 7 first."""
    shape = (len(marts.series), len(as_of))
    plain = [c for c in SERIES_COLUMNS if not c.startswith("weekday")]
    values = {column: np.full(shape, np.nan, dtype=np.float32) for column in plain}
    stacked = {days: np.full((WEEK, *shape), np.nan, dtype=np.float32) for days in WEEKDAY_DAYS}
    targets = {**values, **{c: stacked[d][i] for d, columns in WEEKDAY_COLUMNS.items() for i, c in enumerate(columns)}}
    for table in marts.warehouse.batches(
        "features.fct_series_features",
        ["store_id", "item_id", "as_of_date", *SERIES_COLUMNS],
        stores=marts.stores,
        date_column="as_of_date",
        since=as_of[0],
        until=as_of[-1],
    ):
        rows = marts.series_positions(table["store_id"], table["item_id"])
        days = as_of_positions(day_offsets(table["as_of_date"], as_of[0]), as_of)
        inside = (rows >= 0) & (days >= 0)
        flat = rows[inside].astype(np.int64) * shape[1] + days[inside]
        for column, target in targets.items():
            target.reshape(-1)[flat] = table[column].to_numpy()[inside]
    return {**values, **{f"weekday_mean_{days}": stack for days, stack in stacked.items()}}


def as_of_positions(offsets: np.ndarray, as_of: tuple[date, ...]) -> np.ndarray:
    """Position in `as_of` of days given as offsets from its first one; -1 for other days."""
    lookup = np.full((as_of[-1] - as_of[0]).days + 1, -1)
    lookup[[(day - as_of[0]).days for day in as_of]] = np.arange(len(as_of))
    inside = (offsets >= 0) & (offsets < len(lookup))
    return np.where(inside, lookup[np.clip(offsets, 0, len(lookup) - 1)], -1)


def read_groups(marts: Marts, as_of: tuple[date, ...]) -> dict[str, Group]:
    """Sums over items: the item in all stores, its store x department, its department."""
    series = marts.series
    members = {
        "item": ("features.fct_item_features", "item_id", series["item_id"]),
        "node": ("features.fct_node_features", "node_id", node_ids(series, BOTTOM_AGGREGATE)),
        "department": ("features.fct_node_features", "node_id", node_ids(series, LEVELS[4])),
    }
    groups = {}
    for name, (relation, key, of_series) in members.items():
        table = marts.warehouse.read(
            relation, [key, "as_of_date", *GROUP_COLUMNS], date_column="as_of_date", dates=list(as_of)
        )
        index = pd.Index(sorted(of_series.unique()))
        rows, days = codes(table[key], index), as_of_positions(day_offsets(table["as_of_date"], as_of[0]), as_of)
        inside = (rows >= 0) & (days >= 0)
        values = {}
        for column in GROUP_COLUMNS:
            values[column] = np.full((len(index), len(as_of)), np.nan, dtype=np.float32)
            values[column][rows[inside], days[inside]] = table[column].to_numpy()[inside]
        values["weekday_mean_56"] = np.stack([values.pop(column) for column in WEEKDAY_COLUMNS[56]])
        groups[name] = Group(index.get_indexer(pd.Index(of_series)), values)
    return groups


def read_prices(marts: Marts, first_week: int, last_week: int) -> dict[str, np.ndarray]:
    """`features.fct_price_features` by column, series x weeks; empty if no series has a price in these weeks."""
    shape = (len(marts.series), last_week - first_week + 1)
    prices = {column: np.full(shape, np.nan, dtype=np.float32) for column in PRICE_COLUMNS}
    any_price = False
    for table in marts.warehouse.batches(
        "features.fct_price_features", ["store_id", "item_id", "week_number", *PRICE_COLUMNS], stores=marts.stores
    ):
        rows = marts.series_positions(table["store_id"], table["item_id"])
        weeks = table["week_number"].to_numpy() - first_week
        inside = (rows >= 0) & (weeks >= 0) & (weeks < shape[1])
        any_price |= bool(inside.any())
        for column, values in prices.items():
            values[rows[inside], weeks[inside]] = table[column].to_numpy()[inside]
    return prices if any_price else {}


def read_calendar(marts: Marts) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """What is known of each day in advance, and the names behind the codes of events (0 is none)."""
    frame = marts.calendar
    ahead, after = frame["days_to_major_event"], frame["days_since_major_event"]
    named = {
        "event": frame["event_name_1"],
        "next_event": frame["next_major_event_name"].where(ahead <= EVENT_DAYS_AHEAD),
        "last_event": frame["previous_major_event_name"].where(after <= EVENT_DAYS_AFTER),
    }
    names = tuple(sorted(set().union(*(column.dropna().unique() for column in named.values()))))
    index = pd.Index(names)
    calendar = {
        "day_of_month": frame["day_of_month"],
        "weekday": frame["weekday"],
        "days_to_event": ahead.clip(upper=EVENT_DAYS_AHEAD + 1),
        "days_since_event": after.clip(upper=EVENT_DAYS_AFTER + 1),
        **{name: pd.Series(index.get_indexer(pd.Index(column)) + 1) for name, column in named.items()},
    }
    return {name: column.to_numpy().astype(np.float32) for name, column in calendar.items()}, names


def read_flags(marts: Marts, regions: tuple[str, ...]) -> np.ndarray:
    """The regional flag, regions x calendar days."""
    table = marts.warehouse.read(
        "core.fct_regional_flags", ["date", "region_id", "regional_flag"], until=marts.target_dates[-1]
    )
    region, day = codes(table["region_id"], pd.Index(regions)), day_offsets(table["date"], marts.first_day)
    known = (region >= 0) & (day >= 0)
    flags = np.zeros((len(regions), len(marts.calendar)), dtype=np.float32)
    flags[region[known], day[known]] = table["regional_flag"].to_numpy()[known]
    return flags


def read_places(series: pd.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    """Codes of the department, category, store and region of each series, and the names behind them."""
    places, names = {}, {}
    for name in ("department", "category", "store", "region"):
        places[name], unique = pd.factorize(series[f"{name}_id"], sort=True)
        names[name] = tuple(str(value) for value in unique)
    return places, names
