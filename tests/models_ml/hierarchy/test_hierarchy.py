from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, LEVELS, Hierarchy


def some_series(stores: list[tuple[str, str]], items: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"store_id": s, "region_id": r, "item_id": i, "department_id": d, "category_id": c}
            for s, r in stores
            for i, d, c in items
        ]
    )


SERIES = some_series(
    [("N1", "north"), ("N2", "north"), ("S1", "south")],
    [("a", "d1", "c1"), ("b", "d1", "c1"), ("c", "d2", "c1"), ("d", "d3", "c2")],
)


def test_each_level_partitions_the_series() -> None:
    hierarchy = Hierarchy.of(SERIES)
    for level in LEVELS:
        rows = hierarchy.summing[hierarchy.level_of_node == level.number]
        assert (np.asarray(rows.sum(axis=0)) == 1).all(), level.name
        groups = SERIES.groupby(list(level.keys)).ngroups if level.keys else 1
        assert rows.shape[0] == groups


def test_aggregates_equal_a_pandas_groupby() -> None:
    hierarchy = Hierarchy.of(SERIES)
    values = np.random.default_rng(1).integers(0, 9, (len(SERIES), 5)).astype(np.float32)
    sums = pd.DataFrame(hierarchy.aggregate(values), index=hierarchy.nodes["node_id"])
    for level in LEVELS[1:]:
        keys = list(level.keys)
        expected = pd.concat([SERIES[keys], pd.DataFrame(values)], axis=1).groupby(keys).sum()
        for key, row in expected.iterrows():
            name = key if isinstance(key, tuple) else (key,)
            assert (sums.loc[level.name + ":" + "|".join(name)] == row).all()


def test_one_store_has_all_levels_and_aggregate_levels_leave_items_out() -> None:
    one = SERIES[SERIES["store_id"] == "N1"]
    assert set(Hierarchy.of(one).nodes["level"]) == set(range(1, 13))
    assert set(Hierarchy.of(one, AGGREGATE_LEVELS).nodes["level"]) == set(range(1, 10))
