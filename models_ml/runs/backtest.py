"""Rolling-origin backtests: forecast from past origins with the data known then, and score against actuals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.evaluation.breakdown import LEAD_COLUMNS, NODE_COLUMNS, lead_errors, node_errors
from models_ml.evaluation.demand_class import CLASS_DAYS, demand_classes
from models_ml.evaluation.metrics import AVERAGE_LEVEL, WEIGHT_DAYS, Evaluator, with_average
from models_ml.forecasters.base import Forecaster
from models_ml.forecasters.quantiles import QuantileModel, fit_quantiles, series_quantiles
from models_ml.forecasters.quantiles.model import week_sums
from models_ml.forecasters.quantiles.replay import replay
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, LEVELS, Hierarchy
from models_ml.hierarchy.steps import step_sums
from models_ml.inventory.sums import learn_dispersion_of_sums, quantiles_around
from models_ml.inventory.terms import read_terms, terms_of
from models_ml.settings import QUANTILES
from models_ml.warehouse.marts import Marts, last_sale_day, read_daily

OnFold = Callable[[date, str], None]
"""Told of each fit before it starts: the fold's origin and the model's name."""

METRIC_COLUMNS = ["fold", "model", "level", "metric", "value"]


def unheard(_fold: date, _model: str) -> None:
    """For callers that show no progress."""


@dataclass(frozen=True)
class Backtest:
    """Scores of forecasters on folds. Each frame begins with the columns fold (its origin) and model.

    Attributes:
        metrics: columns `METRIC_COLUMNS`.
        nodes: errors of every node and series (see `breakdown.node_errors`).
        leads: errors of every level and lead day (see `breakdown.lead_errors`).
    """

    metrics: pd.DataFrame
    nodes: pd.DataFrame
    leads: pd.DataFrame

    @classmethod
    def none(cls) -> Backtest:
        """An empty backtest."""
        of = ["fold", "model"]
        return cls(*(pd.DataFrame(columns=c) for c in (METRIC_COLUMNS, [*of, *NODE_COLUMNS], [*of, *LEAD_COLUMNS])))

    def without(self, model: str) -> Backtest:
        """The scores of the other models."""
        return Backtest(*(frame[frame["model"] != model] for frame in (self.metrics, self.nodes, self.leads)))

    @classmethod
    def joined(cls, parts: Sequence[Backtest]) -> Backtest:
        """Concatenate backtests."""
        frames = [[part.metrics, part.nodes, part.leads] for part in parts]
        return cls(*(pd.concat(of_kind, ignore_index=True) for of_kind in zip(*frames, strict=True)))


@dataclass(frozen=True)
class Fold:
    """A past origin with the actuals after it.

    Attributes:
        marts: as of the origin.
        evaluator: of forecasts from there.
        actual: series x steps of the source's grain, units sold.
    """

    marts: Marts
    evaluator: Evaluator
    actual: np.ndarray

    @classmethod
    def of(cls, marts: Marts) -> Fold:
        """The fold at `marts.origin`.

        Raises:
            ModelError: the days after the origin are not all in the marts.
        """
        since, until = marts.origin + timedelta(days=1), marts.target_dates[-1]
        actual = step_sums(read_daily(marts, since, until, "units"), marts.step_days)
        if last_sale_day(marts.warehouse, marts.stores) < until:
            raise ModelError(
                f"Fold {marts.origin} needs sales up to {until}, which the marts do not hold. "
                "Choose a fold at least one horizon before the last day of sales."
            )
        weighing_since = marts.origin - timedelta(days=WEIGHT_DAYS - 1)
        revenue = marts.daily(weighing_since, marts.origin, "revenue").sum(axis=1, dtype=np.float64)
        if not np.nansum(revenue) > 0:  # a source without prices weighs by units
            revenue = marts.daily(weighing_since, marts.origin).sum(axis=1, dtype=np.float64)
        training = step_sums(marts.daily(marts.first_day, marts.origin), marts.step_days)
        evaluator = Evaluator.of(Hierarchy.of(marts.series), training, actual, np.nan_to_num(revenue))
        return cls(marts, replace(evaluator, averaged=tuple(marts.levels)), actual)

    def run(self, forecaster: Forecaster, quantile_model: QuantileModel, item_dispersion: np.ndarray) -> Backtest:
        """Fit and forecast as of the origin, and score it.

        Args:
            forecaster: not yet fitted.
            quantile_model: fitted on the same marts.
            item_dispersion: of sums of each series (see `learn_dispersion_of_sums`).
        """
        started = time.perf_counter()
        forecaster.fit(self.marts)
        forecast = forecaster.forecast(self.marts).in_steps(self.marts.step_days)
        quantiles = quantile_model.predict(forecast.mean)
        scored = self.score(forecaster.name, forecast.mean, quantiles, time.perf_counter() - started)
        sums = self.sum_coverage(forecast.mean, quantile_model, item_dispersion)
        sums = sums.assign(fold=self.marts.origin, model=forecaster.name)
        return replace(scored, metrics=pd.concat([scored.metrics, sums[METRIC_COLUMNS]], ignore_index=True))

    def sum_coverage(
        self, mean: np.ndarray, quantile_model: QuantileModel, item_dispersion: np.ndarray
    ) -> pd.DataFrame:
        """Share of sums within [0.025, 0.975]: of weeks (`coverage_95_week`), and of horizons (`coverage_95_horizon`).

        Args:
            mean: series x steps.
            quantile_model: for levels 1-9.
            item_dispersion: for level 12; series where it is NaN have no range and do not count.
        """
        hierarchy, known = self.evaluator.hierarchy, np.isfinite(item_dispersion)
        aggregates = hierarchy.level_of_node <= AGGREGATE_LEVELS[-1].number
        level = np.append(hierarchy.level_of_node[aggregates], np.full(known.sum(), LEVELS[-1].number))
        parts = []
        for metric, sums, of_nodes in (
            ("coverage_95_week", partial(week_sums, step_days=self.marts.step_days), quantile_model.predict_weeks),
            ("coverage_95_horizon", partial(np.sum, axis=-1, keepdims=True), quantile_model.predict_horizon),
        ):
            low, high = QUANTILES.index(0.025), QUANTILES.index(0.975)
            ranges = np.concatenate(
                [
                    of_nodes(mean)[:, :, [low, high]],
                    quantiles_around(sums(mean)[known], item_dispersion[known], (0.025, 0.975)),
                ]
            )
            came = np.concatenate([sums(self.evaluator.actual[aggregates]), sums(self.actual)[known]])
            inside = (came >= ranges[:, :, 0]) & (came <= ranges[:, :, 1])
            share = pd.Series(inside.mean(axis=1)).groupby(level).mean()
            parts.append(pd.DataFrame({"level": share.index, "metric": metric, "value": share.to_numpy()}))
        return with_average(pd.concat(parts, ignore_index=True), self.evaluator.averaged)

    def score(self, model: str, mean: np.ndarray, quantiles: np.ndarray, seconds: float) -> Backtest:
        """Score a forecast on all levels.

        Args:
            model: the forecaster's name.
            mean: series x steps.
            quantiles: nodes of all levels x steps x `QUANTILES`.
            seconds: wall seconds.
        """
        spent = pd.DataFrame({"level": [AVERAGE_LEVEL], "metric": ["seconds"], "value": [seconds]})
        parts = [
            self.evaluator.score(mean),
            self.evaluator.score_quantiles(quantiles, QUANTILES),
            class_coverage(self.marts, series_quantiles(self.evaluator.hierarchy, quantiles), self.actual),
            spent,
        ]
        scores = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
        leads = lead_errors(self.evaluator, mean, self.marts.step_days)
        frames = scores, node_errors(self.evaluator, mean), leads
        for frame in frames:
            frame.insert(0, "fold", self.marts.origin)
            frame.insert(1, "model", model)
        return Backtest(*frames)


def class_coverage(marts: Marts, quantiles: np.ndarray, actual: np.ndarray) -> pd.DataFrame:
    """Share of steps within [0.025, 0.975] by demand class of the series: metrics `coverage_95_<class>` of level 12.

    Args:
        marts: as of the origin.
        quantiles: series x steps x `QUANTILES`.
        actual: series x steps.
    """
    recent = marts.daily(marts.origin - timedelta(days=CLASS_DAYS - 1), marts.origin)
    low, high = QUANTILES.index(0.025), QUANTILES.index(0.975)
    inside = (actual >= quantiles[:, :, low]) & (actual <= quantiles[:, :, high])
    share = pd.Series(inside.mean(axis=1)).groupby(demand_classes(recent, marts.days_on_sale)).mean()
    return pd.DataFrame(
        {"level": LEVELS[-1].number, "metric": "coverage_95_" + share.index.astype(str), "value": share.to_numpy()}
    )


def backtest(
    marts: Marts,
    folds: Sequence[date],
    forecasters: Sequence[Callable[[], Forecaster]],
    on_fold: OnFold = unheard,
    terms: Path | None = None,
) -> Backtest:
    """Score forecasters on folds.

    Args:
        marts: gives the warehouse, the horizon and the stores; its origin is not used.
        folds: origins, each the last known day of a fold.
        forecasters: factories of a new forecaster for each fold.
        on_fold: called before each fit, to show progress.
        terms: CSV of ordering terms besides those of the warehouse (see `read_terms`).

    Returns:
        The scores in the order of the folds, with `fva` against seasonal naive if it is included.
    """
    parts: list[Backtest] = []
    rules = read_terms(marts.warehouse, terms)
    for fold in folds:
        past = Fold.of(Marts(marts.warehouse, fold, marts.horizon_days, marts.stores))
        replays = replay(past.marts)
        quantile_model = fit_quantiles(past.marts, replays=replays)
        ordered = terms_of(past.marts.series, rules)
        dispersion = learn_dispersion_of_sums(replays, past.marts.series, ordered)
        for make in forecasters:
            forecaster = make()
            on_fold(fold, forecaster.name)
            parts.append(past.run(forecaster, quantile_model, dispersion))
    found = Backtest.joined(parts)
    added = forecast_value_added(found.metrics)
    return replace(found, metrics=pd.concat([found.metrics, added], ignore_index=True)[METRIC_COLUMNS])


def forecast_value_added(metrics: pd.DataFrame, baseline: str = "seasonal_naive") -> pd.DataFrame:
    """`fva` = 1 - wrmsse / the baseline's wrmsse, by fold, model and level; none where the baseline made no error."""
    wrmsse = metrics[metrics["metric"] == "wrmsse"]
    base = wrmsse[(wrmsse["model"] == baseline) & (wrmsse["value"] > 0)][["fold", "level", "value"]]
    joined = wrmsse[wrmsse["model"] != baseline].merge(base, on=["fold", "level"], suffixes=("", "_baseline"))
    joined["value"] = 1 - joined["value"] / joined["value_baseline"]
    return joined.assign(metric="fva")[METRIC_COLUMNS]


def wrmsse_by_model(metrics: pd.DataFrame) -> dict[str, float]:
    """Mean WRMSSE over folds of each model, on the average of the levels."""
    rows = metrics[(metrics["metric"] == "wrmsse") & (metrics["level"] == AVERAGE_LEVEL)]
    return {str(model): float(value) for model, value in rows.groupby("model")["value"].mean().items()}
