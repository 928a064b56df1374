"""How far a series may leave its own history: an upper bound on the units of its horizon, learned from its past.

A model of all series can give one of them what belongs to another: a product that sells before Christmas alone was
forecast at most of its department in July. What a series sold lately, or around the same days of last year, says how
much it may sell; by how much series exceed that is learned from horizons that are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from models_ml.forecasters.candidates import QUARTER, YEAR, growth
from models_ml.forecasters.levels import LEVEL_SPANS, NEW_DAYS
from models_ml.warehouse.marts import Marts

SEASON_SHIFT = 28
"""Days by which a season may come earlier or later than last year (Easter moves by up to five weeks)."""

LEARNING_HORIZONS = 4
EXCEEDED_BY = 0.01
"""Share of past horizons that the bound may be exceeded in."""

SPARE_UNITS = 0.5
"""Added to both sides, so that a series without sales may sell a unit."""

LEAST = 2.0
"""The least multiple, also where history is too short to learn one."""


@dataclass(frozen=True)
class ItemBound:
    """A series' horizon sells at most `most` times what it sold lately or in last year's season, plus a unit."""

    most: float = LEAST

    @classmethod
    def learn(cls, marts: Marts) -> ItemBound:
        """Learn from the last horizons that are known at `marts.origin`."""
        horizon = marts.horizon_days
        units = history(marts, LEARNING_HORIZONS)
        launch = units.shape[1] - marts.days_on_sale
        ratios = []
        for number in range(1, LEARNING_HORIZONS + 1):
            end = units.shape[1] - horizon * number
            usable = launch <= end - NEW_DAYS
            if end < NEW_DAYS or not usable.any():
                break
            sold = units[usable, end : end + horizon].sum(axis=1, dtype=np.float64)
            ratios.append((sold + SPARE_UNITS) / (evidence(units[usable, :end], horizon) + SPARE_UNITS))
        return cls(max(LEAST, float(np.quantile(np.concatenate(ratios), 1 - EXCEEDED_BY))) if ratios else LEAST)

    def apply(self, marts: Marts, forecast: np.ndarray) -> np.ndarray:
        """Scale down the series whose horizon exceeds the bound; new ones have no history to be bounded by.

        Args:
            marts: as of the forecast's origin.
            forecast: series x horizon.

        Returns:
            float64, series x horizon; continuous in the history and in the forecast.
        """
        most = self.most * (evidence(history(marts), marts.horizon_days) + SPARE_UNITS)
        total = forecast.sum(axis=1, dtype=np.float64)
        factor = np.minimum(1.0, most / np.maximum(total, 1e-9))
        return np.asarray(forecast * np.where(marts.days_on_sale >= NEW_DAYS, factor, 1.0)[:, None])


def history(marts: Marts, horizons: int = 0) -> np.ndarray:
    """Units of the days that `evidence` asks for as of the origin and so many horizons before it, series x days."""
    days = YEAR + QUARTER + marts.horizon_days * horizons
    since = max(marts.first_day, marts.origin - timedelta(days=days - 1))
    return np.asarray(np.maximum(marts.daily(since, marts.origin), 0.0))


def evidence(units: np.ndarray, horizon: int) -> np.ndarray:
    """Units a horizon that each series is known to sell: lately, or around the same days of last year.

    Args:
        units: series x days known, not negative.
        horizon: days.

    Returns:
        float64: the largest of the trailing means (`LEVEL_SPANS`) and of last year's windows as long as the horizon,
        which begin up to `SEASON_SHIFT` days before or after the day a year before the first target day, times what the
        last quarter sold against that quarter then: what has died since is no evidence.
    """
    days = units.shape[1]
    sums = np.concatenate([np.zeros((len(units), 1)), units.cumsum(axis=1, dtype=np.float64)], axis=1)
    found = np.zeros(len(units))
    for span in LEVEL_SPANS:
        width = min(span, days)
        found = np.maximum(found, (sums[:, days] - sums[:, days - width]) / width * horizon)
    starts = np.arange(days - YEAR - SEASON_SHIFT, days - YEAR + SEASON_SHIFT + 1)
    starts = starts[(starts >= 0) & (starts + horizon <= days)]
    if len(starts):
        then = (sums[:, starts + horizon] - sums[:, starts]).max(axis=1)
        found = np.maximum(found, then * growth(units) if days >= YEAR else then)
    return found
