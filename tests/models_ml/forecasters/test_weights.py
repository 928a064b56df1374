"""Weights learned from trials, and the simple candidates that are weighed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from models_ml.forecasters import candidates
from models_ml.forecasters.item_boosting.bound import evidence
from models_ml.forecasters.weights import learned_weights

MEMBERS, ROWS, TRIALS, DAYS = 4, 5, 3, 7


def trials(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members around what came, each with errors of its own size, and the importance of each error."""
    rng = np.random.default_rng(seed)
    actual = rng.gamma(3, 5, (ROWS, TRIALS, DAYS))
    size = rng.uniform(0.5, 5, (MEMBERS, 1, 1, 1))
    return actual + size * rng.normal(0.2, 1, (MEMBERS, *actual.shape)), actual, rng.uniform(0, 1, actual.shape)


@pytest.mark.parametrize("seed", range(3))
def test_without_a_prior_they_are_those_that_a_general_solver_finds(seed: int) -> None:
    members, actual, importance = trials(seed)
    found = learned_weights(members, actual, importance, np.full(MEMBERS, 0.25), prior_trials=0.0)

    def loss(weights: np.ndarray) -> float:
        return float((importance * (np.tensordot(weights, members, axes=1) - actual) ** 2).sum())

    best = minimize(
        loss,
        np.full(MEMBERS, 0.25),
        bounds=[(0, 1)] * MEMBERS,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
    )
    assert loss(found) <= best.fun * (1 + 1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), prior_trials=st.floats(0, 100))
def test_they_are_never_negative_and_sum_to_one(seed: int, prior_trials: float) -> None:
    members, actual, importance = trials(seed)
    found = learned_weights(members, actual, importance, np.array([0.7, 0.3, 0.0, 0.0]), prior_trials)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1)


def test_the_more_the_prior_counts_the_nearer_they_stay_to_it() -> None:
    members, actual, importance = trials(5)
    prior = np.array([0.1, 0.2, 0.3, 0.4])
    away = [
        np.abs(learned_weights(members, actual, importance, prior, trials_of_prior) - prior).sum()
        for trials_of_prior in (0.0, 3.0, 30.0, 1e6)
    ]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 1e-3
    assert away[0] > 0.1


def test_without_trials_they_are_the_prior() -> None:
    prior = np.array([0.5, 0.5])
    nothing = np.zeros((2, 3, 0, 7))
    assert learned_weights(nothing, nothing[0], nothing[0], prior, 4.0).tobytes() == prior.tobytes()


def test_candidates_say_what_their_names_say() -> None:
    week = np.array([1.0, 2, 3, 4, 5, 6, 7])
    units = np.tile(week, 60)[None, :] * np.array([[1.0], [10.0]])
    said = dict(zip(candidates.CANDIDATES, candidates.forecasts(units, 28), strict=True))
    expected = np.tile(week, 4)[None, :] * np.array([[1.0], [10.0]])
    for name in ("last_week", "recent_weeks", "last_year", "smoothed"):
        np.testing.assert_allclose(said[name], expected, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(said["recent_mean"], [[4.0] * 28, [40.0] * 28])


def test_last_year_comes_again_for_what_was_out_of_season_and_not_for_what_is_dead() -> None:
    day = np.arange(728)
    target = (day >= 364) & (day < 392)
    seasonal = np.where(target, 40.0, 0.0)
    dead = np.where(day < 500, 40.0, 0.0)
    halved = np.where(day < 500, 40.0, 20.0)
    said = candidates.last_year(np.stack([seasonal, dead, halved]), 28).mean(axis=1)
    np.testing.assert_allclose(said, [40.0, 0.0, 20.0], atol=0.1)


@pytest.mark.parametrize("days", [7, 20, 28, 100, 364, 365, 900])
def test_candidates_take_any_history_and_stay_with_nothing_where_nothing_sold(days: int) -> None:
    units = np.random.default_rng(days).poisson(3.0, (4, days)).astype(float)
    units[2] = 0
    said = candidates.forecasts(units, 28)
    assert said.shape == (len(candidates.CANDIDATES), 4, 28)
    assert np.isfinite(said).all()
    assert not said[:, 2].any()


def test_smoothing_follows_a_level_that_jumps_and_not_one_that_is_noise() -> None:
    noise = np.random.default_rng(2).poisson(20.0, 700).astype(float)
    jump = noise + np.where(np.arange(700) >= 650, 40.0, 0.0)
    still, jumped = candidates.smoothed(np.stack([noise, jump]), 28).mean(axis=1)
    assert still == pytest.approx(20, rel=0.08)
    assert jumped == pytest.approx(60, rel=0.15)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 900))
def test_evidence_moves_with_a_unit_that_is_added_by_little(seed: int, days: int) -> None:
    """So an item's bound is continuous in its history: no single sale opens or shuts it."""
    rng = np.random.default_rng(seed)
    units = rng.poisson(rng.gamma(0.3, 2.0), (1, days)).astype(float)
    more = units.copy()
    more[0, rng.integers(days)] += 1
    a_week_long, of_growth = 28 / 7, 0.2 * units.sum() + 2
    assert abs(evidence(more, 28) - evidence(units, 28))[0] <= a_week_long + of_growth


def test_a_year_ago_is_evidence_for_what_was_out_of_season_and_not_for_what_is_dead() -> None:
    day = np.arange(500)
    seasonal = np.where((day >= 136) & (day < 164), 40.0, 0.0)
    dead = np.where(day < 300, 40.0, 0.0)
    came, gone = evidence(np.stack([seasonal, dead]), 28)
    assert came == pytest.approx(28 * 40)
    assert gone < 5
