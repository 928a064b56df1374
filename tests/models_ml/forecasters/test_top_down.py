from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models_ml.forecasters.levels import LEVEL_WEIGHTS, NEW_DAYS, LaunchParameters, weighed_level, with_launches
from models_ml.forecasters.top_down import scale_to_nodes

UNITS = st.floats(0, 1e4, width=32)
NODE_OF_ITEM = np.array([0, 0, 1, 1, 1, 2])


@given(items=arrays(np.float64, (6, 3), elements=UNITS), nodes=arrays(np.float64, (3, 3), elements=UNITS))
def test_items_sum_to_their_node_wherever_any_of_them_sells(items: np.ndarray, nodes: np.ndarray) -> None:
    items = np.where(items < 1e-3, 0, items)
    scaled = scale_to_nodes(items, NODE_OF_ITEM, nodes)
    assert (scaled >= 0).all()
    for node in range(3):
        sells = items[node == NODE_OF_ITEM].sum(axis=0) > 0
        expected = np.where(sells, nodes[node], 0)
        np.testing.assert_allclose(scaled[node == NODE_OF_ITEM].sum(axis=0), expected, rtol=1e-4, atol=1e-4)


def test_a_level_weighs_recent_weeks_most() -> None:
    means = {name: np.array([1.0, 10.0 if name == "units_mean_7" else 0.0]) for name in LEVEL_WEIGHTS}
    np.testing.assert_allclose(weighed_level(means), [1.0, 2.0])


STORES, ITEMS = 7, 3


def series_of(stores: int) -> pd.DataFrame:
    """Every store sells every item, all of one department; stores follow each other."""
    rows = [(f"S{store}", f"item {item}", "X") for store in range(stores) for item in range(ITEMS)]
    return pd.DataFrame(rows, columns=["store_id", "item_id", "department_id"])


def levels_of(series: pd.DataFrame, levels: np.ndarray, age: np.ndarray | int) -> np.ndarray:
    return with_launches(series, levels[:, None], np.broadcast_to(age, levels.shape)[:, None], LaunchParameters())[:, 0]


def test_an_item_new_everywhere_takes_the_median_of_its_own_store_and_department() -> None:
    series = pd.DataFrame({"store_id": ["A"] * 4 + ["B"] * 2, "department_id": ["X", "X", "X", "Y", "X", "X"]})
    levels = np.array([1.0, 3.0, np.nan, np.nan, 8.0, np.nan])
    filled = levels_of(series.assign(item_id=list("abcdeg")), levels, np.where(np.isnan(levels), 0, 100))
    np.testing.assert_allclose(filled, [1, 3, 2, 0, 8, 8])


@pytest.mark.parametrize("sold_in", range(STORES))
def test_an_item_new_to_a_store_is_drawn_to_its_share_elsewhere_the_more_stores_sell_it(sold_in: int) -> None:
    """Stores that sell it sell ten times as much as this one, and it is half as much again as their mean."""
    series, levels = series_of(STORES), np.full(STORES * ITEMS, np.nan)
    levels[[0, 1]] = 1.0, 3.0
    for store in range(1, sold_in + 1):
        levels[ITEMS * store : ITEMS * (store + 1)] = [10.0, 20.0, 30.0]
    filled = levels_of(series, levels, np.where(np.isnan(levels), 0, 100))[2]
    median, share = 2.0, 30.0 / 20.0 * 2.0
    assert filled == pytest.approx((sold_in * share + 4 * median) / (sold_in + 4))


@pytest.mark.parametrize("age", [-NEW_DAYS, 0, 1, 14, NEW_DAYS - 1])
def test_first_days_count_by_their_number_against_seven_of_what_is_expected(age: int) -> None:
    levels = np.array([1.0, 3.0, 9.0])
    mixed = levels_of(series_of(1), levels, np.array([100, 100, age]))
    days = max(age, 0)
    np.testing.assert_allclose(mixed, [1.0, 3.0, (days * 9.0 + 7 * 2.0) / (days + 7)])
    assert levels_of(series_of(1), levels, np.array([100, 100, NEW_DAYS]))[2] == 9.0


@given(
    levels=arrays(np.float64, STORES * ITEMS, elements=UNITS | st.just(np.nan)),
    age=arrays(np.int64, STORES * ITEMS, elements=st.integers(-NEW_DAYS, 60)),
)
def test_levels_are_finite_and_those_of_series_with_history_stay(levels: np.ndarray, age: np.ndarray) -> None:
    mixed = levels_of(series_of(STORES), levels, age)
    known = np.isfinite(levels) & (age >= NEW_DAYS)
    assert mixed[known].tobytes() == levels[known].tobytes()
    assert np.isfinite(mixed).all()
    assert (mixed >= 0).all()
