"""Accuracy of a 28-day forecast on all levels of a hierarchy: WRMSSE and its companions.

WRMSSE is the point metric of the M5 competition (Makridakis, Spiliotis, Assimakopoulos, "The M5 accuracy
competition", International Journal of Forecasting 38(4), 2022): per level the revenue-weighted mean of each node's
root mean squared scaled error, then the plain mean of the levels. WSPL is the metric of its uncertainty track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.hierarchy.aggregation import Hierarchy

WEIGHT_DAYS = 28
"""Days before the origin whose revenue weighs a node."""

AVERAGE_LEVEL = 0
"""Level number under which the mean of all levels is stored."""


def step_scales(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared and mean absolute one-day step of each row, from its first non-zero day on.

    Args:
        units: rows x days, the training days only.

    Returns:
        Two arrays with one value a row; NaN where a row never moves after its first sale.
    """
    first = np.argmax(units > 0, axis=1)
    started = np.arange(1, units.shape[1])[None, :] > first[:, None]
    started &= np.any(units > 0, axis=1, keepdims=True)
    steps = np.where(started, np.diff(units, axis=1), 0.0)
    count = started.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = np.einsum("ij,ij->i", steps, steps, dtype=np.float64) / count
        absolute = np.abs(steps).sum(axis=1, dtype=np.float64) / count
    squared[~(squared > 0)] = np.nan
    absolute[~(absolute > 0)] = np.nan
    return squared, absolute


@dataclass(frozen=True)
class Evaluator:
    """Scores forecasts of one origin against what was then sold.

    Attributes:
        hierarchy: the nodes over the series.
        actual: nodes x horizon, units sold after the origin.
        weights: one value a node; sums to 1 in each level.
        squared_scale, absolute_scale: one value a node, see `step_scales`.
        averaged: levels in the mean over levels; empty: all. Two levels with identical nodes count once.
    """

    hierarchy: Hierarchy
    actual: np.ndarray
    weights: np.ndarray
    squared_scale: np.ndarray
    absolute_scale: np.ndarray
    averaged: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, hierarchy: Hierarchy, training_units: np.ndarray, actual_units: np.ndarray, weight: np.ndarray
    ) -> Evaluator:
        """Prepare an evaluator.

        Args:
            hierarchy: over the series.
            training_units: series x days up to the origin.
            actual_units: series x horizon after the origin.
            weight: one value a series: its revenue (or its units, where there are no prices) in the last
                `WEIGHT_DAYS` days up to the origin.

        Raises:
            ModelError: nothing was sold in the weighing window, so nodes cannot be weighed.
        """
        if not weight.sum() > 0:
            raise ModelError(
                f"Nothing was sold in the {WEIGHT_DAYS} days up to the origin, so no node has a weight. "
                "Choose an earlier origin or other stores."
            )
        squared, absolute = step_scales(hierarchy.aggregate(training_units.astype(np.float32)))
        weights = np.asarray(hierarchy.summing @ weight.astype(np.float64))
        for level in np.unique(hierarchy.level_of_node):
            at = hierarchy.level_of_node == level
            weights[at] /= weights[at].sum()
        actual = hierarchy.aggregate(actual_units.astype(np.float32))
        return cls(hierarchy, actual, weights, squared, absolute)

    def of_nodes(self, forecast: np.ndarray) -> np.ndarray:
        """A forecast of every node (nodes x horizon), from series x horizon or as given."""
        return self.hierarchy.aggregate(forecast) if len(forecast) == len(self.hierarchy.series) else forecast

    def scaled_errors(self, forecast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Root mean squared and mean absolute scaled error of each node; NaN for a node without a scale.

        Args:
            forecast: nodes x horizon.
        """
        error = forecast - self.actual
        squared = np.sqrt((error.astype(np.float64) ** 2).mean(axis=1) / self.squared_scale)
        return squared, np.abs(error).mean(axis=1) / self.absolute_scale

    def score(self, forecast: np.ndarray) -> pd.DataFrame:
        """Metrics of a mean forecast by level.

        Args:
            forecast: series x horizon, or nodes x horizon if it is for every node of the hierarchy.

        Returns:
            Columns level (`AVERAGE_LEVEL` for the mean of the levels), metric, value. `wrmsse`; `rmsse` and `mase`
            unweighted; `wape` = sum|error| / sum(actual); `bias` = sum(forecast - actual) / sum(actual).
            A node without any step in training has no scale and is left out of the scaled metrics.
        """
        forecast = self.of_nodes(forecast)
        error = forecast - self.actual
        rmsse, mase = self.scaled_errors(forecast)
        rows: list[tuple[int, str, float]] = []
        for level in np.unique(self.hierarchy.level_of_node):
            at = self.hierarchy.level_of_node == level
            sold = float(self.actual[at].sum())
            rows += [
                (int(level), "wrmsse", float(np.nansum(self.weights[at] * rmsse[at]))),
                (
                    int(level),
                    "rmsse",
                    float(np.nanmean(rmsse[at])) if np.isfinite(rmsse[at]).any() else np.nan,
                ),
                (int(level), "mase", float(np.nanmean(mase[at])) if np.isfinite(mase[at]).any() else np.nan),
                (int(level), "wape", float(np.abs(error[at]).sum()) / sold if sold else np.nan),
                (int(level), "bias", float(error[at].sum()) / sold if sold else np.nan),
            ]
        return with_average(pd.DataFrame(rows, columns=["level", "metric", "value"]), self.averaged)

    def score_quantiles(self, quantiles: np.ndarray, probabilities: tuple[float, ...]) -> pd.DataFrame:
        """Metrics of quantile forecasts by level.

        Args:
            quantiles: nodes x horizon x probabilities, for every node of the hierarchy.
            probabilities: the quantiles' probabilities.

        Returns:
            Columns level, metric, value. `wspl`: weighted scaled pinball loss, the mean over the probabilities;
            `coverage_95`: share of days within [0.025, 0.975], where both are forecast.
        """
        pinball = np.zeros(len(self.actual))
        for position, p in enumerate(probabilities):  # one probability at a time bounds memory
            error = self.actual - quantiles[:, :, position]
            pinball += np.maximum(p * error, (p - 1) * error).mean(axis=1, dtype=np.float64)
        spl = pinball / len(probabilities) / self.absolute_scale
        low, high = probabilities.index(0.025), probabilities.index(0.975)
        inside = (self.actual >= quantiles[:, :, low]) & (self.actual <= quantiles[:, :, high])
        rows: list[tuple[int, str, float]] = []
        for level in np.unique(self.hierarchy.level_of_node):
            at = self.hierarchy.level_of_node == level
            rows.append((int(level), "wspl", float(np.nansum(self.weights[at] * spl[at]))))
            rows.append((int(level), "coverage_95", float(inside[at].mean())))
        return with_average(pd.DataFrame(rows, columns=["level", "metric", "value"]), self.averaged)


def with_average(scores: pd.DataFrame, levels: tuple[int, ...] = ()) -> pd.DataFrame:
    """Add the mean over the levels (all, or those that are named) as level `AVERAGE_LEVEL`, first."""
    counted = scores[scores["level"].isin(levels)] if levels else scores
    mean = counted.groupby("metric", sort=False, as_index=False)["value"].mean()
    mean.insert(0, "level", AVERAGE_LEVEL)
    return pd.concat([mean, scores], ignore_index=True)
