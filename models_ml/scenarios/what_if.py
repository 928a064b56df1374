"""A scenario: the effect of prices, flags and events on forecast units, from a stored run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from models_ml.prediction_store.grid import PRICE_STEPS


@dataclass(frozen=True)
class PriceCurves:
    """Price responses; one row a series, NaN where unknown.

    Attributes:
        low, high: trusted range of price over the planned price.
        elasticity, elasticity_low, elasticity_high: with the bounds of the 95 % interval.
        responses: series x `PRICE_STEPS`, the model's units over those at the planned price.
    """

    low: np.ndarray
    high: np.ndarray
    elasticity: np.ndarray
    elasticity_low: np.ndarray
    elasticity_high: np.ndarray
    responses: np.ndarray

    def take(self, rows: np.ndarray) -> PriceCurves:
        """Those of some series."""
        return PriceCurves(*(getattr(self, one.name)[rows] for one in fields(self)))

    def held(self, relative: float | np.ndarray) -> np.ndarray:
        """Each series' price, clipped to its trusted range."""
        return np.asarray(np.clip(relative, self.low, self.high))

    def by_elasticity(self, relative: float | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units over those at the planned price, and their bounds."""
        held = self.held(relative)
        middle = held**self.elasticity
        ends = np.stack([held**self.elasticity_low, held**self.elasticity_high])
        return middle, ends.min(axis=0), ends.max(axis=0)

    def by_model(self, relative: float | np.ndarray) -> np.ndarray:
        """The model's units over those at the planned price, linear between the logarithms of the prices asked."""
        steps = np.insert(np.array(PRICE_STEPS), below := sum(step < 1 for step in PRICE_STEPS), 1.0)
        answers = np.insert(self.responses, below, 1.0, axis=1)
        at = np.log(np.clip(steps[None, :], self.low[:, None], self.high[:, None]))
        wanted = np.log(self.held(relative))
        result = np.ones(len(wanted))
        for left in range(len(steps) - 1):
            inside = (wanted >= at[:, left]) & (wanted <= at[:, left + 1]) & (at[:, left + 1] > at[:, left])
            part = (wanted - at[:, left])[inside] / (at[:, left + 1] - at[:, left])[inside]
            result[inside] = answers[inside, left] + part * (answers[inside, left + 1] - answers[inside, left])
        result[np.isnan(self.responses).any(axis=1)] = np.nan
        return result


def common_range(low: np.ndarray, high: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Price range that is trusted for series with at least half of the weight; (1, 1) without any weight.

    Args:
        low, high: trusted range of each series.
        weight: of each series: its forecast units.
    """
    if weight.sum() <= 0:
        return 1.0, 1.0

    def half(values: np.ndarray) -> float:
        order = np.argsort(values)
        reached = np.cumsum(weight[order]) >= weight.sum() / 2
        return float(values[order][np.argmax(reached)])

    return half(low), -half(-high)


def flag_factors(ratio: np.ndarray, planned: list[str], on: bool, days: np.ndarray) -> np.ndarray:
    """Factors that switch a flag on or off; units change only on days with another plan.

    Args:
        ratio: units with it over units without, one a series.
        planned: of each series `0` or `1` for each target day.
        on: the wanted state.
        days: bool, one a target day: the days of the scenario.

    Returns:
        series x target days.
    """
    set_now = np.array([[digit == "1" for digit in plan[: len(days)]] for plan in planned]).reshape(-1, len(days))
    factor = ratio[:, None] if on else 1 / np.maximum(ratio[:, None], 1e-3)
    return np.where(days[None, :] & (set_now != on), factor, 1.0)


def event_factors(offsets: Mapping[int, float], day: int, on: bool, days: int) -> np.ndarray:
    """Factors that put an event on a day of the horizon, or take it away.

    Args:
        offsets: days after the event (before it, if negative) -> units with it over units without.
        day: position of the event among the target days.
        on: put there, or taken away.
        days: length of the horizon.
    """
    factors = np.ones(days)
    for offset, ratio in offsets.items():
        if 0 <= day + offset < days:
            factors[day + offset] = ratio if on else 1 / max(ratio, 1e-3)
    return factors


def is_monotone(responses: np.ndarray, weight: np.ndarray) -> bool:
    """Whether units never rise with the price, summed over series by weight."""
    known = np.isfinite(responses).all(axis=1) & (weight > 0)
    if not known.any():
        return True
    below = sum(step < 1 for step in PRICE_STEPS)
    whole = np.insert((weight[known][:, None] * responses[known]).sum(axis=0) / weight[known].sum(), below, 1.0)
    return bool((np.diff(whole) <= 1e-9).all())
