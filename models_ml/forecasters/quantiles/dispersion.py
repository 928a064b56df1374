"""How far counts spread around their forecast: learned from replays, node by node, shrunk to nodes of its kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_ml.evaluation.counts import SMALLEST_DISPERSION

UNKNOWN_DISPERSION = 1.0
"""For counts of which nothing has been replayed: as wide as a geometric distribution."""

LARGEST_DISPERSION = 20.0

ROUNDS = 6

OUTLIER_VARIANCES = 16.0
"""A squared error counts as this many variances at most: a shelf that was empty for weeks, forecast from its last
sales or refilled out of nothing, would otherwise rule the spread of its whole group."""


@dataclass(frozen=True)
class Dispersion:
    """Dispersion of each node, and how it grows with the lead.

    Attributes:
        of_node: one value a node.
        of_lead: one factor a day of the horizon, on average 1.
    """

    of_node: np.ndarray
    of_lead: np.ndarray

    def at(self, rows: slice | np.ndarray) -> np.ndarray:
        """Dispersion of some nodes on each day: nodes x horizon."""
        return np.asarray(self.of_node[rows, None] * self.of_lead[None, :])


def learn_dispersion(
    mean: np.ndarray, actual: np.ndarray, usable: np.ndarray, group: np.ndarray, prior_days: float
) -> Dispersion:
    """Moments of replayed errors: (error^2 - mean) estimates dispersion x mean^2.

    Each replayed day counts by how much it tells of the dispersion: (mean / (1 + a x mean))^2, where a is the group's
    dispersion; a day of a large count tells 1 / a^2, a day of a rare seller next to nothing.

    Args:
        mean, actual, usable: nodes x replays x horizon.
        group: a code for each node; nodes of a group are alike.
        prior_days: how many days of a large count the group's dispersion is worth against a node's own.
    """
    horizon = mean.shape[2]
    if not usable.any():
        return Dispersion(np.full(len(mean), UNKNOWN_DISPERSION), np.ones(horizon))
    groups = int(group.max()) + 1
    typical = np.full(groups, UNKNOWN_DISPERSION)
    for _ in range(ROUNDS):  # the weights depend on what they estimate; a few rounds settle it
        own, told, by_lead = weighted_moments(mean, actual, usable, typical[group])
        sums = np.bincount(group, own, groups), np.bincount(group, told, groups)
        typical = np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1e-12), UNKNOWN_DISPERSION)
        typical = np.clip(typical, SMALLEST_DISPERSION, LARGEST_DISPERSION)
    prior = prior_days / typical[group] ** 2
    of_node = np.clip((own + prior * typical[group]) / (told + prior), 0.1 * typical[group], LARGEST_DISPERSION)
    smooth = np.polyval(np.polyfit(np.arange(horizon), by_lead, 1), np.arange(horizon)) if horizon > 1 else by_lead
    smooth = np.maximum(smooth, 0.2 * smooth.mean()) if smooth.mean() > 0 else np.ones(horizon)
    return Dispersion(np.maximum(of_node, SMALLEST_DISPERSION), smooth / smooth.mean())


def weighted_moments(
    mean: np.ndarray, actual: np.ndarray, usable: np.ndarray, dispersion: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of weighted estimates and of weights by node, and the estimate by lead relative to the nodes' own."""
    own, told = np.zeros(len(mean)), np.zeros(len(mean))
    lead_sums, lead_weights = np.zeros(mean.shape[2]), np.zeros(mean.shape[2])
    for number in range(mean.shape[1]):  # one replay at a time bounds memory
        m = mean[:, number].astype(np.float64)
        weight = usable[:, number] / (1 + dispersion[:, None] * m) ** 2
        squared = (actual[:, number] - m) ** 2
        part = weight * (np.minimum(squared, OUTLIER_VARIANCES * (m + dispersion[:, None] * m**2)) - m)
        share = weight * m**2
        own += part.sum(axis=1)
        told += share.sum(axis=1)
        lead_sums += (part / dispersion[:, None]).sum(axis=0)
        lead_weights += share.sum(axis=0)
    return own, told, lead_sums / np.maximum(lead_weights, 1e-12)
