"""The ordering policy after overrides, for the demand that planners expect.

An override moves the level of demand and keeps its relative uncertainty. Demand over an interval is negative binomial:
a Poisson count around an uncertain rate. The override moves the mean; the dispersion (the squared coefficient of
variation of the rate) and the probability behind the stock level stay those of the model's policy. Stock of fast
sellers therefore scales with the mean; slow sellers need less than in proportion. Where the model expects or holds
nothing, counts are Poisson around the planner's number, and the level reaches the service level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models_ml.evaluation import counts
from models_ml.inventory.policy import FIGURES

LARGEST_DISPERSION = 100.0
STEPS = 30
"""Bisection steps on the logarithm of the dispersion: far finer than the stored shortage."""


@dataclass(frozen=True)
class IntervalUnits:
    """Units forecast over an interval, one value a series: the model's, and the final."""

    model: np.ndarray
    final: np.ndarray


def final_policy(policy: pd.DataFrame, protection: IntervalUnits, lead: IntervalUnits) -> pd.DataFrame:
    """The policy for the final forecast.

    Args:
        policy: the model's, one row a series: `FIGURES`, lead_time_days, review_period_days, service_level.
        protection: of lead time and review period together.
        lead: of the lead time alone, at least one day (see `policy.inventory_policy`).

    Returns:
        `FIGURES`, on the index of `policy`; reorder point and order-up-to level are whole.
    """
    service, model_level, model_reorder, known = (
        policy[name].to_numpy(dtype=np.float64)
        for name in ("service_level", "order_up_to", "reorder_point", "expected_demand")
    )
    expected = np.maximum(known + protection.final - protection.model, 0.0)
    dispersion = dispersion_of(known, model_level, policy["expected_short"].to_numpy(dtype=np.float64))
    reorder = moved_level(model_reorder, lead.model, lead.final, dispersion, service)
    level = np.maximum(moved_level(model_level, known, expected, dispersion, service), reorder)
    short = counts.expected_short(expected, dispersion, level)
    left = level - lead.final + counts.expected_short(lead.final, dispersion, level)
    on_arrival = np.where(policy["lead_time_days"].to_numpy() > 0, left, level)
    daily = expected / (policy["lead_time_days"] + policy["review_period_days"]).to_numpy()
    figures = {
        "expected_demand": expected,
        "safety_stock": level - expected,
        "reorder_point": reorder.astype(np.int64),
        "order_up_to": level.astype(np.int64),
        "expected_short": short,
        "days_of_cover": np.where(daily > 0, level / np.where(daily > 0, daily, 1.0), 0.0),
        "mean_stock": np.clip((on_arrival + level - expected + short) / 2, 0.0, level),
    }
    return pd.DataFrame(figures, index=policy.index)[FIGURES]


def dispersion_of(mean: np.ndarray, level: np.ndarray, short: np.ndarray) -> np.ndarray:
    """Dispersion of a negative binomial from the units expected beyond a level (`counts.expected_short`).

    Args:
        mean, level, short: one value a series.

    Returns:
        One value a series; `counts.SMALLEST_DISPERSION` (Poisson) where nothing is held.
    """
    low = np.full(len(mean), np.log(counts.SMALLEST_DISPERSION))
    high = np.full(len(mean), np.log(LARGEST_DISPERSION))
    for _ in range(STEPS):  # the shortage grows with the dispersion
        middle = (low + high) / 2
        above = counts.expected_short(mean, np.exp(middle), level) > short
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where((mean > 0) & (level > 0), np.exp(low), counts.SMALLEST_DISPERSION)


def moved_level(
    level: np.ndarray, model: np.ndarray, final: np.ndarray, dispersion: np.ndarray, service: np.ndarray
) -> np.ndarray:
    """Whole units that cover demand at the final mean as often as `level` does at the model's mean.

    A whole level corresponds to a range of probabilities; the one nearest to the service level is kept. More demand
    never lowers a level, and less never raises it.
    """
    asked = np.clip(probability_reached(level, model, dispersion, service), 1e-6, 1 - 1e-6)
    moved = np.ceil(counts.quantiles(final, dispersion, asked[:, None])[:, 0].astype(np.float64))
    return np.asarray(np.where(final >= model, np.maximum(moved, level), np.minimum(moved, level)))


def probability_reached(level: np.ndarray, mean: np.ndarray, dispersion: np.ndarray, service: np.ndarray) -> np.ndarray:
    """The probability behind a whole level: of the range that it corresponds to, the one nearest to `service`."""
    reached = counts.cumulative(level, mean, dispersion)
    below = counts.cumulative(level - 1, mean, dispersion)
    return np.asarray(np.where(mean > 0, np.clip(service, np.minimum(below + 1e-9, reached), reached), service))
