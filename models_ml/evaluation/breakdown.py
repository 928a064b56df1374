"""Errors of a backtest by node and series, and by lead day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.evaluation.metrics import Evaluator

SUMS = ["actual_units", "forecast_units", "absolute_error_units"]
"""Sums of units; WAPE and bias of any group of rows follow from them."""

ERRORS = [*SUMS, "rmsse"]
NODE_COLUMNS = ["node_id", "level", "store_id", "item_id", *ERRORS]
LEAD_COLUMNS = ["level", "lead_days", *SUMS]


def node_errors(evaluator: Evaluator, forecast: np.ndarray) -> pd.DataFrame:
    """Errors over the horizon of every node of the hierarchy; those of the last level are the series.

    Args:
        evaluator: of the origin.
        forecast: series x horizon, or nodes x horizon if it is for every node of the hierarchy.

    Returns:
        One row a node, in the hierarchy's order; columns `NODE_COLUMNS`. store_id and item_id are null for a node
        that is of no one store or item; units are of the whole horizon, absolute_error_units = the sum of the days'
        |forecast - actual|; `rmsse` is NaN where the node never moved in training.
    """
    forecast = evaluator.of_nodes(forecast)
    rmsse, _ = evaluator.scaled_errors(forecast)
    sums = error_sums(evaluator.actual, forecast, axis=1)
    return evaluator.hierarchy.nodes.assign(**sums, rmsse=rmsse)[NODE_COLUMNS]


def lead_errors(evaluator: Evaluator, forecast: np.ndarray, step_days: int = 1) -> pd.DataFrame:
    """Errors of each lead day on each level.

    Args:
        evaluator: of the origin.
        forecast: as in `node_errors`.
        step_days: days of a step of the horizon.

    Returns:
        One row a level and step, by its first lead day (1 is the day after the origin); columns `LEAD_COLUMNS`, over
        the nodes of the level, as in `node_errors`.
    """
    forecast = evaluator.of_nodes(forecast)
    parts = []
    for level in np.unique(evaluator.hierarchy.level_of_node):
        at = evaluator.hierarchy.level_of_node == level
        errors = error_sums(evaluator.actual[at], forecast[at], axis=0)
        leads = 1 + step_days * np.arange(forecast.shape[1])
        parts.append(pd.DataFrame({"level": level, "lead_days": leads, **errors}))
    return pd.concat(parts, ignore_index=True)


def error_sums(actual: np.ndarray, forecast: np.ndarray, *, axis: int) -> dict[str, np.ndarray]:
    """Sums along an axis of nodes x horizon: `SUMS`."""
    sums = (values.sum(axis=axis, dtype=np.float64) for values in (actual, forecast, np.abs(forecast - actual)))
    return dict(zip(SUMS, sums, strict=True))
