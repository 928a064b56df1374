"""The store x department nodes as dense arrays over the calendar: what the node models are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.evaluation.metrics import WEIGHT_DAYS, step_scales
from models_ml.warehouse.marts import Marts, codes, day_offsets
from models_ml.warehouse.regressors import read_by_node, read_closed_days

CLOSED_SHARE = 0.02
"""A day that sells less than this share of the store's trailing mean is a day on which the store was closed."""

BUSY_UNITS = 10.0
"""A store that sells fewer units a day may well sell none on a day that it is open."""

USUAL_WEEKS = 4
"""A weekday that was closed in each of these last weeks stays closed."""

WEEK = 7
YEAR = 52 * WEEK
MINIMUM_DAYS = 16 * WEEK
"""History below which a node has too little to learn from."""


@dataclass(frozen=True)
class Calendar:
    """What is known of each day in advance; arrays over the days of the calendar through the horizon.

    Attributes:
        weekday: 1..7, day_of_month, day_of_year, month: numbers.
        event_names: names of the events; an event's code is its position, from 1.
        event: code of the day's event, 0 for none.
        event_windows: (event code, days from the event) -> 0/1 over the days, for every window of the marts.
        major_event, major_distance: the nearest event whose window a day is in and the days from it; NaN outside.
    """

    weekday: np.ndarray
    day_of_month: np.ndarray
    day_of_year: np.ndarray
    month: np.ndarray
    event_names: tuple[str, ...]
    event: np.ndarray
    event_windows: dict[tuple[int, int], np.ndarray]
    major_event: np.ndarray
    major_distance: np.ndarray

    def until(self, days: int) -> Calendar:
        """The first days alone."""
        cut: dict[str, Any] = {
            column.name: values[:days]
            for column in fields(self)
            if isinstance(values := getattr(self, column.name), np.ndarray)
        }
        windows = {window: vector[:days] for window, vector in self.event_windows.items()}
        return replace(self, event_windows=windows, **cut)


@dataclass(frozen=True)
class NodePanel:
    """Nodes over days.

    Attributes:
        nodes: `Marts.store_departments`.
        known_days: days up to and with the origin.
        horizon_days: days to forecast.
        units: float64, nodes x known days; a closed day holds the same weekday of the week before.
        closed: bool, nodes x all days; past ones as observed, coming ones as the same event was before.
        regional_flag: nodes x all days, the flag of the node's region.
        on_sale: nodes x all days, number of series launched by then.
        weight, scale: one a node, its WRMSSE weight and squared scale.
        calendar: what is known in advance.
        known: declared columns that are known in advance, by name nodes x all days (see `read_by_node`).
    """

    nodes: pd.DataFrame
    known_days: int
    horizon_days: int
    units: np.ndarray
    closed: np.ndarray
    regional_flag: np.ndarray
    on_sale: np.ndarray
    weight: np.ndarray
    scale: np.ndarray
    calendar: Calendar
    known: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def all_days(self) -> int:
        """Known days and the horizon."""
        return self.known_days + self.horizon_days

    def until(self, known_days: int) -> NodePanel:
        """The panel as of an earlier day, of which as many days are known; closed days after it as they came."""
        days = known_days + self.horizon_days
        return replace(
            self,
            known_days=known_days,
            units=self.units[:, :known_days],
            closed=self.closed[:, :days],
            regional_flag=self.regional_flag[:, :days],
            on_sale=self.on_sale[:, :days],
            calendar=self.calendar.until(days),
            known={name: values[:, :days] for name, values in self.known.items()},
        )


def read_panel(marts: Marts) -> NodePanel:
    """Read the nodes as of `marts.origin`.

    Raises:
        ModelError: history is shorter than `MINIMUM_DAYS`.
    """
    nodes, units = marts.store_department_daily(marts.first_day, marts.origin)
    known = units.shape[1]
    if known < MINIMUM_DAYS:
        raise ModelError(
            f"{known} days are known at {marts.origin}; middle_out needs {MINIMUM_DAYS}. "
            "Choose a later origin or the model seasonal_naive."
        )
    frame = marts.calendar
    if len(frame) != known + marts.horizon_days:
        raise ModelError("The calendar has gaps; `demand build` tests it (dim_calendar). Fix the raw calendar.")
    calendar = read_calendar(marts, frame)
    stores = pd.Index(sorted(nodes["store_id"].unique()))
    stated = read_closed_days(marts, stores, known + marts.horizon_days)
    closed = closed_days(nodes, units, calendar, dict(zip(stores, stated, strict=True)))
    weight, scale = node_weights(marts, units)
    return NodePanel(
        nodes=nodes,
        known_days=known,
        horizon_days=marts.horizon_days,
        units=without_closed_days(units, closed),
        closed=closed,
        regional_flag=read_flags(marts, nodes, known + marts.horizon_days),
        on_sale=launched(marts, nodes, known + marts.horizon_days),
        weight=weight,
        scale=scale,
        calendar=calendar,
        known=read_by_node(marts, nodes, known + marts.horizon_days),
    )


def first_origin(asked: int, last: int) -> int:
    """Days of history before the first training origin.

    Season and day of the year can only be learned from a whole year: where less than one is left after the day that is
    asked for, training begins earlier, without the history that last year's features need.

    Args:
        asked: days of history that the first origin has where there is enough.
        last: days known at the last training origin.
    """
    return min(asked, max(4 * WEEK, last - YEAR))


def read_calendar(marts: Marts, frame: pd.DataFrame) -> Calendar:
    """Calendar and event windows of the marts as arrays."""
    table = marts.warehouse.read(
        "core.fct_event_days", ["date", "event_name", "days_from_event"], until=marts.target_dates[-1]
    )
    names = sorted(set(table["event_name"].to_pylist()))
    code = codes(table["event_name"], pd.Index(names)) + 1
    day, distance = day_offsets(table["date"], marts.first_day), table["days_from_event"].to_numpy()
    inside = np.flatnonzero((day >= 0) & (day < len(frame)))
    inside = inside[np.lexsort((distance[inside], code[inside], day[inside]))]  # a warehouse returns rows in any order
    day, code, distance = day[inside], code[inside], distance[inside]
    windows: dict[tuple[int, int], np.ndarray] = {}
    for c, d in sorted(set(zip(code.tolist(), distance.tolist(), strict=True))):
        vector = np.zeros(len(frame))
        vector[day[(code == c) & (distance == d)]] = 1.0
        windows[(c, d)] = vector
    event = np.zeros(len(frame))
    event[day[distance == 0][::-1]] = code[distance == 0][::-1]
    wide = np.isin(code, np.unique(code[distance != 0]))  # only events with a window around them are major
    major_event, major_distance = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    order = np.flatnonzero(wide)[np.argsort(-np.abs(distance[wide]), kind="stable")]  # the nearest is written last
    major_event[day[order]], major_distance[day[order]] = code[order], distance[order]
    return Calendar(
        weekday=frame["weekday"].to_numpy(),
        day_of_month=frame["day_of_month"].to_numpy(),
        day_of_year=frame["day_of_year"].to_numpy(),
        month=frame["month"].to_numpy(),
        event_names=tuple(names),
        event=event,
        event_windows=windows,
        major_event=major_event,
        major_distance=major_distance,
    )


def closed_days(
    nodes: pd.DataFrame, units: np.ndarray, calendar: Calendar, stated: dict[str, np.ndarray]
) -> np.ndarray:
    """Days on which a node's store was, or will be, closed.

    A coming day is closed when the source says so. After the last coming day that it calls closed, or where there is
    none, a day is closed when it has an event on whose every earlier day the store was closed, or a weekday on which
    it was closed in every recent week.

    Args:
        nodes, units, calendar: as in `NodePanel`, units as they were sold.
        stated: by store, days on which the source says that it is closed, known and coming.
    """
    all_days, known = len(calendar.weekday), units.shape[1]
    closed = np.zeros((len(nodes), all_days), dtype=bool)
    for store in nodes["store_id"].unique():
        rows = (nodes["store_id"] == store).to_numpy()
        total = units[rows].sum(axis=0, dtype=np.float64)
        trailing = pd.Series(total).rolling(28, min_periods=WEEK).mean().shift(1).to_numpy()
        trailing = np.where(np.nan_to_num(trailing) >= BUSY_UNITS, trailing, 0.0)
        shut = (total < CLOSED_SHARE * trailing) | stated[store][:known]
        recent = shut[-USUAL_WEEKS * WEEK :]
        usual = [
            day for day in range(1, WEEK + 1) if recent[calendar.weekday[known - len(recent) : known] == day].all()
        ]
        future = np.isin(calendar.weekday[known:], usual) & bool(recent.size) & ~recent.all()
        for event in np.unique(calendar.event[known:]):
            before = calendar.event[:known] == event
            if event and before.any() and shut[before].all():
                future |= calendar.event[known:] == event
        told = np.flatnonzero(stated[store][known:])
        if told.size:
            future[: told[-1] + 1] = stated[store][known : known + told[-1] + 1]
        closed[rows] = np.concatenate([shut, future])
    return closed


def without_closed_days(units: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """Units with each closed day replaced by the same weekday of the week before: closing is not demand.

    Where that day was closed too, the mean of the six days before stands in.
    """
    filled = units.astype(np.float64)
    for day in np.flatnonzero(closed[:, : units.shape[1]].any(axis=0)):
        if day >= WEEK:
            rows = closed[:, day]
            before = filled[rows, day - WEEK + 1 : day].mean(axis=1)
            filled[rows, day] = np.where(closed[rows, day - WEEK], before, filled[rows, day - WEEK])
        elif day > 0:
            rows = closed[:, day]
            filled[rows, day] = filled[rows, :day].mean(axis=1)
    return filled


def read_flags(marts: Marts, nodes: pd.DataFrame, all_days: int) -> np.ndarray:
    """The regional flag of each node's region, nodes x days."""
    table = marts.warehouse.read(
        "core.fct_regional_flags", ["date", "region_id", "regional_flag"], until=marts.target_dates[-1]
    )
    regions = pd.Index(sorted(nodes["region_id"].unique()))
    region, day = codes(table["region_id"], regions), day_offsets(table["date"], marts.first_day)
    known = (region >= 0) & (day >= 0)
    flags = np.zeros((len(regions), all_days))
    flags[region[known], day[known]] = table["regional_flag"].to_numpy()[known]
    result: np.ndarray = flags[regions.get_indexer(pd.Index(nodes["region_id"]))]
    return result


def launched(marts: Marts, nodes: pd.DataFrame, all_days: int) -> np.ndarray:
    """Number of series launched by each day, nodes x days."""
    series = marts.series
    node = pd.MultiIndex.from_frame(nodes[["store_id", "department_id"]]).get_indexer(
        pd.MultiIndex.from_frame(series[["store_id", "department_id"]])
    )
    day = (series["launch_date"] - pd.Timestamp(marts.first_day)).dt.days.to_numpy()
    counts = np.zeros((len(nodes), all_days))
    np.add.at(counts, (node, np.clip(day, 0, all_days - 1)), 1.0)
    return counts.cumsum(axis=1)


def node_weights(marts: Marts, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """WRMSSE weight (share of the last 28 days' revenue, or units) and squared scale of each node."""
    since = marts.origin - timedelta(days=WEIGHT_DAYS - 1)
    _, revenue = marts.store_department_daily(since, marts.origin, "revenue")
    total = np.nan_to_num(revenue).sum(axis=1, dtype=np.float64)
    if not total.sum() > 0:
        total = units[:, -WEIGHT_DAYS:].sum(axis=1, dtype=np.float64)
    squared, _ = step_scales(units)
    return total / max(total.sum(), 1e-9), np.nan_to_num(squared, nan=1.0)
