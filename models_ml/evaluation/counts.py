"""Negative binomial counts with a mean and a dispersion: variance = mean + dispersion x mean^2."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, gammaincinv

LARGE_MEAN = 60.0
"""Above this mean a gamma distribution of the same mean and variance approximates the counts."""

SMALLEST_DISPERSION = 1e-4
"""Smallest dispersion: practically Poisson, and every formula stays finite."""

CHUNK_ROWS = 400_000


def cumulative(units: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """P(count <= units), elementwise; 0 for units below 0, 1 where the mean is 0.

    Args:
        units: whole numbers.
        mean: not negative.
        dispersion: not negative; broadcasts against `mean`.
    """
    size = 1 / np.maximum(dispersion, SMALLEST_DISPERSION)
    below = betainc(size, np.maximum(units, 0) + 1.0, size / (size + np.maximum(mean, 0.0)))
    return np.where(units < 0, 0.0, np.where(mean > 0, below, 1.0))


def expected_short(mean: np.ndarray, dispersion: np.ndarray, stock: np.ndarray) -> np.ndarray:
    """Expected units asked for beyond `stock`, E[(D - stock)+], of a negative binomial demand D.

    E[D; D > s] = mean x P(D' >= s), where D' has one success more: size + 1 and the same probability.

    Args:
        mean, dispersion: one value a series.
        stock: whole units, not negative.
    """
    size = 1 / np.maximum(dispersion, SMALLEST_DISPERSION)
    above = 1 - cumulative(stock - 1, mean * (size + 1) / size, 1 / (size + 1))
    short = mean * above - stock * (1 - cumulative(stock, mean, dispersion))
    return np.asarray(np.maximum(short, 0.0))


def quantiles(mean: np.ndarray, dispersion: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Quantiles of each count.

    Args:
        mean, dispersion: one value a row.
        probabilities: rows x quantiles, increasing along a row, each in (0, 1).

    Returns:
        float32, rows x quantiles: the smallest count whose cumulative probability reaches the probability; for means
        above `LARGE_MEAN` the gamma's quantile, which need not be whole. Zero where the mean is zero.
    """
    result = np.zeros(probabilities.shape, dtype=np.float32)
    dispersion = np.maximum(dispersion, SMALLEST_DISPERSION)
    for start in range(0, len(mean), CHUNK_ROWS):
        rows = np.arange(start, min(start + CHUNK_ROWS, len(mean)))
        large = mean[rows] > LARGE_MEAN
        many, few = rows[large], rows[~large & (mean[rows] > 0)]
        variance = mean[many] + dispersion[many] * mean[many] ** 2
        shape = (mean[many] ** 2 / variance)[:, None]
        result[many] = gammaincinv(shape, probabilities[many]) * (variance / mean[many])[:, None]
        result[few] = counted_up(mean[few], dispersion[few], probabilities[few])
    return result


def counted_up(mean: np.ndarray, dispersion: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Exact quantiles: probabilities are accumulated count by count; see `quantiles`."""
    result = np.zeros(probabilities.shape, dtype=np.float32)
    size = 1 / dispersion
    ratio = mean / (size + mean)
    mass = np.exp(-size * np.log1p(mean / size))
    reached, open_rows, count = mass.copy(), np.arange(len(mean)), 0
    target = probabilities
    while len(open_rows):
        short = reached[:, None] < target
        result[open_rows] += short
        going = short[:, -1]
        count += 1
        if not going.all():
            open_rows, target = open_rows[going], target[going]
            mass, reached, size, ratio = mass[going], reached[going], size[going], ratio[going]
        mass = mass * (size + count - 1) / count * ratio
        # Rounding may keep the sum just below a probability near 1; a vanishing mass ends the loop.
        reached = np.where(mass > 1e-12, reached + mass, np.where(count > mean[open_rows], 1.0, reached + mass))
    return result
