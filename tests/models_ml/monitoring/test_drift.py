from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import entropy

from models_ml.monitoring.drift import psi, psi_of_chance, reference_days


def test_psi_is_the_divergence_of_the_shares_both_ways() -> None:
    random = np.random.default_rng(0)
    reference, current = random.gamma(2, 1, 5_000), random.gamma(3, 1, 4_000)
    edges = np.quantile(reference, np.arange(0.1, 1, 0.1))
    bins = np.concatenate([[-np.inf], edges, [np.inf]])
    # numpy's histogram and scipy's relative entropy instead of our bins and our sum
    q, p = (np.histogram(values, bins)[0] + 0.5 for values in (reference, current))
    assert psi(reference, current) == pytest.approx(entropy(p, q) + entropy(q, p), rel=1e-9)


def test_psi_of_one_distribution_with_itself_is_nothing() -> None:
    values = np.random.default_rng(0).poisson(0.3, 900).astype(float)  # most values are alike: fewer bins
    assert psi(values, values) == pytest.approx(0, abs=1e-12)
    assert np.isfinite(psi(values, values + 100))
    assert psi(values, values + 100) > 1


@pytest.mark.parametrize("size", [30, 300])
def test_chance_stays_below_its_bound_and_a_shift_does_not(size: int) -> None:
    random = np.random.default_rng(size)
    bound = psi_of_chance(size, size)
    by_chance = [psi(random.normal(size=size), random.normal(size=size)) for _ in range(1_000)]
    assert np.mean(np.array(by_chance) > bound) < 0.01
    shifted = [psi(random.normal(size=size), random.normal(3.0, size=size)) for _ in range(100)]
    assert np.mean(np.array(shifted) > bound) > 0.95


def test_reference_is_the_year_before_on_whatever_grid_the_marts_have() -> None:
    end = date(2016, 5, 25)  # a Wednesday, on a grid of Sundays
    sundays = [date(2016, 5, 22) - timedelta(days=7 * week) for week in range(80)]
    found = reference_days([end, *sundays], end)
    assert len(found) == 13
    assert found[-1] == date(2016, 4, 24)
    assert all(28 * k <= (end - day).days < 28 * k + 7 for k, day in enumerate(reversed(found), start=1))
    assert reference_days(sundays[:8], end) == [date(2016, 4, 24)]
