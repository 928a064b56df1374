"""Where a forecast of a past origin was wrong: by node and series, and by lead day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.evaluation.metrics import Evaluator

RELATIVE = ["actual_units", "forecast_units", "wape", "bias"]
ERRORS = [*RELATIVE, "rmsse", "mase"]
NODE_COLUMNS = ["node_id", "level", "store_id", "item_id", *ERRORS]
LEAD_COLUMNS = ["level", "lead_days", *RELATIVE]


def node_errors(evaluator: Evaluator, forecast: np.ndarray) -> pd.DataFrame:
    """Errors over the horizon of every node of the hierarchy; those of the last level are the series.

    Args:
        evaluator: of the origin.
        forecast: series x horizon, or nodes x horizon if it is for every node of the hierarchy.

    Returns:
        One row a node, in the hierarchy's order; columns `NODE_COLUMNS`. store_id and item_id are null for a node
        that is of no one store or item; actual_units and forecast_units are of the whole horizon; `wape` =
        sum|error| / sum(actual) and `bias` = sum(forecast - actual) / sum(actual), NaN where nothing was sold;
        `rmsse` and `mase` are NaN where the node never moved in training.
    """
    forecast = evaluator.of_nodes(forecast)
    squared, absolute = evaluator.scaled_errors(forecast)
    relative = relative_errors(evaluator.actual, forecast, axis=1)
    return evaluator.hierarchy.nodes.assign(**relative, rmsse=squared, mase=absolute)[NODE_COLUMNS]


def lead_errors(evaluator: Evaluator, forecast: np.ndarray) -> pd.DataFrame:
    """Errors of each lead day on each level.

    Args:
        evaluator: of the origin.
        forecast: as in `node_errors`.

    Returns:
        One row a level and lead day (1 is the day after the origin); columns `LEAD_COLUMNS`, over the nodes of the
        level, as in `node_errors`.
    """
    forecast = evaluator.of_nodes(forecast)
    parts = []
    for level in np.unique(evaluator.hierarchy.level_of_node):
        at = evaluator.hierarchy.level_of_node == level
        errors = relative_errors(evaluator.actual[at], forecast[at], axis=0)
        parts.append(pd.DataFrame({"level": level, "lead_days": np.arange(1, forecast.shape[1] + 1), **errors}))
    return pd.concat(parts, ignore_index=True)


def relative_errors(actual: np.ndarray, forecast: np.ndarray, *, axis: int) -> dict[str, np.ndarray]:
    """Sums along an axis of nodes x horizon, and errors relative to them: `RELATIVE`."""
    sold = actual.sum(axis=axis, dtype=np.float64)
    said = forecast.sum(axis=axis, dtype=np.float64)
    per_unit = np.where(sold > 0, sold, np.nan)
    wrong = np.abs(forecast - actual).sum(axis=axis, dtype=np.float64)
    return dict(zip(RELATIVE, (sold, said, wrong / per_unit, (said - sold) / per_unit), strict=True))
