"""Quantiles around any mean forecast, for all twelve levels."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models_ml.evaluation.hierarchy import Hierarchy
from models_ml.forecasters.quantiles.calibration import MOST_CELLS, calibrated_probabilities
from models_ml.forecasters.quantiles.counts import quantiles
from models_ml.forecasters.quantiles.dispersion import Dispersion, learn_dispersion
from models_ml.forecasters.quantiles.replay import Replays
from models_ml.settings import QUANTILES

FIRST_ITEM_LEVEL = 10
"""From this level on nodes are items: many, small, alike within a department and volume."""

VOLUME_EDGES = (0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Units a day that part items into volumes."""

FEWEST_CELLS = 2_000
"""Replayed counts below which a volume is not calibrated on its own but with the one below it."""


@dataclass(frozen=True)
class QuantileParameters:
    """Choices made on folds; see benchmarks/quantiles.md.

    Attributes:
        node_prior_days, item_prior_days: weight of the group's dispersion against a node's own.
        node_prior_cells, item_prior_cells: weight of the uncalibrated probabilities, in replayed counts.
        interval_coverage: most that the 95 % interval of an item may cover (see `calibration`).
    """

    node_prior_days: float = 50.0
    item_prior_days: float = 10.0
    node_prior_cells: float = 364.0
    item_prior_cells: float = 500.0
    interval_coverage: float = 0.96


@dataclass(frozen=True)
class Calibration:
    """Probabilities to ask for by log mean: `knots` (increasing) and knots x wanted probabilities."""

    knots: np.ndarray
    asked: np.ndarray

    def at(self, mean: np.ndarray) -> np.ndarray:
        """Probabilities to ask for at each mean: rows x wanted probabilities, between knots by interpolation."""
        where = np.log(np.maximum(mean, 1e-9))
        columns = [np.interp(where, self.knots, self.asked[:, column]) for column in range(self.asked.shape[1])]
        return np.stack(columns, axis=1)


@dataclass
class QuantileModel:
    """Fits spread and calibration on replays; gives quantiles around a mean forecast."""

    parameters: QuantileParameters = field(default_factory=QuantileParameters)

    def fit(self, hierarchy: Hierarchy, replays: Replays) -> None:
        """Learn, level by level.

        Args:
            hierarchy: all twelve levels over the series.
            replays: of the same series.
        """
        self.hierarchy = hierarchy
        self._replays, self._method = replays.count, replays.method
        self._fitted: list[tuple[np.ndarray, Dispersion, Calibration]] = []
        shape = replays.mean.shape
        flat = {
            name: values.reshape(len(values), -1)
            for name, values in (("mean", replays.mean), ("actual", replays.actual), ("usable", replays.usable))
        }
        for levels in level_groups(hierarchy):
            rows = np.flatnonzero(np.isin(hierarchy.level_of_node, levels))
            summing = hierarchy.summing[rows]
            if levels == [12]:  # its nodes are the series, in another order
                mean, actual, usable = (flat[name][summing.indices] for name in ("mean", "actual", "usable"))
            else:
                mean = np.asarray(summing @ (flat["mean"] * flat["usable"]))
                actual = np.asarray(summing @ (flat["actual"] * flat["usable"]))
                usable = np.asarray(summing @ flat["usable"].astype(np.float32)) > 0
            self._fitted.append(
                (
                    rows,
                    *self._fit_level(
                        levels[0], rows, *(v.reshape(len(rows), *shape[1:]) for v in (mean, actual, usable))
                    ),
                )
            )

    def details(self) -> dict[str, Any]:
        """What was fitted, as JSON values: the choices, and how and how often the past was replayed."""
        return {**asdict(self.parameters), "replays": self._replays, "replay_method": self._method}

    def _fit_level(
        self, level: int, rows: np.ndarray, mean: np.ndarray, actual: np.ndarray, usable: np.ndarray
    ) -> tuple[Dispersion, Calibration]:
        items = level >= FIRST_ITEM_LEVEL
        p = self.parameters
        usable = usable & (mean > 0)
        group = self._item_groups(rows, mean, usable) if items else self.hierarchy.level_of_node[rows] - 1
        dispersion = learn_dispersion(mean, actual, usable, group, p.item_prior_days if items else p.node_prior_days)
        calibration = learn_calibration(
            mean,
            actual,
            usable,
            dispersion,
            VOLUME_EDGES if items else (),
            p.item_prior_cells if items else p.node_prior_cells,
            p.interval_coverage if items else 1.0,
        )
        return dispersion, calibration

    def _item_groups(self, rows: np.ndarray, mean: np.ndarray, usable: np.ndarray) -> np.ndarray:
        """Department x volume of each item."""
        first = self.hierarchy.summing[rows].indices[self.hierarchy.summing[rows].indptr[:-1]]
        department = pd.factorize(self.hierarchy.series["department_id"], sort=True)[0][first]
        days = np.maximum(usable.sum(axis=(1, 2)), 1)
        volume = np.searchsorted(VOLUME_EDGES, (mean * usable).sum(axis=(1, 2)) / days)
        return np.asarray(department * (len(VOLUME_EDGES) + 1) + volume)

    def predict(self, mean: np.ndarray) -> np.ndarray:
        """Quantiles of every node.

        Args:
            mean: series x horizon.

        Returns:
            float32, nodes x horizon x `QUANTILES`, in the order of the hierarchy's nodes.
        """
        horizon = mean.shape[1]
        node_mean = self.hierarchy.aggregate(mean)
        result = np.empty((len(node_mean), horizon, len(QUANTILES)), dtype=np.float32)
        for rows, dispersion, calibration in self._fitted:
            m = node_mean[rows].astype(np.float64).ravel()
            spread = np.broadcast_to(dispersion.at(slice(None)), (len(rows), horizon)).ravel()
            result[rows] = quantiles(m, spread, calibration.at(m)).reshape(len(rows), horizon, -1)
        return result


def level_groups(hierarchy: Hierarchy) -> list[list[int]]:
    """Levels that are fitted together: 1-9, and each item level alone."""
    levels = np.unique(hierarchy.level_of_node).tolist()
    nodes = [level for level in levels if level < FIRST_ITEM_LEVEL]
    return [nodes, *([level] for level in levels if level >= FIRST_ITEM_LEVEL)]


def learn_calibration(
    mean: np.ndarray,
    actual: np.ndarray,
    usable: np.ndarray,
    dispersion: Dispersion,
    edges: tuple[float, ...],
    prior_cells: float,
    interval_coverage: float,
) -> Calibration:
    """Calibrate each volume on its own, on evenly spread replayed counts."""
    cells = np.flatnonzero(usable)
    cells = cells[:: max(1, -(-len(cells) // MOST_CELLS))]
    node, _, lead = np.unravel_index(cells, mean.shape)
    m, y = mean.ravel()[cells].astype(np.float64), actual.ravel()[cells].astype(np.float64)
    spread = dispersion.of_node[node] * dispersion.of_lead[lead]
    volume = np.searchsorted(edges, m)
    knots: list[float] = []
    asked: list[np.ndarray] = []
    pending = np.zeros(len(m), dtype=bool)
    for bucket in range(len(edges) + 1):
        pending |= volume == bucket
        last = bucket == len(edges)
        if (pending.sum() < FEWEST_CELLS and not last) or (knots and not pending.any()):
            continue
        probabilities = calibrated_probabilities(
            m[pending], spread[pending], y[pending], np.ones(pending.sum()), QUANTILES, prior_cells, interval_coverage
        )
        knots.append(float(np.log(np.median(m[pending]))) if pending.any() else 0.0)
        asked.append(probabilities)
        pending = np.zeros(len(m), dtype=bool)
    return Calibration(np.array(knots), np.array(asked))
