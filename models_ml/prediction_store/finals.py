"""Forecasts as planners changed them: the rules by which overrides make finals of a model's means.

Overrides act on series, in the order of their creation, each on what the ones before it left:

- `percent` multiplies every series below its node by 1 + value / 100;
- `absolute` makes the series below its node add up to the value on each day, each keeping its share; where all of
  them are zero, every one that is on sale (is forecast that day) has the same.

Finals of nodes are sums of finals of series, so all twelve levels add up whatever overlaps. Quantiles scale with the
mean: a final quantile is the model's, times final / mean; where the model's mean is zero and the final is not, there
is no distribution to scale and no final quantile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.hierarchy.levels import parse_node

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SMALLEST_TOTAL = 1e-9
"""Units of a node below which there are no shares to keep."""


@dataclass(frozen=True)
class Adjustment:
    """What an override asks for."""

    override_id: int
    node_id: str
    kind: str
    value: float
    valid_from: date
    valid_to: date


@dataclass(frozen=True)
class DayEffect:
    """What an override does to each series below its node on a day: `factor` multiplies, else `units_each` is set."""

    factor: float | None
    units_each: float | None

    def on(self, units: float) -> float:
        """Units of a series after it."""
        return units * self.factor if self.factor is not None else float(self.units_each or 0.0)


@dataclass(frozen=True)
class Effect:
    """An override on the series of a run: which ones, and what on each day (ISO date)."""

    override_id: int
    keys: Mapping[str, str]
    days: Mapping[str, DayEffect]

    def covers(self, series: Mapping[str, Any]) -> bool:
        """Whether a series with these attributes is below the override's node."""
        return all(series[key] == value for key, value in self.keys.items())


def final_mean(effects: Iterable[Effect], day: str, mean: float) -> float:
    """Final of a series on a day (ISO date); `effects` are those that cover it, in order of creation."""
    for effect in effects:
        change = effect.days.get(day)
        if change is not None:
            mean = change.on(mean)
    return mean


def final_quantiles(mean: float, final: float, quantiles: Sequence[float | None]) -> Sequence[float | None]:
    """Quantiles of a final from the model's; None where overrides set units against a mean of zero."""
    if final == mean:
        return quantiles
    if mean == 0:
        return [None] * len(quantiles)
    scale = final / mean
    return [None if value is None else value * scale for value in quantiles]


class SeriesBelow:
    """Finds the series below nodes: one pass over the series for each level asked about, then a look-up a node.

    Args:
        series: an array for each attribute (`store_id`, `item_id`, ...), all of one length.
    """

    def __init__(self, series: Mapping[str, NDArray[Any]]) -> None:
        self._series = series
        self._rows: dict[tuple[str, ...], dict[tuple[Any, ...], NDArray[np.intp]]] = {}

    def node(self, node_id: str) -> NDArray[np.intp]:
        """Rows of the series below a node, in order.

        Raises:
            InputError: no such name.
        """
        return self.keys(parse_node(node_id)[1])

    def keys(self, keys: Mapping[str, str]) -> NDArray[np.intp]:
        """Rows of the series with these attributes, in order."""
        names = tuple(keys)
        if names not in self._rows:
            grouped: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            length = len(self._series["item_id"])
            columns = zip(*(self._series[name] for name in names), strict=True) if names else repeat((), length)
            for row, values in enumerate(columns):
                grouped[values].append(row)
            self._rows[names] = {values: np.array(rows, dtype=np.intp) for values, rows in grouped.items()}
        return self._rows[names].get(tuple(keys.values()), np.empty(0, dtype=np.intp))


def apply_effects(
    effects: Iterable[Effect], series: SeriesBelow, means: Floats, days: Sequence[date], served: Mask
) -> tuple[Floats, dict[int, Mask]]:
    """Finals of series x days, after overrides whose effects are known.

    Args:
        effects: in order of creation.
        series: of the rows.
        means: the model's; NaN where a series is not forecast.
        days: of the columns.
        served: whether a row's store is served from the run whose means these are; overrides act on no other.

    Returns:
        Finals like `means`, and, by override, the rows on which it acted.
    """
    units, changed = means.copy(), {}
    column_of = {day.isoformat(): column for column, day in enumerate(days)}
    for effect in effects:
        own = series.keys(effect.keys)
        own = own[served[own]]
        acted = np.zeros(len(means), dtype=bool)
        for day, change in effect.days.items():
            column = column_of.get(day)
            if column is None:
                continue
            rows = own[~np.isnan(units[own, column])]
            units[rows, column] = (
                units[rows, column] * change.factor if change.factor is not None else change.units_each
            )
            acted[rows] = True
        if acted.any():
            changed[effect.override_id] = acted
    return units, changed


def below(series: Mapping[str, NDArray[Any]], node_id: str) -> Mask:
    """Which series are below a node (bool).

    Raises:
        InputError: no such name.
    """
    found: Mask = np.zeros(len(series["item_id"]), dtype=bool)
    found[SeriesBelow(series).node(node_id)] = True
    return found


def adjust(
    series: Mapping[str, NDArray[Any]], means: Floats, days: Sequence[date], adjustments: Iterable[Adjustment]
) -> tuple[Floats, dict[int, dict[date, DayEffect]]]:
    """Apply overrides in the given order.

    Args:
        series: see `SeriesBelow`.
        means: the model's, series x days; NaN where a series is not forecast.
        days: of the columns.
        adjustments: in order of creation.

    Returns:
        Finals like `means`, and what each override did on each day that has series below its node.
    """
    finals, rows_below = means.copy(), SeriesBelow(series)
    done: dict[int, dict[date, DayEffect]] = {}
    for one in adjustments:
        columns = np.array([n for n, day in enumerate(days) if one.valid_from <= day <= one.valid_to], dtype=int)
        rows = rows_below.node(one.node_id)
        block = finals[np.ix_(rows, columns)]
        on_sale = ~np.isnan(block)
        counts = on_sale.sum(axis=0)
        if one.kind == "percent":
            factors = np.full(len(columns), 1 + one.value / 100)
            each = np.full(len(columns), np.nan)
        else:
            totals = np.nansum(block, axis=0)
            shared = totals > SMALLEST_TOTAL
            factors = np.divide(one.value, totals, out=np.full(len(columns), np.nan), where=shared)
            each = np.divide(one.value, counts, out=np.full(len(columns), np.nan), where=~shared & (counts > 0))
        changed = np.where(np.isnan(factors), np.where(on_sale, each, np.nan), block * factors)
        finals[np.ix_(rows, columns)] = changed
        done[one.override_id] = {
            days[column]: DayEffect(
                None if np.isnan(factor) else float(factor), None if np.isnan(set_) else float(set_)
            )
            for column, factor, set_, count in zip(columns, factors, each, counts, strict=True)
            if count
        }
    return finals, done
