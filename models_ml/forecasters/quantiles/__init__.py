"""Quantiles for every forecaster: spread and calibration learned from replayed forecasts, set around its mean.

A mean forecast says nothing of its own errors, so a near twin is replayed from a year of past origins (`replay`).
At each of the twelve levels counts are negative binomial around the mean (`counts`), with a dispersion learned from
the replays (`dispersion`), asked at probabilities that proved right on them (`calibration`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models_ml.evaluation.hierarchy import AGGREGATE_LEVELS, Hierarchy
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.quantiles.model import QuantileModel, QuantileParameters
from models_ml.forecasters.quantiles.replay import replay
from models_ml.marts import Marts

__all__ = ["QuantileModel", "QuantileParameters", "attach", "fit_quantiles", "with_quantiles"]


def fit_quantiles(marts: Marts, parameters: QuantileParameters | None = None) -> QuantileModel:
    """A model fitted on what was known at `marts.origin`; it serves any forecast of `marts.series` from there."""
    model = QuantileModel(parameters or QuantileParameters())
    model.fit(Hierarchy.of(marts.series), replay(marts))
    return model


def attach(forecast: Forecast, hierarchy: Hierarchy, quantiles: np.ndarray) -> Forecast:
    """A forecast with its quantiles.

    Args:
        forecast: mean of the hierarchy's series.
        hierarchy: all twelve levels.
        quantiles: from `QuantileModel.predict`, in the order of the hierarchy's nodes.
    """
    series_rows = np.flatnonzero(hierarchy.level_of_node == 12)
    by_series = np.empty((len(series_rows), *quantiles.shape[1:]), dtype=quantiles.dtype)
    by_series[hierarchy.summing[series_rows].indices] = quantiles[series_rows]  # nodes are ordered by node_id
    nodes = np.flatnonzero(hierarchy.level_of_node <= AGGREGATE_LEVELS[-1].number)
    return replace(forecast, quantiles=by_series, node_quantiles=quantiles[nodes])


def with_quantiles(marts: Marts, forecast: Forecast) -> Forecast:
    """Add quantiles to any forecaster's forecast from `marts.origin`."""
    model = fit_quantiles(marts)
    quantiles = model.predict(forecast.mean)
    return replace(
        attach(forecast, model.hierarchy, quantiles), details={**forecast.details, "quantiles": model.details()}
    )
