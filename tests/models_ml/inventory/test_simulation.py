"""Stock day by day: nothing appears or vanishes, and an order arrives when it should."""

from __future__ import annotations

import heapq
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.inventory.deliveries import reviews_of
from models_ml.inventory.simulation import Limits, Outcome, simulate, steady_start


def one_series(
    demand: list[float], levels: dict[int, float], lead_time: int, on_hand: float
) -> tuple[list[float], list[float]]:
    """Sales and closing stock by an event queue: an independent telling of the same story."""
    under_way: list[tuple[int, float]] = []
    stock, sales, closing = on_hand, [], []
    for day in range(len(demand) + 1):
        if day:
            while under_way and under_way[0][0] < day:
                stock += heapq.heappop(under_way)[1]
            sales.append(min(stock, demand[day - 1]))
            stock -= sales[-1]
            closing.append(stock)
        if day in levels:
            missing = levels[day] - stock - sum(units for _, units in under_way)
            if missing > 0:
                heapq.heappush(under_way, (day + lead_time, missing))
    return sales, closing


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=15, max_size=15), min_size=1, max_size=4),
    st.integers(0, 6),
    st.integers(1, 7),
    st.integers(0, 30),
    st.integers(0, 20),
)
def test_agrees_with_an_event_queue_and_loses_no_unit(
    demand: list[list[int]], lead_time: int, review: int, level: int, start: int
) -> None:
    units = np.array(demand, dtype=float)
    reviews = np.arange(0, 15, review)
    levels = np.tile(level + np.arange(len(reviews)) % 3, (len(units), 1)).astype(float)
    outcome = simulate(units, levels, reviews, lead_time, np.full(len(units), float(start)))
    for row in range(len(units)):
        told = one_series(
            units[row].tolist(), dict(zip(reviews.tolist(), levels[row].tolist(), strict=True)), lead_time, start
        )
        assert outcome.sales[row].tolist() == told[0]
        assert outcome.stock[row].tolist() == told[1]
    balance = start + outcome.arrivals.cumsum(axis=1) - outcome.sales.cumsum(axis=1)
    np.testing.assert_array_equal(balance, outcome.stock)
    assert (outcome.stock >= 0).all()
    assert (outcome.lost >= 0).all()


def test_an_order_misses_as_many_days_as_its_lead_time() -> None:
    outcome = simulate(np.ones((1, 6)), np.array([[6.0]]), np.array([0]), 2, np.zeros(1))
    assert outcome.sales.tolist() == [[0, 0, 1, 1, 1, 1]]
    assert outcome.arrivals.tolist() == [[0, 0, 6, 0, 0, 0]]


def test_foresight_from_a_steady_start_sells_everything_and_ends_empty() -> None:
    rng = np.random.default_rng(1)
    demand = rng.poisson(3.0, (50, 28 + 3)).astype(float)
    lead, review = 3, 7
    reviews = np.arange(0, 28, review)
    levels = np.stack([demand[:, day : day + lead + review].sum(axis=1) for day in reviews], axis=1)
    outcome: Outcome = simulate(demand[:, :28], levels, reviews, lead, demand[:, :lead].sum(axis=1))
    assert not outcome.lost.any()
    assert outcome.stock[:, 23].tolist() == [0.0] * 50, "used up to the day before the last order arrives"


def test_steady_start_is_what_a_review_leaves_over() -> None:
    assert steady_start(np.array([10.0, 2.0]), np.array([7.0, 5.0])).tolist() == [3.0, 0.0]
    assert steady_start(np.array([10.0]), np.array([6.6]))[0] == pytest.approx(3.0)


def batches_walk(
    demand: list[float], levels: dict[int, float], lead: int, on_hand: float, pack: int, minimum: int, shelf: int
) -> tuple[list[float], list[float], list[float]]:
    """Sales, closing stock and waste of one series with batches as a list of (arrived on, units)."""
    batches, coming = [[0, on_hand]], []
    sales, closing, waste = [], [], []
    for day in range(len(demand) + 1):
        if day:
            batches += [[day - 1, units] for due, units in coming if due == day - 1]
            coming = [(due, units) for due, units in coming if due > day - 1]
            wanted = demand[day - 1]
            for batch in batches:
                taken = min(batch[1], wanted)
                batch[1] -= taken
                wanted -= taken
            sales.append(demand[day - 1] - wanted)
            waste.append(sum(units for arrived, units in batches if day - 1 - arrived >= shelf - 1))
            batches = [one for one in batches if day - 1 - one[0] < shelf - 1]
            closing.append(sum(units for _, units in batches))
        if day in levels:
            missing = levels[day] - sum(units for _, units in batches) - sum(units for _, units in coming)
            order = 0
            while order < missing or 0 < order < minimum:
                order += pack
            if order:
                coming.append((day + lead, float(order)))
    return sales, closing, waste


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=15, max_size=15),
    st.integers(0, 4),
    st.integers(1, 7),
    st.integers(0, 30),
    st.sampled_from([1, 4, 6]),
    st.sampled_from([0, 10]),
    st.integers(2, 6),
)
def test_21_3_packs_minimums_and_shelf_lives_agree_with_a_walk_through_the_batches(
    demand: list[int], lead: int, review: int, level: int, pack: int, minimum: int, shelf: int
) -> None:
    units = np.array([demand, demand], dtype=float)
    reviews = np.arange(0, 15, review)
    levels = np.full((2, len(reviews)), float(level))
    limits = Limits(np.full(2, float(pack)), np.full(2, float(minimum)), np.array([float(shelf), np.nan]))
    outcome = simulate(units, levels, reviews, lead, np.zeros(2), limits)
    told = batches_walk(list(map(float, demand)), dict.fromkeys(reviews.tolist(), float(level)), lead, 0.0, pack,
                        minimum, shelf)  # fmt: skip
    assert outcome.sales[0].tolist() == told[0]
    assert outcome.stock[0].tolist() == told[1]
    assert outcome.wasted[0].tolist() == told[2]
    assert not outcome.wasted[1].any()
    assert (outcome.orders % pack == 0).all()
    assert ((outcome.orders == 0) | (outcome.orders >= minimum)).all()
    balance = (outcome.arrivals - outcome.sales - outcome.wasted).cumsum(axis=1)
    np.testing.assert_allclose(balance, outcome.stock)


def test_21_3_each_delivery_is_ordered_on_the_last_day_on_which_it_can_be() -> None:
    monday = (date(2016, 5, 23) - date(1970, 1, 1)).days
    told = reviews_of(monday, 14, 2, 7, 0, 0b0001001)  # deliveries on Mondays and Thursdays, two days after the order
    assert told.day.tolist() == [1, 5, 8, 12]  # Tuesday for Thursday, Saturday for Monday
    assert told.arrival.tolist() == [3, 7, 10, 14]
    assert told.length.tolist() == [6, 5, 6, 5]
    plain = reviews_of(monday, 14, 3, 7, 0, 0)
    assert (plain.day.tolist(), plain.arrival.tolist(), plain.length.tolist()) == ([0, 7], [3, 10], [10, 10])
