"""From two node models to one forecast a node and day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_ml.forecasters.middle_out.panel import NodePanel


@dataclass(frozen=True)
class BlendParameters:
    """Choices made on folds; see benchmarks/accuracy.md.

    Attributes:
        regression_weight: of the regression at the nodes; the rest is the boosting's.
        total_regression_weight: the same for each day's grand total.
        level_shrinkage: how far a node's mean is drawn to its mean of the last 28 days; the grand total is not.
    """

    regression_weight: float = 0.5
    total_regression_weight: float = 0.75
    level_shrinkage: float = 0.5


def blend(panel: NodePanel, regression: np.ndarray, boosting: np.ndarray, parameters: BlendParameters) -> np.ndarray:
    """One forecast of each node, zero on closed days.

    A node's own trend is noisy and is half believed; the trend of the sum of all is believed.

    Returns:
        float64, nodes x horizon.
    """
    weight, total_weight = parameters.regression_weight, parameters.total_regression_weight
    closed = panel.closed[:, panel.known_days :]
    regression, boosting = np.where(closed, 0.0, regression), np.where(closed, 0.0, boosting)
    nodes = weight * regression + (1 - weight) * boosting
    recent, ahead = panel.units[:, -28:].mean(axis=1), nodes.mean(axis=1)
    pull = np.where(ahead > 0, recent / np.maximum(ahead, 1e-9), 1.0)
    nodes = nodes * (1 - parameters.level_shrinkage + parameters.level_shrinkage * pull)[:, None]
    total = (total_weight * regression + (1 - total_weight) * boosting).sum(axis=0)
    said = nodes.sum(axis=0)
    return nodes * np.where(said > 0, total / np.maximum(said, 1e-9), 0.0)[None, :]
