"""Demand over several days: its distribution is fitted to replayed sums, not to daily quantiles.

Errors of successive days are correlated: a forecast that is low today is low tomorrow. The sum of daily quantiles is
therefore too wide, and the spread of independent days too narrow. Sums over exactly the interval are replayed from
past origins instead. They are modelled like the counts of one day (`forecasters.quantiles`): negative binomial around
the mean, with dispersion and calibration fitted by kind of item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from models_ml.forecasters.quantiles.calibration import GRID, MOST_CELLS, share_below
from models_ml.forecasters.quantiles.dispersion import learn_dispersion
from models_ml.forecasters.quantiles.replay import FEWEST_KNOWN_DAYS, MOST_REPLAYS
from models_ml.forecasters.replays import Replays
from models_ml.warehouse.marts import Marts

VOLUME_EDGES = (0.12, 0.5, 2.0, 8.0, 32.0)
"""Bounds in units a day between classes of volume."""

PRIOR_INTERVALS = 6.0
"""Weight of the class's dispersion against a fast seller's own, in replayed intervals."""

PRIOR_CELLS, FEWEST_CELLS_OF_OWN = 500.0, 100.0
"""How many replayed intervals the probabilities as they are, and at least those of a near twin, are worth."""

SERVICE_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 0.995, 0.999)
"""Probabilities at which the calibration is stored; others are interpolated."""

Rule = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""Forecasts from units (series x known days), launch (column of each series) and horizon: series x horizon."""


@dataclass(frozen=True)
class IntervalSpread:
    """Distribution of demand over an interval, around its mean.

    Attributes:
        days: length of the interval.
        dispersion: one value a series; the variance is mean + dispersion x mean^2.
        least: one value a series: average sales of such items where the forecast was zero. Stock covers at
            least this much.
        knots: log of the interval's mean, increasing.
        asked: knots x `SERVICE_LEVELS`, the probabilities to ask the distribution for.
    """

    days: int
    dispersion: np.ndarray
    least: np.ndarray
    knots: np.ndarray
    asked: np.ndarray

    def probability(self, mean: np.ndarray, service_level: np.ndarray) -> np.ndarray:
        """The nominal probability whose quantile is exceeded as rarely as `service_level` asks; one a series."""
        where = np.log(np.maximum(mean, 1e-9))
        table = np.stack([np.interp(where, self.knots, column) for column in self.asked.T], axis=1)
        levels = np.array(SERVICE_LEVELS)
        right = np.clip(np.searchsorted(levels, service_level), 1, len(levels) - 1)
        part = np.clip((service_level - levels[right - 1]) / (levels[right] - levels[right - 1]), 0.0, 1.0)
        rows = np.arange(len(mean))
        return np.asarray(table[rows, right - 1] * (1 - part) + table[rows, right] * part)

    def take(self, rows: np.ndarray) -> IntervalSpread:
        """The spread of some series."""
        return IntervalSpread(self.days, self.dispersion[rows], self.least[rows], self.knots, self.asked)


def learn_spread(replays: Replays, department: np.ndarray, days: int, own: Replays | None = None) -> IntervalSpread:
    """Fit the distribution of sums over the first `days` days of each replay.

    Many replays are needed to tell which items are hard to forecast; where the forecaster has few, a similar, cheaper
    model is replayed. That model's errors are larger than the forecaster's, so stock held against them is too high.
    The forecaster's own errors on held-out horizons are too small, since it learned from later days. Both count
    equally.

    Args:
        replays: of the series.
        department: a code for each series; items of one department and similar volume share a class.
        days: length of the interval, at most the replays' horizon.
        own: of the same series, by the forecaster itself, if `replays` are of a similar model.
    """
    mean = replays.mean[:, :, :days].sum(axis=2, keepdims=True, dtype=np.float64)
    actual = replays.actual[:, :, :days].sum(axis=2, keepdims=True, dtype=np.float64)
    offered = replays.usable[:, :, :days].all(axis=2, keepdims=True)
    silent = (offered & (mean <= 0)).sum(axis=(1, 2))
    sold = (actual * (offered & (mean <= 0))).sum(axis=(1, 2))
    least = np.bincount(department, sold) / np.maximum(np.bincount(department, silent), 1)
    usable = offered & (mean > 0)
    per_day = (mean * usable).sum(axis=(1, 2)) / np.maximum(usable.sum(axis=(1, 2)), 1) / days
    group = department * (len(VOLUME_EDGES) + 1) + np.searchsorted(VOLUME_EDGES, per_day)
    dispersion = learn_dispersion(mean, actual, usable, group, PRIOR_INTERVALS).of_node
    tried = [interval_cells(replays, dispersion, days)]
    if own is not None:
        tried.append(interval_cells(own, dispersion, days))
        least = np.zeros(len(least))  # a model forecasts something of every series
    knots, asked = calibrate(tried, days)
    return IntervalSpread(days, dispersion, least[department], knots, asked)


@dataclass(frozen=True)
class Cells:
    """Replayed intervals: mean and dispersion of what was forecast, and what was sold; one value an interval."""

    mean: np.ndarray
    dispersion: np.ndarray
    actual: np.ndarray

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, dispersion and actual units of some."""
        return self.mean[rows], self.dispersion[rows], self.actual[rows]


def interval_cells(replays: Replays, dispersion: np.ndarray, days: int) -> Cells:
    """Usable intervals of the first `days` days of each replay, at most `MOST_CELLS`, evenly spread."""
    mean = replays.mean[:, :, :days].sum(axis=2, dtype=np.float64)
    actual = replays.actual[:, :, :days].sum(axis=2, dtype=np.float64)
    cells = np.flatnonzero(replays.usable[:, :, :days].all(axis=2) & (mean > 0))
    cells = cells[:: max(1, -(-len(cells) // MOST_CELLS))]
    return Cells(mean.ravel()[cells], dispersion[cells // max(mean.shape[1], 1)], actual.ravel()[cells])


def calibrate(tried: Sequence[Cells], days: int) -> tuple[np.ndarray, np.ndarray]:
    """Knots and probabilities of `IntervalSpread`, each volume by itself; the second of `tried` counts as the first."""
    volumes = [np.searchsorted(VOLUME_EDGES, cells.mean / days) for cells in tried]
    knots, asked = [], []
    for bucket in range(len(VOLUME_EDGES) + 1):
        below, middle = GRID, np.nan
        for number, (cells, volume) in enumerate(zip(tried, volumes, strict=True)):
            rows = volume == bucket
            if rows.any():
                prior_cells = max(rows.sum(), FEWEST_CELLS_OF_OWN) if number else PRIOR_CELLS
                below = share_below(*cells.of(rows), np.ones(rows.sum()), prior_cells, below)
                middle = float(np.log(np.median(cells.mean[rows])))
        if np.isfinite(middle):
            knots.append(middle)
            asked.append(np.interp(SERVICE_LEVELS, below, GRID))
    if not knots:  # nothing was replayed: the distribution is asked for what is wanted
        return np.zeros(1), np.array([SERVICE_LEVELS])
    return np.array(knots), np.array(asked)


def days_to_replay(marts: Marts) -> np.ndarray:
    """Daily units of each series as far back as any rule is replayed: series x days up to the origin."""
    known = (marts.origin - marts.first_day).days + 1
    days = min(known, MOST_REPLAYS * marts.horizon_days + FEWEST_KNOWN_DAYS)
    return marts.daily(marts.origin - timedelta(days=days - 1), marts.origin)


def replay_rule(marts: Marts, rule: Rule, known_days: int, units: np.ndarray) -> Replays:
    """Replay a simple rule from past origins, as `forecasters.quantiles.replay` does its near twin of middle-out.

    Args:
        marts: as of the origin.
        rule: what it forecasts.
        known_days: days before its origin that the rule looks at, at most `FEWEST_KNOWN_DAYS`.
        units: see `days_to_replay`.
    """
    horizon = marts.horizon_days
    count = max(0, (units.shape[1] - FEWEST_KNOWN_DAYS) // horizon)
    days = count * horizon + known_days
    shape = (len(marts.series), count, horizon)
    mean, actual, usable = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, bool)
    if count == 0:
        return Replays(mean, actual, usable, "none")
    first = marts.origin - timedelta(days=days - 1)
    units = units[:, -days:]
    launch = (marts.series["launch_date"] - pd.Timestamp(first)).dt.days.to_numpy()
    for number in range(count):
        end = days - horizon * (number + 1)
        sold = launch[:, None] <= np.arange(end, end + horizon)[None, :]
        mean[:, number] = rule(units[:, end - known_days : end], launch - (end - known_days), horizon) * sold
        actual[:, number] = units[:, end : end + horizon]
        usable[:, number] = sold & (launch[:, None] <= end - 7)
    return Replays(mean, actual, usable, "rule")
