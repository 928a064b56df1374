"""Counts against scipy's own negative binomial, and the properties that quantiles must have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from models_ml.evaluation.counts import LARGE_MEAN, cumulative, quantiles
from models_ml.settings import QUANTILES

PROBABILITIES = np.array(QUANTILES)
MEANS = np.array([0.01, 0.2, 0.9, 3.0, 17.5, LARGE_MEAN])
DISPERSIONS = np.array([0.001, 0.3, 1.0, 8.0])


def grid() -> tuple[np.ndarray, np.ndarray]:
    mean, dispersion = np.meshgrid(MEANS, DISPERSIONS)
    return mean.ravel(), dispersion.ravel()


def test_quantiles_are_those_of_scipy() -> None:
    mean, dispersion = grid()
    ours = quantiles(mean, dispersion, np.tile(PROBABILITIES, (len(mean), 1)))
    size = 1 / dispersion[:, None]
    assert np.array_equal(ours, nbinom.ppf(PROBABILITIES[None, :], size, size / (size + mean[:, None])))


def test_cumulative_is_that_of_scipy() -> None:
    mean, dispersion = grid()
    units = np.arange(-1.0, 60.0)[None, :]
    size = 1 / dispersion[:, None]
    expected = nbinom.cdf(units, size, size / (size + mean[:, None]))
    assert np.allclose(cumulative(units, mean[:, None], dispersion[:, None]), expected, atol=1e-9)


def test_large_counts_go_on_where_small_ones_end() -> None:
    mean = np.array([LARGE_MEAN, LARGE_MEAN * 1.0001])
    below, above = quantiles(mean, np.array([0.1, 0.1]), np.tile(PROBABILITIES, (2, 1)))
    assert np.allclose(below, above, rtol=0.03, atol=1.0)


@given(
    st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 20)), min_size=1, max_size=20),
    st.lists(st.floats(0.0005, 0.9995), min_size=9, max_size=9),
)
@settings(max_examples=60, deadline=None)
def test_quantiles_are_ordered_finite_and_not_negative(rows: list[tuple[float, float]], asked: list[float]) -> None:
    mean, dispersion = np.array(rows).T
    found = quantiles(mean, dispersion, np.tile(np.sort(asked), (len(rows), 1)))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found[mean == 0] == 0).all()


@pytest.mark.parametrize("dispersion", [0.01, 0.5, 3.0])
def test_quantiles_grow_with_the_mean(dispersion: float) -> None:
    mean = np.geomspace(0.01, LARGE_MEAN, 200)
    found = quantiles(mean, np.full(200, dispersion), np.tile(PROBABILITIES, (200, 1)))
    assert (np.diff(found, axis=0) >= 0).all()


def test_what_is_certain_not_to_sell_has_only_zeros() -> None:
    assert not quantiles(np.zeros(3), np.ones(3), np.tile(PROBABILITIES, (3, 1))).any()
    assert (cumulative(np.array([0.0, 4.0]), np.zeros(2), np.ones(2)) == 1).all()
