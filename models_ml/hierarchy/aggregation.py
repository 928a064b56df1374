"""Series summed up to the twelve levels of the hierarchy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from models_ml.hierarchy.levels import AGGREGATE_LEVELS, BOTTOM_AGGREGATE, LEVELS, Level

__all__ = ["AGGREGATE_LEVELS", "BOTTOM_AGGREGATE", "LEVELS", "Hierarchy", "Level", "node_ids"]


def node_ids(series: pd.DataFrame, level: Level) -> pd.Series:
    """Each series' node at `level`, e.g. `store_department:CA_1|FOODS_3`.

    Args:
        series: one row a series with the level's key columns.
        level: the level.

    Returns:
        Strings, one per row of `series`, on its index.
    """
    if not level.keys:
        return pd.Series(level.name, index=series.index, dtype="object")
    joined = series[level.keys[0]].astype(str)
    for key in level.keys[1:]:
        joined = joined + "|" + series[key].astype(str)
    return level.name + ":" + joined


@dataclass(frozen=True)
class Hierarchy:
    """All nodes over a set of series, and the matrix that sums series into them.

    Attributes:
        series: one row per series: item_id, store_id, department_id, category_id, region_id.
        nodes: one row per node: node_id, level, level_name and the key columns (null where they do not apply),
            ordered by level and node_id.
        summing: sparse 0/1 matrix, nodes x series.
    """

    series: pd.DataFrame
    nodes: pd.DataFrame
    summing: sparse.csr_matrix

    @classmethod
    def of(cls, series: pd.DataFrame, levels: tuple[Level, ...] = LEVELS) -> Hierarchy:
        """Build the hierarchy over `series`, which may be any subset of stores."""
        series = series.reset_index(drop=True)
        frames, rows, offset = [], [], 0
        for level in levels:
            codes, names = pd.factorize(node_ids(series, level), sort=True)
            first = pd.Series(np.arange(len(series))).groupby(codes).first().to_numpy()
            frame = pd.DataFrame({"node_id": names, "level": level.number, "level_name": level.name})
            for key in ("region_id", "store_id", "category_id", "department_id", "item_id"):
                used = key in level.keys
                frame[key] = series[key].to_numpy()[first] if used else pd.Series([None] * len(frame), dtype="object")
            frames.append(frame)
            rows.append(codes + offset)
            offset += len(names)
        columns = np.tile(np.arange(len(series)), len(levels))
        matrix = sparse.csr_matrix(
            (np.ones(len(columns), dtype=np.float32), (np.concatenate(rows), columns)),
            shape=(offset, len(series)),
        )
        return cls(series, pd.concat(frames, ignore_index=True), matrix)

    def aggregate(self, values: np.ndarray) -> np.ndarray:
        """Sum series into nodes: (series x days) -> (nodes x days)."""
        return np.asarray(self.summing @ values)

    @cached_property
    def level_of_node(self) -> np.ndarray:
        """Level number of each node."""
        return self.nodes["level"].to_numpy()
