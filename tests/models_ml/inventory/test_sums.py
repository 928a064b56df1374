"""Quantiles of sums of days, around a mean and a dispersion."""

from __future__ import annotations

import numpy as np
from scipy import stats

from models_ml.inventory.sums import quantiles_around

MEAN, DISPERSION = np.array([[3.0, 12.0], [0.5, 40.0]]), np.array([2.0, 0.4])


def test_quantiles_are_those_of_the_negative_binomial() -> None:
    found = quantiles_around(MEAN, DISPERSION, (0.025, 0.5, 0.975))
    assert found.shape == (2, 2, 3)
    for (series, span), mean in np.ndenumerate(MEAN):
        size = 1 / DISPERSION[series]
        expected = stats.nbinom.ppf((0.025, 0.5, 0.975), size, size / (size + mean))
        assert found[series, span].tolist() == list(expected)


def test_no_quantiles_are_asked_for() -> None:
    assert quantiles_around(MEAN, DISPERSION, ()).shape == (2, 2, 0)
