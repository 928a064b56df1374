"""Fits a plan's model or loads a fitted one, forecasts, and saves the run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from models_ml import provenance
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.quantiles.replay import replay
from models_ml.forecasters.registry import make_forecaster
from models_ml.forecasters.storage import FittedModel
from models_ml.hierarchy.steps import even_days
from models_ml.inventory.rows import policy_rows
from models_ml.inventory.terms import digest_of
from models_ml.runs import artifact, explain
from models_ml.runs.backtest import Backtest
from models_ml.runs.folds import backtest_tables
from models_ml.runs.plan import FITTED_BY, Plan
from models_ml.runs.rows import forecast_rows, history_rows, node_rows, period_rows, series_rows
from models_ml.scenarios.tables import scenario_tables
from models_ml.settings import Settings
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.marts import Marts


@dataclass(frozen=True)
class Trained:
    """A fitted run that is not saved yet.

    Attributes:
        tables: its rows of the prediction store, by table; the backtest's are not among them.
        details: the forecaster's statistics of the fit.
        model: folder of the fitted model, which moves into the run's.
    """

    tables: dict[str, pa.Table]
    details: dict[str, Any]
    model: Path

    def move(self, folder: Path) -> None:
        """Move the fitted model into a new folder on the same disk."""
        self.model.rename(folder)


def train(plan: Plan, settings: Settings, scored: Backtest, models: Path) -> Path:
    """Fit, forecast, and save the run.

    Args:
        plan: from `plan_training`.
        settings: seed, threads and how much history is published.
        scored: the run's backtest, may be `Backtest.none()`.
        models: folder of trained runs.

    Returns:
        The run's folder.
    """
    with model_folder(models) as folder:
        return save(plan, fit_and_forecast(plan, settings, folder), backtest_tables(scored), models)


@contextmanager
def model_folder(models: Path) -> Iterator[Path]:
    """The temporary location of a fitted model until its run is saved; the folder does not exist yet."""
    with artifact.staging(models, ".model-") as folder:
        yield folder / artifact.MODEL


def train_in_process(plan: Plan, settings: Settings, folder: Path) -> Trained:
    """`fit_and_forecast` in a separate process, which opens the warehouse with its share of threads and memory."""
    warehouse = warehouse_of(settings)
    marts = Marts(warehouse, plan.marts.origin, plan.marts.horizon_days, plan.marts.stores)
    return fit_and_forecast(replace(plan, marts=marts), settings, folder)


def fit_and_forecast(plan: Plan, settings: Settings, folder: Path) -> Trained:
    """Fit, or load the plan's fitted model, and forecast at the plan's origin; the model is written to a new folder.

    Raises:
        ModelError: the fitted model has other series, features or categories than the marts.
    """
    replays = replay(plan.marts)
    if plan.fitted is None:
        forecaster = make_forecaster(plan.model, seed=settings.seed, threads=settings.threads)
        model = FittedModel.fit(forecaster, plan.marts, replays)
        model.save(folder)
    else:
        model = FittedModel.load(plan.fitted / artifact.MODEL, threads=settings.threads)
        shutil.copytree(plan.fitted / artifact.MODEL, folder)
    forecaster, forecast = model.forecaster, model.forecast(plan.marts)
    in_days = replace(forecast, mean=even_days(forecast.mean, plan.marts.step_days))  # lead times are days
    with ThreadPoolExecutor(1) as beside:  # one LightGBM thread, while the others read and write rows
        explained = beside.submit(explain.contributions_of, forecaster, plan.marts)
        tables = {
            "forecasts": forecast_rows(plan.marts, forecast),
            "node_forecasts": node_rows(plan.marts, forecast),
            "node_period_forecasts": period_rows(plan.marts, forecast),
            "run_series": series_rows(plan.marts, forecast),
            "inventory_policy": policy_rows(plan.marts, in_days, plan.terms, replays, model.own_replays),
            "run_nodes": pa.Table.from_pandas(forecast.hierarchy.nodes.drop(columns="item_id"), preserve_index=False),
            **history_rows(plan.marts, settings.history_days),
            **scenario_tables(forecaster, plan.marts),
        }
        moved = explained.result()
    tables["node_contributions"] = explain.contribution_rows(moved, plan.marts, forecast)
    tables["run_features"] = explain.feature_rows(forecaster, moved)
    return Trained(tables, forecast.details, folder)


def save(plan: Plan, trained: Trained, scored: dict[str, pa.Table], models: Path) -> Path:
    """Save a run with the rows of its backtest (see `backtest_tables`), atomically.

    Returns:
        The run's folder.
    """
    manifest = manifest_of(plan, trained.details, scored["run_metrics"].to_pandas())
    run = artifact.RunArtifact(manifest, {**trained.tables, **scored})
    return artifact.save(run, models, trained.move)


def manifest_of(plan: Plan, details: dict[str, Any], metrics: pd.DataFrame) -> dict[str, Any]:
    """The run's identity, lineage and headline figures."""
    from models_ml import __version__

    average = metrics[(metrics["level"] == AVERAGE_LEVEL) & metrics["metric"].isin(["wrmsse", "wspl"])]
    headline = {
        f"{metric}_{model}_{fold}": float(value)
        for metric, model, fold, value in average[["metric", "model", "fold", "value"]].itertuples(
            index=False, name=None
        )
    }
    return {
        "run_id": plan.run_id,
        "model": plan.model,
        "version": __version__,
        "origin": plan.marts.origin.isoformat(),
        "horizon_days": plan.marts.horizon_days,
        "step_days": plan.marts.step_days,
        "scope": list(plan.scope),
        "git_commit": provenance.git_commit(),
        "code_version": provenance.code_version(),
        "data_fingerprint": plan.data_fingerprint,
        "parameters": {
            **plan.parameters,
            **details,
            "inventory_terms": digest_of(plan.terms),
            "dbt_invocation_id": plan.built_by,
            **({FITTED_BY: plan.fitted.name} if plan.fitted else {}),
        },
        "metrics": headline,
    }
