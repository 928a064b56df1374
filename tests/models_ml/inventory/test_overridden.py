"""Policies after overrides: against the policy that a run would make of the forecast, had it been the final one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.evaluation import counts
from models_ml.inventory.overridden import IntervalUnits, dispersion_of, final_policy
from models_ml.inventory.policy import FIGURES, inventory_policy

from .test_policy import HORIZON, spreads_for, terms_with


def policy_of(daily: np.ndarray, terms: pd.DataFrame, dispersion: float) -> pd.DataFrame:
    """What a run makes of constant daily means, with its terms; REAL, as the store keeps it."""
    means = np.repeat(np.asarray(daily, dtype=float)[:, None], HORIZON, axis=1)
    policy = inventory_policy(means, terms, spreads_for(terms, dispersion), np.zeros(len(terms)))
    stored = policy[FIGURES].astype(np.float32).astype(np.float64)
    return pd.concat([terms, stored], axis=1)


def after(policy: pd.DataFrame, daily: np.ndarray, final: np.ndarray) -> pd.DataFrame:
    """The policy when every day's units become others."""
    lead = np.maximum(policy["lead_time_days"].to_numpy(), 1)
    days = (policy["lead_time_days"] + policy["review_period_days"]).to_numpy()
    return final_policy(policy, IntervalUnits(daily * days, final * days), IntervalUnits(daily * lead, final * lead))


@settings(max_examples=60, deadline=None)
@given(
    daily=st.floats(0.05, 60),
    factor=st.floats(0.2, 6),
    dispersion=st.floats(0.02, 1.5),
    service=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    lead=st.integers(0, 7),
)
def test_it_is_the_policy_of_the_changed_forecast(
    daily: float, factor: float, dispersion: float, service: float, lead: int
) -> None:
    terms = terms_with(lead=lead, service=service)
    before = policy_of(np.array([daily]), terms, dispersion)
    found = after(before, np.array([daily]), np.array([daily * factor])).iloc[0]
    wanted = policy_of(np.array([daily * factor]), terms, dispersion).iloc[0]
    assert found["expected_demand"] == pytest.approx(wanted["expected_demand"], rel=1e-5)
    # A level is whole units: one stands for a range of probabilities, and of a low one another may be asked.
    for name in ("order_up_to", "reorder_point"):
        assert found[name] == pytest.approx(wanted[name], rel=0.02, abs=1), name
    assert found["safety_stock"] == pytest.approx(found["order_up_to"] - found["expected_demand"])
    assert found["reorder_point"] <= found["order_up_to"]
    assert 0 <= found["mean_stock"] <= found["order_up_to"]
    assert 0 <= found["expected_short"] <= found["expected_demand"]


def test_half_as_much_again_of_what_sells_much_is_half_as_much_safety_again() -> None:
    daily, terms = np.array([90.0, 200.0, 700.0]), terms_with(series=3)
    before = policy_of(daily, terms, 0.3)
    found = after(before, daily, daily * 1.5)
    assert found["expected_demand"].to_numpy() == pytest.approx(before["expected_demand"].to_numpy() * 1.5)
    for name in ("safety_stock", "order_up_to", "expected_short", "mean_stock", "reorder_point"):
        assert found[name].to_numpy() == pytest.approx(before[name].to_numpy() * 1.5, rel=0.005, abs=1), name
    assert found["days_of_cover"].to_numpy() == pytest.approx(before["days_of_cover"].to_numpy(), rel=0.005)


def test_slow_sellers_need_more_but_less_than_in_proportion() -> None:
    daily, terms = np.full(1, 0.5), terms_with()
    before = policy_of(daily, terms, 0.0)
    found = after(before, daily, daily * 9)
    ratio = (found["safety_stock"] / before["safety_stock"]).iloc[0]
    assert np.sqrt(9) * 0.75 < ratio < np.sqrt(9) * 1.25  # counts spread as the root of their mean


def test_what_no_override_moves_stays_as_it_is() -> None:
    daily = np.array([0.0, 0.02, 0.3, 2.0, 40.0, 500.0])
    before = policy_of(daily, terms_with(series=6), 0.4)
    found = after(before, daily, daily)
    pd.testing.assert_frame_equal(found.astype(float), before[FIGURES], rtol=1e-4, atol=1e-4)


def test_where_the_model_expects_nothing_counts_are_poisson_around_the_planners_number() -> None:
    terms = terms_with(lead=3, review=7, service=0.95)
    before = policy_of(np.zeros(1), terms, 0.4)
    assert before["order_up_to"].iloc[0] == 0
    found = after(before, np.zeros(1), np.full(1, 0.8)).iloc[0]
    draws = np.random.default_rng(3).poisson(8, 400_000)
    assert found["expected_demand"] == pytest.approx(8)
    assert found["order_up_to"] == np.quantile(draws, 0.95, method="higher")
    assert found["expected_short"] == pytest.approx(np.maximum(draws - found["order_up_to"], 0).mean(), rel=0.05)


def test_of_what_will_not_sell_nothing_is_held() -> None:
    daily = np.array([0.3, 20.0])
    found = after(policy_of(daily, terms_with(series=2), 0.4), daily, np.zeros(2))
    assert not found.to_numpy().any()


def test_a_shortage_tells_its_dispersion() -> None:
    dispersion = np.array([0.01, 0.2, 1.0, 7.0])
    mean, level = np.full(4, 12.0), np.full(4, 20.0)
    told = dispersion_of(mean, level, counts.expected_short(mean, dispersion, level))
    assert told == pytest.approx(dispersion, rel=1e-4)
