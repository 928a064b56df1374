"""Quantiles around any mean forecast, for all twelve levels."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.evaluation.counts import quantiles
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.quantiles.calibration import MOST_CELLS, calibrated_probabilities
from models_ml.forecasters.quantiles.dispersion import Dispersion, learn_dispersion
from models_ml.forecasters.replays import Replays
from models_ml.hierarchy import WEEK_DAYS
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, LEVELS, Hierarchy
from models_ml.settings import QUANTILES
from models_ml.warehouse.marts import SERIES_KEYS

SERIES_COLUMNS = [*SERIES_KEYS, "department_id", "category_id", "region_id"]
"""What the hierarchy is made of."""

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


@dataclass(frozen=True)
class LevelFit:
    """What was learned of the nodes of some levels: their rows in the hierarchy, their spread and calibration."""

    rows: np.ndarray
    dispersion: Dispersion
    calibration: Calibration

    def around(self, mean: np.ndarray) -> np.ndarray:
        """Quantiles around means, rows x days: float32, rows x days x `QUANTILES`."""
        m = mean.astype(np.float64).ravel()
        spread = np.broadcast_to(self.dispersion.at(slice(None)), mean.shape).ravel()
        return quantiles(m, spread, self.calibration.at(m)).reshape(*mean.shape, -1)


@dataclass(frozen=True)
class QuantileModel:
    """Quantiles around a mean forecast, by spread and calibration learned on replays.

    Attributes:
        parameters: of the fit.
        hierarchy: all twelve levels over the series.
        levels: see `level_groups`.
        weeks: the nodes of levels 1-9 again, learned on sums of weeks: errors of neighbouring days go together, so
            the days' quantiles do not add up to the week's.
        horizon: the same nodes, learned on the sum of the whole horizon.
        replays: number of replays learned from.
        replay_method: how they were made (see `replay.Replays`).
        step_days: days of a step of the horizon: 1, or 7 where a week is the step.
    """

    parameters: QuantileParameters
    hierarchy: Hierarchy
    levels: tuple[LevelFit, ...]
    weeks: LevelFit
    horizon: LevelFit
    replays: int
    replay_method: str
    step_days: int = 1

    @classmethod
    def fit(
        cls, hierarchy: Hierarchy, replays: Replays, parameters: QuantileParameters, step_days: int = 1
    ) -> QuantileModel:
        """Learn, level by level.

        Args:
            hierarchy: all twelve levels over the series.
            replays: of the same series, in steps.
            parameters: of the fit.
            step_days: days of a step.
        """
        shape = replays.mean.shape
        flat = {
            name: values.reshape(len(values), -1)
            for name, values in (("mean", replays.mean), ("actual", replays.actual), ("usable", replays.usable))
        }
        fits = []
        for levels in level_groups(hierarchy):
            rows = np.flatnonzero(np.isin(hierarchy.level_of_node, levels))
            summing = hierarchy.summing[rows]
            if levels == [LEVELS[-1].number]:  # its nodes are the series, in another order
                mean, actual, usable = (flat[name][summing.indices] for name in ("mean", "actual", "usable"))
            else:
                mean = np.asarray(summing @ (flat["mean"] * flat["usable"]))
                actual = np.asarray(summing @ (flat["actual"] * flat["usable"]))
                usable = np.asarray(summing @ flat["usable"].astype(np.float32)) > 0
            mean, actual, usable = (values.reshape(len(rows), *shape[1:]) for values in (mean, actual, usable))
            fits.append(fit_level(hierarchy, levels[0], rows, mean, actual, usable, parameters))
            if levels[-1] <= AGGREGATE_LEVELS[-1].number:
                whole = np.logical_and.reduceat(usable, week_starts(shape[2], step_days), axis=2)
                summed, came = (week_sums(values * usable, step_days) for values in (mean, actual))
                weeks = fit_level(hierarchy, levels[0], rows, summed, came, whole, parameters)
                summed, came = ((values * usable).sum(axis=2, keepdims=True) for values in (mean, actual))
                whole = usable.all(axis=2, keepdims=True)
                total = fit_level(hierarchy, levels[0], rows, summed, came, whole, parameters)
        return cls(parameters, hierarchy, tuple(fits), weeks, total, replays.count, replays.method, step_days)

    def predict(self, mean: np.ndarray) -> np.ndarray:
        """Quantiles of every node.

        Args:
            mean: series x horizon.

        Returns:
            float32, nodes x horizon x `QUANTILES`, in the order of the hierarchy's nodes.
        """
        node_mean = self.hierarchy.aggregate(mean)
        result = np.empty((*node_mean.shape, len(QUANTILES)), dtype=np.float32)
        for level in self.levels:
            result[level.rows] = level.around(node_mean[level.rows])
        return result

    def predict_weeks(self, mean: np.ndarray) -> np.ndarray:
        """Quantiles of the sums of weeks, counted from the first day of the horizon; the last may be shorter.

        Args:
            mean: series x horizon.

        Returns:
            float32, nodes of levels 1-9 x weeks x `QUANTILES`.
        """
        return self.weeks.around(week_sums(self.hierarchy.aggregate(mean)[self.weeks.rows], self.step_days))

    def predict_horizon(self, mean: np.ndarray) -> np.ndarray:
        """Quantiles of the sum of the whole horizon.

        Args:
            mean: series x horizon.

        Returns:
            float32, nodes of levels 1-9 x 1 x `QUANTILES`.
        """
        return self.horizon.around(self.hierarchy.aggregate(mean)[self.horizon.rows].sum(axis=1, keepdims=True))

    def around(self, forecast: Forecast) -> Forecast:
        """A forecast with its quantiles.

        Raises:
            ModelError: it is of other series than were learned from.
        """
        self.check(forecast.series)
        details = {**asdict(self.parameters), "replays": self.replays, "replay_method": self.replay_method}
        weeks, horizon = self.predict_weeks(forecast.mean), self.predict_horizon(forecast.mean)
        forecast = attach(forecast, self.hierarchy, self.predict(forecast.mean))
        forecast = replace(forecast, week_quantiles=weeks, horizon_quantiles=horizon)
        return replace(forecast, details={**forecast.details, "quantiles": details})

    def check(self, series: pd.DataFrame) -> None:
        """Refuse other series than were learned from."""
        own, given = (pd.MultiIndex.from_frame(frame[SERIES_KEYS]) for frame in (self.hierarchy.series, series))
        if not own.equals(given):
            other = [" in ".join(reversed(key)) for key in own.symmetric_difference(given)[:5]]
            raise ModelError(
                f"The quantiles were fitted on other series; they differ by {', '.join(other) or 'order'}. "
                "Train the model again on these marts."
            )

    def save(self, folder: Path) -> None:
        """Write `quantiles.json`, `quantiles.npz` and `quantiles_series.parquet`."""
        described = {
            "parameters": asdict(self.parameters),
            "probabilities": QUANTILES,
            "replays": self.replays,
            "replay_method": self.replay_method,
            "step_days": self.step_days,
        }
        (folder / "quantiles.json").write_text(json.dumps(described, indent=1))
        arrays: dict[str, np.ndarray] = {}
        for number, level in enumerate((*self.levels, self.weeks, self.horizon)):
            arrays |= {f"{number}_of_node": level.dispersion.of_node, f"{number}_of_lead": level.dispersion.of_lead}
            arrays |= {f"{number}_knots": level.calibration.knots, f"{number}_asked": level.calibration.asked}
        np.savez(folder / "quantiles.npz", **arrays)  # type: ignore[arg-type]
        self.hierarchy.series[SERIES_COLUMNS].to_parquet(folder / "quantiles_series.parquet", index=False)

    @classmethod
    def load(cls, folder: Path) -> QuantileModel:
        """Read what `save` wrote.

        Raises:
            ModelError: it was saved by a version that gives other quantiles.
        """
        described = json.loads((folder / "quantiles.json").read_text())
        if tuple(described["probabilities"]) != QUANTILES:
            raise ModelError(f"{folder} gives quantiles of {described['probabilities']}, not of {list(QUANTILES)}.")
        hierarchy = Hierarchy.of(pd.read_parquet(folder / "quantiles_series.parquet"))
        fits = []
        groups = level_groups(hierarchy)
        parts = [*groups, groups[0], groups[0]]
        with np.load(folder / "quantiles.npz") as arrays:
            if f"{len(parts) - 1}_knots" not in arrays:
                raise ModelError(f"{folder} gives no quantiles of the horizon's sum. Train the model again.")
            for number, levels in enumerate(parts):
                fits.append(
                    LevelFit(
                        np.flatnonzero(np.isin(hierarchy.level_of_node, levels)),
                        Dispersion(arrays[f"{number}_of_node"], arrays[f"{number}_of_lead"]),
                        Calibration(arrays[f"{number}_knots"], arrays[f"{number}_asked"]),
                    )
                )
        parameters = QuantileParameters(**described["parameters"])
        *days, weeks, horizon = fits
        return cls(
            parameters,
            hierarchy,
            tuple(days),
            weeks,
            horizon,
            described["replays"],
            described["replay_method"],
            described.get("step_days", 1),
        )


def week_starts(steps: int, step_days: int = 1) -> np.ndarray:
    """First step of each week among the steps of a horizon."""
    return np.arange(0, steps, WEEK_DAYS // step_days)


def week_sums(values: np.ndarray, step_days: int = 1) -> np.ndarray:
    """Sums of weeks along the last axis, which is that of steps."""
    return np.asarray(np.add.reduceat(values, week_starts(values.shape[-1], step_days), axis=-1))


def attach(forecast: Forecast, hierarchy: Hierarchy, quantiles: np.ndarray) -> Forecast:
    """A forecast with its quantiles.

    Args:
        forecast: mean of the hierarchy's series.
        hierarchy: all twelve levels.
        quantiles: from `QuantileModel.predict`, in the order of the hierarchy's nodes.
    """
    aggregates = hierarchy.level_of_node <= AGGREGATE_LEVELS[-1].number
    return replace(forecast, quantiles=series_quantiles(hierarchy, quantiles), node_quantiles=quantiles[aggregates])


def series_quantiles(hierarchy: Hierarchy, quantiles: np.ndarray) -> np.ndarray:
    """Quantiles of the series, in their own order, out of those of all nodes, which are ordered by node_id."""
    rows = np.flatnonzero(hierarchy.level_of_node == LEVELS[-1].number)
    by_series = np.empty((len(rows), *quantiles.shape[1:]), dtype=quantiles.dtype)
    by_series[hierarchy.summing[rows].indices] = quantiles[rows]
    return by_series


def fit_level(
    hierarchy: Hierarchy,
    level: int,
    rows: np.ndarray,
    mean: np.ndarray,
    actual: np.ndarray,
    usable: np.ndarray,
    parameters: QuantileParameters,
) -> LevelFit:
    """Learn spread and calibration of some nodes.

    Args:
        hierarchy: all twelve levels.
        level: the first of the nodes' levels.
        rows: the nodes, as rows of the hierarchy.
        mean, actual, usable: nodes x replays x horizon.
        parameters: of the fit.
    """
    items, p = level >= FIRST_ITEM_LEVEL, parameters
    usable = usable & (mean > 0)
    group = item_groups(hierarchy, rows, mean, usable) if items else hierarchy.level_of_node[rows] - 1
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
    return LevelFit(rows, dispersion, calibration)


def item_groups(hierarchy: Hierarchy, rows: np.ndarray, mean: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Department x volume of each item."""
    first = hierarchy.summing[rows].indices[hierarchy.summing[rows].indptr[:-1]]
    department = pd.factorize(hierarchy.series["department_id"], sort=True)[0][first]
    days = np.maximum(usable.sum(axis=(1, 2)), 1)
    volume = np.searchsorted(VOLUME_EDGES, (mean * usable).sum(axis=(1, 2)) / days)
    return np.asarray(department * (len(VOLUME_EDGES) + 1) + volume)


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
