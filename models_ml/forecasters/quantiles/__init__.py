"""Quantiles for every forecaster: spread and calibration learned from replayed forecasts, set around its mean.

A mean forecast says nothing of its own errors, so a near twin is replayed from a year of past origins (`replay`).
At each of the twelve levels counts are negative binomial around the mean (`models_ml.evaluation.counts`). Their
dispersion is learned from the replays (`dispersion`), and their probabilities are calibrated on them (`calibration`).
"""

from __future__ import annotations

from models_ml.forecasters.quantiles.model import QuantileModel, QuantileParameters, attach, series_quantiles
from models_ml.forecasters.quantiles.replay import replay
from models_ml.forecasters.replays import Replays
from models_ml.hierarchy.aggregation import Hierarchy
from models_ml.warehouse.marts import Marts

__all__ = ["QuantileModel", "QuantileParameters", "attach", "fit_quantiles", "series_quantiles"]


def fit_quantiles(
    marts: Marts, parameters: QuantileParameters | None = None, replays: Replays | None = None
) -> QuantileModel:
    """A model fitted on what was known at `marts.origin`; it serves any forecast of `marts.series` from there.

    Args:
        marts: as of the origin.
        parameters: of the fit.
        replays: of `marts`, where they were made already; they take seconds.
    """
    replays = replay(marts) if replays is None else replays
    replayed = replays.in_steps(marts.step_days)
    return QuantileModel.fit(Hierarchy.of(marts.series), replayed, parameters or QuantileParameters(), marts.step_days)
