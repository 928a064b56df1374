"""Reuse of a fitted model: for some days after a fit, only the data is new.

A day of sales hardly changes a model fitted on years of sales, but it does change its inputs. So the served model
forecasts from new origins until it is `Settings.refit_days` old.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from models_ml import provenance
from models_ml.errors import InputError
from models_ml.job import promotion
from models_ml.runs import artifact
from models_ml.runs.plan import FITTED_BY, Plan
from models_ml.settings import Settings
from models_ml.warehouse.marts import SERIES_KEYS


def with_served_model(plan: Plan, settings: Settings) -> Plan:
    """The plan with the served model, if that can forecast from the plan's origin."""
    served = served_run(plan, settings)
    if served is None:
        return plan
    models = settings.home / "models"
    try:
        fitted = models / artifact.manifest(models / served)["parameters"].get(FITTED_BY, served)
        manifest = artifact.manifest(fitted)
    except InputError:  # fitted on another machine, or deleted
        return plan
    young = timedelta(0) < plan.marts.origin - date.fromisoformat(manifest["origin"]) < timedelta(settings.refit_days)
    if young and same_method(plan, manifest) and same_series(plan, fitted):
        return plan.with_model_of(fitted)
    return plan


def served_run(plan: Plan, settings: Settings) -> str | None:
    """The single run that all stores of a plan serve, or None."""
    from models_ml.prediction_store.engine import make_engine

    engine = make_engine(settings.effective_store_url)
    try:
        champion, _ = promotion.served_champion(engine, plan.scope, plan.marts.horizon_days)
    finally:
        engine.dispose()
    return champion.run_id if champion else None


def same_method(plan: Plan, manifest: dict[str, Any]) -> bool:
    """Whether a new fit would use the same code, parameters, stores and horizon."""
    wanted = {
        "model": plan.model,
        "code_version": provenance.code_version(),
        "horizon_days": plan.marts.horizon_days,
        "step_days": plan.marts.step_days,
        "scope": list(plan.scope),
    }
    parameters = json.loads(json.dumps(plan.parameters))
    return all(manifest.get(key) == value for key, value in wanted.items()) and all(
        manifest["parameters"].get(key) == value for key, value in parameters.items()
    )


def same_series(plan: Plan, fitted: Path) -> bool:
    """Whether the series are the same as at the fit."""
    known = pq.read_table(fitted / "run_series.parquet", columns=SERIES_KEYS).to_pandas()
    return bool(known.equals(plan.marts.series[SERIES_KEYS]))
