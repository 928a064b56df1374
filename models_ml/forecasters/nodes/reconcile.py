"""From two node models to one forecast a node and day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_ml.forecasters.nodes.panel import NodePanel


@dataclass(frozen=True)
class BlendParameters:
    """Choices made on folds; see benchmarks/accuracy.md.

    Attributes:
        regression_weight: of the regression at the nodes; the rest is the boosting's.
        total_regression_weight: the same for the grand total of the whole horizon.
        level_shrinkage: how far a node's mean is drawn to its mean of the last 28 days; the grand total is not.
    """

    regression_weight: float = 0.35
    total_regression_weight: float = 0.6
    level_shrinkage: float = 0.3


def blend(panel: NodePanel, regression: np.ndarray, boosting: np.ndarray, parameters: BlendParameters) -> np.ndarray:
    """One forecast of each node, zero on closed days.

    The boosting knows better how days and nodes differ, the regression how much there will be in all. A node's own
    trend is noisy and believed in part; the trend of the sum of all is believed.

    Returns:
        float64, nodes x horizon.
    """
    weight, total_weight = parameters.regression_weight, parameters.total_regression_weight
    closed = panel.closed[:, panel.known_days :]
    regression, boosting = np.where(closed, 0.0, regression), np.where(closed, 0.0, boosting)
    nodes = weight * regression + (1 - weight) * boosting
    recent = panel.units[:, -28:].mean(axis=1)
    ahead = nodes.sum(axis=1) / np.maximum((~closed).sum(axis=1), 1)
    pull = np.where(ahead > 0, recent / np.maximum(ahead, 1e-9), 1.0)
    shrunk = nodes * (1 - parameters.level_shrinkage + parameters.level_shrinkage * pull)[:, None]
    total = total_weight * regression.sum() + (1 - total_weight) * boosting.sum()
    days = nodes.sum(axis=0)
    days = days * (total / days.sum()) if days.sum() > 0 else days
    said = shrunk.sum(axis=0)
    return shrunk * np.where(said > 0, days / np.maximum(said, 1e-9), 0.0)[None, :]
