from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models_ml.forecasters.levels import LEVEL_WEIGHTS, weighed_level, with_cold_starts
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


def test_a_cold_start_takes_the_median_of_its_own_store_and_department() -> None:
    series = pd.DataFrame({"store_id": ["A"] * 4 + ["B"] * 2, "department_id": ["X", "X", "X", "Y", "X", "X"]})
    levels = with_cold_starts(series, np.array([1.0, 3.0, np.nan, np.nan, 8.0, np.nan]))
    np.testing.assert_allclose(levels, [1, 3, 2, 0, 8, 8])
