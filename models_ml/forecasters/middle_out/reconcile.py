"""From several forecasts of the nodes to one a node and day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_ml.forecasters.candidates import CANDIDATES
from models_ml.forecasters.nodes.panel import YEAR, NodePanel

MEMBERS = ("regression", "boosting", *CANDIDATES)
"""Forecasts of the nodes that are weighed, in this order."""

SIMPLE = {"smoothed": 0.5, "recent_weeks": 0.3, "last_year": 0.2}
"""What the simple candidates weigh among themselves before anything is learned."""


@dataclass(frozen=True)
class BlendParameters:
    """Weights before anything is learned, and how far they are kept; see benchmarks/origins.md.

    Attributes:
        regression_weight: of the regression among the two strong members, at the nodes.
        total_regression_weight: the same for the grand total of the whole horizon.
        trials: horizons before the origin that weights are learned on, at most.
        prior_trials: how many such horizons the weights before learning count as.
    """

    regression_weight: float = 0.35
    total_regression_weight: float = 0.6
    trials: int = 6
    prior_trials: float = 4.0


@dataclass(frozen=True)
class MemberWeights:
    """Weights of `MEMBERS`, each summing to one: of the nodes' days, and of the grand total of the horizon."""

    nodes: np.ndarray
    total: np.ndarray

    def described(self) -> dict[str, dict[str, float]]:
        """Weights by member, for the run's parameters."""
        named = (("nodes", self.nodes), ("total", self.total))
        return {name: dict(zip(MEMBERS, values.round(4).tolist(), strict=True)) for name, values in named}


def strong_share(known_days: int) -> float:
    """What strong models weigh before anything is learned: the less history, the more the simple candidates do.

    A model of weeks, seasons and events has little to learn them from in a few months: the strong members weigh half at
    a year of history, a tenth at four months and nearly all at five years.
    """
    return known_days**2 / (known_days**2 + YEAR**2)


def prior_weights(parameters: BlendParameters, known_days: int) -> MemberWeights:
    """Weights before anything is learned."""
    strong = strong_share(known_days)
    simple = [(1 - strong) * SIMPLE.get(name, 0.0) for name in CANDIDATES]
    nodes, total = (
        np.array([strong * weight, strong * (1 - weight), *simple])
        for weight in (parameters.regression_weight, parameters.total_regression_weight)
    )
    return MemberWeights(nodes, total)


def combine(panel: NodePanel, members: np.ndarray, weights: MemberWeights) -> np.ndarray:
    """One forecast of each node, zero on closed days.

    A node's own level is noisier than the sum of all, so the horizon's grand total is weighed by itself.

    Args:
        panel: the nodes.
        members: members x nodes x horizon.
        weights: of these members.

    Returns:
        float64, nodes x horizon.
    """
    members = np.where(panel.closed[:, panel.known_days :], 0.0, members)
    nodes = np.tensordot(weights.nodes, members, axes=1)
    total = float(weights.total @ members.sum(axis=(1, 2)))
    return np.asarray(nodes * (total / nodes.sum() if nodes.sum() > 0 else 0.0))
