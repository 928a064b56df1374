"""Elasticities that were planted are found again among clearances, which a regression on all weeks takes for demand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models_ml.scenarios.clearances import ORDINARY, absences, lives_of, ordinary_weeks
from models_ml.scenarios.elasticity import Panel, estimate
from models_ml.scenarios.history import PriceHistory
from models_ml.scenarios.tables import learn, trusted_ranges

from .test_elasticity import simulated

ELASTICITY = -1.5
WEEKS, LENGTH = 104, 9
"""Of the simulated history, and of a clearance."""


def with_clearances(seed: int, *, cleared: float, back: bool) -> tuple[pd.DataFrame, PriceHistory, np.ndarray]:
    """Simulated sales in which some series fade out, are cut deeper and deeper, and are gone.

    Args:
        seed: of the random numbers.
        cleared: share of series.
        back: they return at their old price and level, as seasonal goods do; else they are gone for good.

    Returns:
        The series, their history, and of each series the week in which its clearance begins (negative: none).
    """
    panel, _ = simulated(seed, elasticity=ELASTICITY, items=120, weeks=WEEKS)
    random = np.random.default_rng(seed)
    regular = panel.log_price.max(axis=1, keepdims=True)
    log_price = np.where(panel.log_price < regular - 1e-9, regular + np.log(0.9), regular)  # offers of 10 %
    level = panel.units * np.exp(ELASTICITY * (log_price - panel.log_price))
    units = random.poisson(level)
    begin = np.where(random.random(len(units)) < cleared, random.integers(40, 70, len(units)), -WEEKS)
    week = np.arange(WEEKS)[None, :] - begin[:, None]
    inside = (begin >= 0)[:, None] & (week >= 0) & (week < LENGTH)
    gone = (begin >= 0)[:, None] & (week >= LENGTH) & ((week < LENGTH + 20) | (not back))
    log_price = np.where(inside, regular - 0.2 * (1 + week // 3), log_price)
    fading = np.exp(-0.35 * np.clip(week, 0, LENGTH))  # for other reasons than the price
    units = np.where(inside, random.poisson(level.mean(axis=1, keepdims=True) * fading), np.where(gone, 0, units))
    log_price = np.where(gone, regular - 0.6, log_price)
    series = pd.DataFrame(
        {"store_id": panel.group.astype(str), "item_id": panel.item.astype(str), "department_id": "D"}
    )
    price = np.exp(log_price)
    return series, PriceHistory(units.astype(float), price, {}, price[:, -1]), begin


@pytest.mark.parametrize("back", [False, True], ids=["gone for good", "back next season"])
def test_a_planted_elasticity_is_found_among_clearances(back: bool) -> None:
    series, history, begin = with_clearances(1, cleared=0.4, back=back)
    departments, _, ordinary = learn(series, history)
    found = departments.iloc[0]
    assert found["elasticity"] == pytest.approx(ELASTICITY, abs=0.3)
    assert found["elasticity_low"] <= ELASTICITY <= found["elasticity_high"]
    panel = simulated(1, elasticity=ELASTICITY, items=120, weeks=WEEKS)[0]
    blind = Panel(history.units, np.log(history.price), panel.controls, panel.group, panel.item)
    assert estimate(blind).department.low[0] > ELASTICITY + 0.5  # all weeks: wrong, and sure of it
    week = np.arange(WEEKS)[None, :] - begin[:, None]
    assert ordinary[(begin >= 0)[:, None] & (week >= 0) & (week < LENGTH + 20)].mean() < 0.05
    low, _, _ = trusted_ranges(series, history, ordinary)
    sold = history.units.mean(axis=1) > 1  # of less, gaps are no sign of anything
    assert (low[sold] >= np.exp(-2 * ORDINARY)).all()  # no what-if asks for what only clearances have seen


def test_without_clearances_nothing_is_lost_but_cuts_that_last_to_the_end() -> None:
    series, history, _ = with_clearances(2, cleared=0.0, back=False)
    departments, _, ordinary = learn(series, history)
    assert departments["elasticity"].iloc[0] == pytest.approx(ELASTICITY, abs=0.15)
    assert ordinary.mean() > 0.95
    assert ordinary[:, :-26].mean() > 0.98


def test_a_cut_that_is_taken_back_is_an_offer_and_one_that_is_not_a_run_out() -> None:
    offer = np.log([10.0] * 8 + [9.0] * 4 + [10.0] * 8)
    lasting = np.log([10.0] * 12 + [9.5] * 4 + [9.0] * 4)
    long_ago = np.log([10.0] * 5 + [9.0] * 35)[None, :]
    units = np.full((2, 20), 50.0)
    prices = np.stack([offer, lasting])
    ordinary = ordinary_weeks(prices, lives_of(units, prices > 0), np.zeros(prices.shape, bool), 0.01)
    assert ordinary[0].all()
    assert ordinary[1].tolist() == [True] * 12 + [False] * 8
    kept = ordinary_weeks(long_ago, np.zeros(long_ago.shape, int), np.zeros(long_ago.shape, bool), 0.01)
    assert kept.all()


def test_a_deep_cut_counts_where_a_flag_says_why() -> None:
    price = np.log([10.0] * 8 + [6.0] * 4 + [10.0] * 8)[None, :]
    flag = price < np.log(9)
    lives = np.zeros(price.shape, dtype=int)
    assert ordinary_weeks(price, lives, flag, 0.01).all()
    assert ordinary_weeks(price, lives, np.zeros_like(flag), 0.01).tolist() == [(~flag[0]).tolist()]


def test_weeks_without_a_sale_are_an_absence_only_where_that_is_no_chance() -> None:
    units = np.zeros((3, 30))
    units[0, :10] = units[0, 20:] = 5  # ten weeks of five missed units
    units[1, ::8] = 1  # one unit in eight weeks: its gaps are chance
    units[2, 6:20] = 5  # launched, and gone
    priced = np.ones(units.shape, dtype=bool)
    priced[2, :5] = False
    absent = absences(units, priced)
    assert absent[0].tolist() == [False] * 10 + [True] * 10 + [False] * 10
    assert not absent[1].any()
    assert absent[2, 20:].all()
    lives = lives_of(units, priced)
    assert lives[0].tolist() == [0] * 10 + [-1] * 10 + [1] * 10
    assert set(lives[2, 6:20]) == {0}
