"""What the item model expects of other prices, events and flags: ratios to what it expects as things stand.

They are the item model's own, before items share out their department: a lower price may raise the department's total.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from models_ml.forecasters.base import EventResponses
from models_ml.forecasters.item_boosting.context import EVENT_DAYS_AFTER, EVENT_DAYS_AHEAD
from models_ml.forecasters.item_boosting.features import (
    ItemFeatures,
)

if TYPE_CHECKING:
    import lightgbm as lgb

LEADS = (4, 12, 20, 28)
"""Lead days that stand for the horizon: a day of each week, each another weekday."""
PRICE_RATIOS = ("price_change", "price_to_8_weeks", "price_to_52_weeks", "price_to_max", "price_to_item_mean")
SERIES_OF_A_NODE = 10
"""Series of a store and department, the best sellers, whose responses to an event stand for all."""

Change = Callable[[np.ndarray, dict[str, int]], None]


class Responses:
    """Rows of an origin, and what a fitted model says of changed ones."""

    def __init__(self, booster: lgb.Booster, features: ItemFeatures, horizon_days: int, threads: int) -> None:
        self.booster, self.features, self.threads = booster, features, threads
        self.leads = np.array(sorted({min(lead, horizon_days) for lead in LEADS}))
        self.columns = {name: position for position, name in enumerate(features.names)}
        self.known = features.age[:, -1] > 0
        self.felt = {int(code) for code in np.unique(features.calendar["next_event"]) if code > 0}

    def rows(self, series: np.ndarray) -> np.ndarray:
        """Rows of series for the standing lead days: float32, (series x leads) x columns, a series' leads together."""
        lead = np.tile(self.leads, len(series))
        as_of = np.full(len(lead), len(self.features.as_of) - 1)
        return self.features.rows(np.repeat(series, len(self.leads)), as_of, lead)

    def expected(self, rows: np.ndarray, leads: int) -> np.ndarray:
        """Mean over a series' lead days of what the model expects, in units of its level."""
        raw = np.asarray(self.booster.predict(rows, raw_score=True, num_threads=self.threads))
        return np.asarray(np.exp(raw).reshape(-1, leads).mean(axis=1))

    def to_prices(self, relative: np.ndarray) -> np.ndarray:
        """Units at other prices over units at the prices as they are.

        Args:
            relative: float64, series x points, price over the price as it is; NaN where it is not asked.

        Returns:
            float64, series x points; NaN where it was not asked, or the series has no history or no price.
        """
        answer = np.full(relative.shape, np.nan)
        if not self.features.prices:
            return answer
        priced = np.isfinite(self.features.prices["price"][:, self.week_of_leads()]).all(axis=1)
        asked = np.isfinite(relative) & (self.known & priced)[:, None]
        series = np.flatnonzero(asked.any(axis=1))
        if not len(series):
            return answer
        rows, leads = self.rows(series), len(self.leads)
        base = self.expected(rows, leads)
        for point in range(relative.shape[1]):
            wanted = asked[series, point]
            ratios = relative[series[wanted], point]
            if not len(ratios):
                continue
            moved = rows.reshape(len(series), leads, -1)[wanted].reshape(len(ratios) * leads, -1)
            self.reprice(moved, np.repeat(ratios, leads))
            answer[series[wanted], point] = self.expected(moved, leads) / base[wanted]
        return answer

    def week_of_leads(self) -> np.ndarray:
        """Columns of `prices` in which the standing lead days are."""
        return np.asarray(self.features.week[self.features.as_of_position[-1] + self.leads])

    def reprice(self, rows: np.ndarray, relative: np.ndarray) -> None:
        """Change rows in place to a price that moved on the day after the origin, in this store alone.

        The rank among the department's prices stays: a what-if moves prices by less than ranks tell apart.
        """
        at = self.columns
        rows[:, at["log_price"]] += np.log(relative)
        for name in PRICE_RATIOS:
            rows[:, at[name]] *= relative
        np.minimum(rows[:, at["price_to_max"]], 1.0, out=rows[:, at["price_to_max"]])
        lead, age = rows[:, at["lead"]], rows[:, at["weeks_since_price_change"]]
        moved = relative != 1.0
        rows[moved, at["weeks_since_price_change"]] = np.minimum(age, (lead - 1) // 7)[moved]

    def to_flags(self) -> dict[str, np.ndarray]:
        """Of declared columns that are 0 or 1 and known in advance: units with it over units without, one a series."""
        answer = {}
        series = np.flatnonzero(self.known)
        flags = [name for name, values in self.features.known.items() if is_flag(values)]
        rows = self.rows(series) if flags else None
        for name in flags:
            assert rows is not None
            expected = []
            for value in (1.0, 0.0):
                changed = rows.copy()
                changed[:, self.columns[f"known_{name}"]] = value
                expected.append(self.expected(changed, len(self.leads)))
            answer[name] = np.full(len(self.known), np.nan)
            answer[name][series] = expected[0] / expected[1]
        return answer

    def to_events(self, node_of_series: np.ndarray) -> EventResponses:
        """Units on days around an event over units without any, of each store and department.

        An event is put on the middle of the horizon and all others are taken away; the best sellers of each node,
        weighed by their level, stand for it.
        """
        names = self.features.categories["event"]
        offsets = np.arange(-EVENT_DAYS_AHEAD, EVENT_DAYS_AFTER + 1)
        level = np.where(self.known, self.features.level[:, -1].astype(np.float64), 0.0)
        order = np.lexsort((-level, node_of_series))
        first = np.searchsorted(node_of_series[order], node_of_series[order], side="left")
        series = np.sort(order[(np.arange(len(order)) - first < SERIES_OF_A_NODE) & self.known[order]])
        nodes = int(node_of_series.max(initial=-1)) + 1
        ratio = np.full((nodes, len(names), len(offsets)), np.nan)
        if not len(series) or not names:
            return EventResponses(names, offsets, ratio)
        rows = self.rows(series)[len(self.leads) // 2 :: len(self.leads)]
        weight, node = level[series], node_of_series[series]
        quiet = np.bincount(node, weight * self.expected(self.event_rows(rows, None, 0), 1), nodes)
        for code, _ in enumerate(names, start=1):
            near = [column for column, offset in enumerate(offsets) if offset == 0 or code in self.felt]
            changed = np.concatenate([self.event_rows(rows, code, int(offsets[column])) for column in near])
            expected = self.expected(changed, 1).reshape(len(near), len(series))
            for column, units in zip(near, expected, strict=True):
                sums = np.bincount(node, weight * units, nodes)
                ratio[:, code - 1, column] = np.divide(sums, quiet, out=np.full(nodes, np.nan), where=quiet > 0)
        return EventResponses(names, offsets, ratio)

    def event_rows(self, rows: np.ndarray, event: int | None, offset: int) -> np.ndarray:
        """Rows of days `offset` days after an event (before it, if negative), no other event being near."""
        at, changed = self.columns, rows.copy()
        far = {"event": 0, "next_event": 0, "last_event": 0}
        far |= {"days_to_event": EVENT_DAYS_AHEAD + 1, "days_since_event": EVENT_DAYS_AFTER + 1}
        if event is not None and offset == 0:
            far["event"] = event
        if event in self.felt:
            if offset <= 0:
                far |= {"next_event": event, "days_to_event": -offset}
            if offset >= 0:
                far |= {"last_event": event, "days_since_event": offset}
        for name, value in far.items():
            changed[:, at[name]] = value
        return changed


def is_flag(values: np.ndarray) -> bool:
    """Whether values are 0 and 1, and both occur."""
    return bool(np.isin(values, (0.0, 1.0)).all() and values.any() and not values.all())
