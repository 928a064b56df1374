"""Allocates forecasts of store x department nodes to items, so that all levels add up."""

from __future__ import annotations

import numpy as np

from models_ml.forecasters.assortment import on_sale
from models_ml.forecasters.levels import item_levels
from models_ml.warehouse.marts import Marts


def scale_to_nodes(items: np.ndarray, node_of_item: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Scale items so that they sum to their node on each day.

    Args:
        items: series x horizon, not negative.
        node_of_item: row of `nodes` of each series.
        nodes: nodes x horizon.

    Returns:
        float32, series x horizon. A node whose items are all zero stays zero.
    """
    sums = np.zeros(nodes.shape)
    np.add.at(sums, node_of_item, items)
    factor = np.where(sums > 0, nodes / np.where(sums > 0, sums, 1.0), 0.0)
    return np.asarray(items * factor[node_of_item], dtype=np.float32)


def share_out(marts: Marts, items: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Items scaled to the nodes of `marts.store_departments`.

    Args:
        marts: gives the series and the nodes.
        items: series x horizon, units on sale.
        nodes: nodes x horizon.

    Returns:
        float32, series x horizon.
    """
    return scale_to_nodes(items, marts.node_of_series, nodes)


def share_out_by_level(marts: Marts, nodes: np.ndarray) -> np.ndarray:
    """Allocate nodes by each item's recent level: a constant share on days on sale."""
    return share_out(marts, item_levels(marts)[:, None] * on_sale(marts), nodes)
