"""Rolling-origin backtests: forecast from past origins with what was known then, and score what came."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.evaluation.demand_class import CLASS_DAYS, demand_classes
from models_ml.evaluation.hierarchy import LEVELS, Hierarchy
from models_ml.evaluation.metrics import AVERAGE_LEVEL, WEIGHT_DAYS, Evaluator
from models_ml.forecasters.base import Forecast, Forecaster
from models_ml.forecasters.quantiles import QuantileModel, attach, fit_quantiles
from models_ml.marts import Marts, read_daily
from models_ml.settings import QUANTILES

OnFold = Callable[[date, str], None]
"""Told of each fit before it starts: the fold's origin and the model's name."""

METRIC_COLUMNS = ["fold", "model", "level", "metric", "value"]


def unheard(_fold: date, _model: str) -> None:
    """For callers that show no progress."""


@dataclass(frozen=True)
class FoldResult:
    """One forecaster on one fold.

    Attributes:
        metrics: columns `METRIC_COLUMNS`; the fold is its origin.
        forecast: what was forecast.
        actual: series x horizon, what came.
    """

    metrics: pd.DataFrame
    forecast: Forecast
    actual: np.ndarray


def fold_evaluator(marts: Marts) -> tuple[Evaluator, np.ndarray]:
    """Evaluator of a fold, and its actuals (series x horizon).

    Raises:
        ModelError: the days after the origin are not all in the marts.
    """
    since, until = marts.origin + timedelta(days=1), marts.target_dates[-1]
    actual = read_daily(marts, since, until, "units")
    if not actual[:, -1].any():
        raise ModelError(
            f"Fold {marts.origin} needs sales up to {until}, which the marts do not hold. "
            "Choose a fold at least one horizon before the last day of sales."
        )
    weighing_since = marts.origin - timedelta(days=WEIGHT_DAYS - 1)
    revenue = marts.daily(weighing_since, marts.origin, "revenue").sum(axis=1, dtype=np.float64)
    if not np.nansum(revenue) > 0:  # a source without prices weighs by units
        revenue = marts.daily(weighing_since, marts.origin).sum(axis=1, dtype=np.float64)
    training = marts.daily(marts.first_day, marts.origin)
    return Evaluator.of(Hierarchy.of(marts.series), training, actual, np.nan_to_num(revenue)), actual


def run_fold(
    marts: Marts, forecaster: Forecaster, evaluator: Evaluator, actual: np.ndarray, quantile_model: QuantileModel
) -> FoldResult:
    """Fit and forecast as of `marts.origin`, and score the mean and the quantiles on all levels.

    Args:
        marts: as of the fold's origin.
        forecaster: not yet fitted.
        evaluator, actual: from `fold_evaluator`.
        quantile_model: fitted on the same marts.
    """
    started = time.perf_counter()
    forecaster.fit(marts)
    forecast = forecaster.forecast(marts)
    quantiles = quantile_model.predict(forecast.mean)
    seconds = time.perf_counter() - started
    forecast = attach(forecast, quantile_model.hierarchy, quantiles)
    spent = pd.DataFrame({"level": [AVERAGE_LEVEL], "metric": ["seconds"], "value": [seconds]})
    parts = [
        evaluator.score(forecast.mean),
        evaluator.score_quantiles(quantiles, QUANTILES),
        class_coverage(marts, forecast, actual),
        spent,
    ]
    scores = pd.concat(parts, ignore_index=True)
    scores.insert(0, "fold", marts.origin)
    scores.insert(1, "model", forecaster.name)
    return FoldResult(scores.dropna(subset=["value"]), forecast, actual)


def class_coverage(marts: Marts, forecast: Forecast, actual: np.ndarray) -> pd.DataFrame:
    """Share of days within [0.025, 0.975] by demand class of the series: metrics `coverage_95_<class>` of level 12."""
    assert forecast.quantiles is not None
    recent = marts.daily(marts.origin - timedelta(days=CLASS_DAYS - 1), marts.origin)
    days_on_sale = (pd.Timestamp(marts.origin) - forecast.series["launch_date"]).dt.days.to_numpy() + 1
    low, high = QUANTILES.index(0.025), QUANTILES.index(0.975)
    inside = (actual >= forecast.quantiles[:, :, low]) & (actual <= forecast.quantiles[:, :, high])
    share = pd.Series(inside.mean(axis=1)).groupby(demand_classes(recent, days_on_sale)).mean()
    return pd.DataFrame(
        {"level": LEVELS[-1].number, "metric": "coverage_95_" + share.index.astype(str), "value": share.to_numpy()}
    )


def backtest(
    marts: Marts,
    folds: Sequence[date],
    forecasters: Sequence[Callable[[], Forecaster]],
    on_fold: OnFold = unheard,
) -> tuple[pd.DataFrame, list[FoldResult]]:
    """Score forecasters on folds.

    Args:
        marts: gives the warehouse, the horizon and the stores; its origin is not used.
        folds: origins, each the last known day of a fold.
        forecasters: makers of a fresh forecaster for each fold.
        on_fold: told before each fit, for a progress display.

    Returns:
        All metrics (columns `METRIC_COLUMNS`, and `fva` against the first forecaster: 1 - wrmsse / its wrmsse), and
        the results in the order they were made.
    """
    results: list[FoldResult] = []
    for fold in folds:
        fold_marts = Marts(marts.warehouse, fold, marts.horizon_days, marts.stores)
        evaluator, actual = fold_evaluator(fold_marts)
        quantile_model = fit_quantiles(fold_marts)
        for make in forecasters:
            forecaster = make()
            on_fold(fold, forecaster.name)
            results.append(run_fold(fold_marts, forecaster, evaluator, actual, quantile_model))
    metrics = pd.concat([r.metrics for r in results], ignore_index=True)
    return pd.concat([metrics, forecast_value_added(metrics)], ignore_index=True)[METRIC_COLUMNS], results


def forecast_value_added(metrics: pd.DataFrame, baseline: str = "seasonal_naive") -> pd.DataFrame:
    """`fva` = 1 - wrmsse / the baseline's wrmsse, by fold, model and level; empty without the baseline."""
    wrmsse = metrics[metrics["metric"] == "wrmsse"]
    base = wrmsse[wrmsse["model"] == baseline][["fold", "level", "value"]]
    joined = wrmsse[wrmsse["model"] != baseline].merge(base, on=["fold", "level"], suffixes=("", "_baseline"))
    joined["value"] = 1 - joined["value"] / joined["value_baseline"]
    return joined.assign(metric="fva")[METRIC_COLUMNS]
