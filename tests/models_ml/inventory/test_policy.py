"""The policy of a run: against a simulated negative binomial, and what must hold between its figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from models_ml.inventory.interval import SERVICE_LEVELS, IntervalSpread
from models_ml.inventory.policy import intervals_of, inventory_policy, stock_target
from models_ml.inventory.rows import unreached, within_horizon
from models_ml.inventory.terms import digest_of

HORIZON = 28


def terms_with(lead: int = 3, review: int = 7, service: float = 0.95, series: int = 1) -> pd.DataFrame:
    row = {
        "lead_time_days": lead,
        "review_period_days": review,
        "service_level": service,
        "holding_cost": 0.25,
        "shortage_cost": 0.3,
    }
    return pd.DataFrame([row] * series)


def spread_of(days: int, dispersion: float, asked: np.ndarray | None = None, series: int = 1) -> IntervalSpread:
    levels = np.array([SERVICE_LEVELS]) if asked is None else asked
    return IntervalSpread(days, np.full(series, dispersion), np.zeros(series), np.zeros(1), levels)


def spreads_for(terms: pd.DataFrame, dispersion: float) -> dict[int, IntervalSpread]:
    return {days: spread_of(days, dispersion, series=len(terms)) for days in intervals_of(terms)}


def test_it_is_what_draws_of_the_demand_say() -> None:
    daily, dispersion, terms = 2.5, 0.2, terms_with()
    found = inventory_policy(np.full((1, HORIZON), daily), terms, spreads_for(terms, dispersion), np.zeros(1)).iloc[0]

    def draws(days: int) -> np.ndarray:
        mean, size = daily * days, 1 / dispersion
        return np.random.default_rng(days).negative_binomial(size, size / (size + mean), 400_000)

    protected, led = draws(10), draws(3)
    assert found["expected_demand"] == 25
    assert found["order_up_to"] == np.quantile(protected, 0.95, method="higher")
    assert found["reorder_point"] == np.quantile(led, 0.95, method="higher")
    assert found["safety_stock"] == found["order_up_to"] - 25
    assert found["days_of_cover"] == pytest.approx(found["order_up_to"] / daily)
    level = found["order_up_to"]
    assert found["expected_short"] == pytest.approx(np.maximum(protected - level, 0).mean(), rel=0.05)
    left = [np.maximum(level - demand, 0).mean() for demand in (led, protected)]
    assert found["mean_stock"] == pytest.approx(np.mean(left), rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    daily=st.floats(0, 200),
    dispersion=st.floats(0, 5),
    lead=st.integers(0, 14),
    review=st.integers(1, 14),
    service=st.floats(0.5, 0.999),
    skew=st.floats(-0.3, 0.3),
)
def test_figures_keep_to_the_rules_that_the_store_checks(
    daily: float, dispersion: float, lead: int, review: int, service: float, skew: float
) -> None:
    terms = terms_with(lead, review, service)
    spreads = spreads_for(terms, dispersion)
    shorter = max(lead, 1)
    # Each interval is calibrated by itself, so the shorter one may be asked for more than the longer one.
    spreads[shorter] = spread_of(shorter, dispersion, np.clip(np.array([SERVICE_LEVELS]) + skew, 0.01, 0.999))
    row = inventory_policy(np.full((1, HORIZON), daily), terms, spreads, np.zeros(1)).iloc[0]
    assert 0 <= row["reorder_point"] <= row["order_up_to"]
    assert row["safety_stock"] == pytest.approx(row["order_up_to"] - row["expected_demand"])
    assert 0 <= row["expected_short"] <= row["expected_demand"] * 1.001 + 0.001
    assert 0 <= row["mean_stock"] <= row["order_up_to"]
    assert row["days_of_cover"] >= 0


def test_more_service_costs_more_stock_and_leaves_fewer_short() -> None:
    levels = (0.5, 0.8, 0.9, 0.95, 0.99)
    terms = pd.concat([terms_with(service=level) for level in levels], ignore_index=True)
    rows = inventory_policy(np.full((5, HORIZON), 1.3), terms, spreads_for(terms, 0.5), np.zeros(5))
    assert rows["order_up_to"].is_monotonic_increasing
    assert rows["mean_stock"].is_monotonic_increasing
    assert rows["expected_short"].is_monotonic_decreasing


def test_nothing_is_held_of_what_is_launched_later() -> None:
    terms = terms_with(series=2)
    rows = inventory_policy(np.full((2, HORIZON), 5.0), terms, spreads_for(terms, 0.2), np.array([10, 11]))
    assert rows["order_up_to"].tolist()[0] > 0
    assert rows["reorder_point"].tolist() == [0, 0]
    later = rows.iloc[1][["expected_demand", "order_up_to", "expected_short", "days_of_cover", "mean_stock"]]
    assert (later == 0).all()


def test_series_that_the_forecast_does_not_reach_are_told_of() -> None:
    terms = pd.concat([terms_with(lead=3), terms_with(lead=30)], ignore_index=True)
    assert within_horizon(terms, HORIZON).tolist() == [True, False]
    assert unreached(terms[:1], HORIZON) is None
    said = unreached(terms, HORIZON)
    assert said is not None
    assert "1 of 2 series" in said
    assert "37 days" in said


def test_other_terms_are_another_run() -> None:
    assert digest_of(terms_with()) == digest_of(terms_with())
    assert digest_of(terms_with()) != digest_of(terms_with(service=0.96))


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.0), (0.8, 2.0), (3.0, 0.4), (40.0, 0.1)])
def test_whole_units_meet_the_service_level_on_average(mean: float, dispersion: float) -> None:
    series, asked = 4_000, 0.9
    shares = (np.arange(series) + 0.5) / series
    spread = spread_of(3, dispersion, series=series)
    everything = np.ones(series, dtype=bool)
    expected, service = np.full(series, mean), np.full(series, asked)
    reaching = stock_target(expected, spread, service, everything)
    mixed = stock_target(expected, spread, service, everything, shares)
    size = 1 / max(dispersion, 1e-4)
    chance = nbinom(size, size / (size + mean)).cdf
    assert chance(reaching.level[0]) >= asked > chance(reaching.level[0] - 1)
    assert set(mixed.level) <= {reaching.level[0], reaching.level[0] - 1}
    assert chance(mixed.level).mean() == pytest.approx(asked, abs=1e-3)
    for target in (reaching, mixed):
        levels = np.unique(target.level)
        short = {
            level: nbinom(size, size / (size + mean)).expect(lambda d, s=level: np.maximum(d - s, 0))
            for level in levels
        }
        assert target.short == pytest.approx([short[level] for level in target.level], rel=1e-3, abs=1e-6)


def test_what_is_not_on_sale_has_no_target() -> None:
    spread = IntervalSpread(3, np.full(2, 0.3), np.full(2, 1.5), np.zeros(1), np.array([SERVICE_LEVELS]))
    target = stock_target(np.zeros(2), spread, np.full(2, 0.95), np.array([True, False]))
    assert target.expected.tolist() == [0.0, 0.0]  # the forecast; what such items sell all the same raises the level
    assert target.level[0] > 0
    assert target.level[1] == target.short[1] == 0


def test_without_lead_time_an_order_is_on_hand_at_once() -> None:
    rows = {
        lead: inventory_policy(
            np.full((1, HORIZON), 0.05),
            terms_with(lead=lead),
            spreads_for(terms_with(lead=lead), 0.4),
            np.zeros(1),
        ).iloc[0]
        for lead in (0, 1)
    }
    assert intervals_of(terms_with(lead=0)) == [1, 7]
    assert intervals_of(terms_with(lead=1)) == [1, 8]
    for lead, row in rows.items():
        protection, level = 7 + lead, row["order_up_to"]
        mean = 0.05 * protection
        assert (row["protection_days"], row["service_level"]) == (protection, 0.95)
        assert row["days_of_cover"] == pytest.approx(level / 0.05)
        size = 1 / 0.4
        left = [
            0.0
            if days is None
            else nbinom(size, size / (size + 0.05 * days)).expect(lambda d, s=level: np.maximum(s - d, 0))
            for days in (lead or None, protection)
        ]
        on_arrival = level if lead == 0 else left[0]
        assert row["mean_stock"] == pytest.approx((on_arrival + left[1]) / 2, rel=1e-3)
        assert row["expected_demand"] == pytest.approx(mean)
