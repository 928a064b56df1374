"""Demand of an item over a week or a horizon: the distribution of sums that its ordering policy has.

The policy learns how far sums over its protection interval stray from their mean. That dispersion, the squared
coefficient of variation of the rate, is that of sums over other spans too; quantiles of days do not add up.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.evaluation import counts
from models_ml.forecasters.replays import Replays
from models_ml.inventory.interval import learn_spread
from models_ml.inventory.overridden import dispersion_of
from models_ml.inventory.rows import within_horizon


def learn_dispersion_of_sums(replays: Replays, series: pd.DataFrame, terms: pd.DataFrame) -> np.ndarray:
    """Dispersion of each series' sums, as `rows.policy_rows` learns it for the protection interval.

    Args:
        replays: of the series, in days.
        series: one row a series.
        terms: one row a series (see `terms.terms_of`).

    Returns:
        float64, one value a series; NaN where the protection interval is longer than the horizon.
    """
    protection = (terms["lead_time_days"] + terms["review_period_days"]).to_numpy()
    reached = within_horizon(terms, replays.mean.shape[2])
    department = pd.factorize(series["department_id"], sort=True)[0]
    dispersion = np.full(len(series), np.nan)
    for days in np.unique(protection[reached]).tolist():
        own = protection == days
        dispersion[own] = learn_spread(replays, department, days).dispersion[own]
    return dispersion


def sum_quantiles(policy: pd.DataFrame, mean: np.ndarray, probabilities: tuple[float, ...]) -> np.ndarray:
    """Quantiles of sums, out of stored policies.

    Args:
        policy: one row a series; columns expected_demand, order_up_to, expected_short.
        mean: units over each span: series x spans.
        probabilities: increasing.

    Returns:
        float32, series x spans x probabilities.
    """
    stored = (policy[name].to_numpy(dtype=np.float64) for name in ("expected_demand", "order_up_to", "expected_short"))
    return quantiles_around(mean, dispersion_of(*stored), probabilities)


def quantiles_around(mean: np.ndarray, dispersion: np.ndarray, probabilities: tuple[float, ...]) -> np.ndarray:
    """Quantiles of sums with these means (series x spans) and dispersions (series): series x spans x probabilities."""
    if not probabilities:
        return np.zeros((*mean.shape, 0), dtype=np.float32)
    flat, spread = mean.astype(np.float64).ravel(), np.repeat(dispersion, mean.shape[1])
    asked = np.tile(probabilities, (len(flat), 1))
    return counts.quantiles(flat, spread, asked).reshape(*mean.shape, len(probabilities))
