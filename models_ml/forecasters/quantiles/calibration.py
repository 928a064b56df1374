"""Which probability of the fitted distribution has to be asked for, so that the answer is right as often as it says.

Replayed counts are held against their distributions: where on the scale from 0 to 1 did they fall? If the
distributions were right, evenly. Where they are not, the probabilities asked for are moved (conformal calibration of
the probability scale). A count covers the whole step of its distribution, so nothing is drawn at random.
"""

from __future__ import annotations

import numpy as np

from models_ml.evaluation.counts import cumulative

GRID = np.unique(
    np.concatenate([np.geomspace(2e-4, 0.1, 60), np.linspace(0.1, 0.9, 161), 1 - np.geomspace(2e-4, 0.1, 60)])
)
"""Probabilities at which the calibration is tabulated."""

MOST_CELLS = 250_000

INTERVAL = (0.025, 0.975)
"""The interval whose coverage is promised."""


def calibrated_probabilities(
    mean: np.ndarray,
    dispersion: np.ndarray,
    actual: np.ndarray,
    weight: np.ndarray,
    probabilities: tuple[float, ...],
    prior_cells: float,
    interval_coverage: float,
) -> np.ndarray:
    """Probabilities to ask for, one for each wanted.

    Args:
        mean, dispersion, actual, weight: one value a replayed count.
        probabilities: wanted, increasing.
        prior_cells: how many counts' worth of evidence there is for leaving probabilities as they are.
        interval_coverage: most that the interval from `INTERVAL[0]` to `INTERVAL[1]` may cover. The quantiles of a
            rare seller are whole numbers and its lower one is 0, which no count falls below: its interval covers more
            than it says unless the upper quantile is asked for less.

    Returns:
        Increasing, each within (0, 1).
    """
    wanted = np.asarray(probabilities)
    if not weight.sum() > 0:
        return wanted
    asked = np.interp(wanted, share_below(mean, dispersion, actual, weight, prior_cells), GRID)
    upper = cumulative(actual, mean, dispersion)
    lower = cumulative(actual - 1, mean, dispersion)
    if INTERVAL[0] in probabilities and INTERVAL[1] in probabilities:
        low, high = probabilities.index(INTERVAL[0]), probabilities.index(INTERVAL[1])
        # A count is below its quantile when its upper end is below the probability asked for, and at most its
        # quantile when its lower end is.
        missed = (weight * (upper < asked[low])).sum() / weight.sum()
        order = np.argsort(lower)
        covered = np.cumsum(weight[order]) / weight.sum() - missed
        enough = min(int(np.searchsorted(covered, interval_coverage)), len(order) - 1)
        asked[high] = np.clip(lower[order[enough]] + 1e-9, asked[high - 1], asked[high])
    return np.maximum.accumulate(asked)


def share_below(
    mean: np.ndarray,
    dispersion: np.ndarray,
    actual: np.ndarray,
    weight: np.ndarray,
    prior_cells: float,
    prior: np.ndarray = GRID,
) -> np.ndarray:
    """Share of counts that lies below each probability of `GRID`, increasing.

    Args:
        mean, dispersion, actual, weight: one value a replayed count.
        prior_cells: how many counts' worth of evidence there is for `prior`.
        prior: the same share, as it was before; by default counts are as the distribution says.
    """
    upper = cumulative(actual, mean, dispersion)
    lower = cumulative(actual - 1, mean, dispersion)
    # Counts are spread over their step.
    below = np.zeros(len(GRID))
    for position, p in enumerate(GRID):
        inside = np.clip((p - lower) / np.maximum(upper - lower, 1e-12), 0.0, 1.0)
        below[position] = (weight * inside).sum() / weight.sum()
    cells = weight.sum() ** 2 / (weight**2).sum()
    return np.maximum.accumulate((cells * below + prior_cells * prior) / (cells + prior_cells))
