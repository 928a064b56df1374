"""Demand over several days: its spread is learned from sums that were forecast before, not from daily quantiles.

Errors of successive days are correlated (a forecast that is low today is low tomorrow), so neither the sum of daily
quantiles, which is too wide, nor the spread of independent days, too narrow, is that of a sum. Sums over exactly the
interval are replayed from past origins instead; they are counts, and treated like the counts of one day
(`forecasters.quantiles`): negative binomial around the mean, dispersion and calibration learned by kind of item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from models_ml.forecasters.quantiles import counts
from models_ml.forecasters.quantiles.calibration import MOST_CELLS, calibrated_probabilities
from models_ml.forecasters.quantiles.dispersion import learn_dispersion
from models_ml.forecasters.quantiles.replay import FEWEST_KNOWN_DAYS, MOST_REPLAYS, Replays
from models_ml.marts import Marts

VOLUME_EDGES = (0.12, 0.5, 2.0, 8.0, 32.0)
"""Units a day that part items into volumes."""

PRIOR_INTERVALS = 6.0
"""How many replayed intervals of a fast seller the spread of its kind is worth against its own."""

PRIOR_CELLS = 500.0
SERVICE_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 0.995, 0.999)
"""Probabilities at which the calibration is kept; others lie between them."""

Rule = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""Forecasts from units (series x known days), launch (column of each series) and horizon: series x horizon."""


@dataclass(frozen=True)
class IntervalSpread:
    """How demand over an interval of some days spreads around its mean.

    Attributes:
        days: length of the interval.
        dispersion: one value a series; the variance is mean + dispersion x mean^2.
        least: one value a series; what such items sold on average where nothing was forecast. Shelves are refilled
            and slow sellers sell, whatever the last weeks say.
        knots: log of the interval's mean, increasing.
        asked: knots x `SERVICE_LEVELS`, the probabilities to ask the distribution for.
    """

    days: int
    dispersion: np.ndarray
    least: np.ndarray
    knots: np.ndarray
    asked: np.ndarray

    def probability(self, mean: np.ndarray, service_level: np.ndarray) -> np.ndarray:
        """The probability to ask for, so that the answer holds as often as `service_level` says; one a series."""
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


def learn_spread(replays: Replays, department: np.ndarray, days: int) -> IntervalSpread:
    """Learn the spread of sums over the first `days` days of each replay.

    Args:
        replays: of the series.
        department: a code for each series; items of one department and like volume are alike.
        days: length of the interval, at most the replays' horizon.
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
    knots, asked = calibrate(mean, actual, usable, dispersion, days)
    return IntervalSpread(days, dispersion, least[department], knots, asked)


def calibrate(
    mean: np.ndarray, actual: np.ndarray, usable: np.ndarray, dispersion: np.ndarray, days: int
) -> tuple[np.ndarray, np.ndarray]:
    """Knots and probabilities of `IntervalSpread`, each volume by itself."""
    cells = np.flatnonzero(usable)
    cells = cells[:: max(1, -(-len(cells) // MOST_CELLS))]
    node = cells // mean.shape[1]
    m, y, spread = mean.ravel()[cells], actual.ravel()[cells], dispersion[node]
    volume = np.searchsorted(VOLUME_EDGES, m / days)
    knots, asked = [], []
    for bucket in range(len(VOLUME_EDGES) + 1):
        rows = volume == bucket
        if rows.any():
            knots.append(float(np.log(np.median(m[rows]))))
            asked.append(
                calibrated_probabilities(
                    m[rows], spread[rows], y[rows], np.ones(rows.sum()), SERVICE_LEVELS, PRIOR_CELLS, 1.0
                )
            )
    if not knots:  # nothing was replayed: the distribution is asked for what is wanted
        return np.zeros(1), np.array([SERVICE_LEVELS])
    return np.array(knots), np.array(asked)


def replay_rule(marts: Marts, rule: Rule, known_days: int) -> Replays:
    """Replay a simple rule from past origins, as `forecasters.quantiles.replay` does its near twin of middle-out.

    Args:
        marts: as of the origin.
        rule: what it forecasts.
        known_days: days before its origin that the rule looks at.
    """
    horizon = marts.horizon_days
    known = (marts.origin - marts.first_day).days + 1
    count = max(0, min(MOST_REPLAYS, (known - max(FEWEST_KNOWN_DAYS, known_days)) // horizon))
    days = count * horizon + known_days
    shape = (len(marts.series), count, horizon)
    mean, actual, usable = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, bool)
    if count == 0:
        return Replays(mean, actual, usable, "none")
    first = marts.origin - timedelta(days=days - 1)
    units = marts.daily(first, marts.origin)
    launch = (marts.series["launch_date"] - pd.Timestamp(first)).dt.days.to_numpy()
    for number in range(count):
        end = days - horizon * (number + 1)
        sold = launch[:, None] <= np.arange(end, end + horizon)[None, :]
        mean[:, number] = rule(units[:, end - known_days : end], launch - (end - known_days), horizon) * sold
        actual[:, number] = units[:, end : end + horizon]
        usable[:, number] = sold & (launch[:, None] <= end - 7)
    return Replays(mean, actual, usable, "rule")


def expected_short(mean: np.ndarray, dispersion: np.ndarray, stock: np.ndarray) -> np.ndarray:
    """Expected units asked for beyond `stock`, E[(D - stock)+], of a negative binomial demand D.

    E[D; D > s] = mean x P(D' >= s), where D' has one success more: size + 1 and the same probability.

    Args:
        mean, dispersion: one value a series.
        stock: whole units, not negative.
    """
    size = 1 / np.maximum(dispersion, counts.SMALLEST_DISPERSION)
    above = 1 - counts.cumulative(stock - 1, mean * (size + 1) / size, 1 / (size + 1))
    short = mean * above - stock * (1 - counts.cumulative(stock, mean, dispersion))
    return np.asarray(np.maximum(short, 0.0))
