"""The plan of a training, made before it starts: data, model, parameters and the resulting run_id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from models_ml import provenance
from models_ml.errors import InputError, ModelError
from models_ml.forecasters import recent_weeks
from models_ml.forecasters.middle_out import MiddleOut
from models_ml.forecasters.nodes.panel import MINIMUM_DAYS
from models_ml.forecasters.registry import make_forecaster
from models_ml.inventory.terms import digest_of, read_terms, terms_of
from models_ml.prediction_store.records import derive_run_id
from models_ml.settings import Settings
from models_ml.warehouse.connection import Warehouse
from models_ml.warehouse.identity import built_marts
from models_ml.warehouse.marts import Marts, last_sale_day

FITTED_BY = "fitted_by"
"""Parameter of a run that forecasts with another run's model: that run's id."""


@dataclass(frozen=True)
class Plan:
    """The plan of a training; known before it starts, so that the same work is not repeated.

    Attributes:
        marts: as of the origin.
        model: forecaster.
        parameters: its parameters.
        scope: the forecast stores.
        data_fingerprint: of the raw data.
        terms: ordering terms of each series (see `inventory.terms.terms_of`).
        run_id: derived from all of these and the code.
        note: why another model replaces the requested one; empty if none does.
        fitted: folder of the trained run whose model is reused (see `refit`); None: fit a model.
        built_by: the dbt invocation that built the marts.
    """

    marts: Marts
    model: str
    parameters: dict[str, Any]
    scope: tuple[str, ...]
    data_fingerprint: str
    terms: pd.DataFrame
    run_id: str
    note: str = ""
    fitted: Path | None = None
    built_by: str | None = None

    def with_model_of(self, fitted: Path | None) -> Plan:
        """The same plan with a reused model, or with a new fit; the run_id changes."""
        plan = replace(self, fitted=fitted)
        return replace(plan, run_id=run_id_of(plan))


def run_id_of(plan: Plan) -> str:
    """The run_id that follows from a plan."""
    return derive_run_id(
        data_fingerprint=plan.data_fingerprint,
        configuration={
            "model": plan.model,
            "horizon_days": plan.marts.horizon_days,
            "inventory_terms": digest_of(plan.terms),
            **plan.parameters,
            **({FITTED_BY: plan.fitted.name} if plan.fitted else {}),
        },
        code_version=provenance.code_version(),
        origin=plan.marts.origin,
        scope=plan.scope,
    )


def plan_training(settings: Settings, warehouse: Warehouse, origin: date | None = None) -> Plan:
    """Decide what to train.

    Args:
        settings: stores, horizon, model, seed.
        warehouse: of the marts.
        origin: the last known day; None: the last day of sales.

    Raises:
        InputError: the ordering terms are invalid, or the origin is outside the sales.
        WarehouseError: the marts are not those of the raw tables.
        ModelError: the history is too short for this horizon.
    """
    stores = settings.store_list
    data_fingerprint, invocation_id = built_marts(settings, warehouse)
    last = last_sale_day(warehouse, stores)
    marts = Marts(warehouse, origin or last, settings.horizon_days, stores)
    if not marts.first_day <= marts.origin <= last:
        raise InputError(
            f"--as-of: {marts.origin} is outside the sales, which range from {marts.first_day} to {last}. Choose a day "
            f"in between."
        )
    model, note = fitting_model(settings.model, marts)
    parameters = make_forecaster(model, seed=settings.seed, threads=settings.threads).parameters()
    scope = tuple(sorted(marts.series["store_id"].unique()))
    terms = terms_of(marts.series, read_terms(warehouse, settings.inventory_terms))
    plan = Plan(marts, model, parameters, scope, data_fingerprint, terms, "", note, built_by=invocation_id)
    return replace(plan, run_id=run_id_of(plan))


def fitting_model(model: str, marts: Marts) -> tuple[str, str]:
    """The model for a history of this length: the default one needs more than a few months.

    Returns:
        Its name, and why it is not the requested one (empty if it is).

    Raises:
        ModelError: the history is too short even for the simple model and its backtest.
    """
    known, horizon = (marts.origin - marts.first_day).days + 1, marts.horizon_days
    if known < horizon + recent_weeks.FEWEST_DAYS:
        raise ModelError(
            f"{known} days of sales are known at {marts.origin}; a forecast of {horizon} days, and a backtest of it, "
            f"need {horizon + recent_weeks.FEWEST_DAYS}. Provide more history, or reduce DEMAND_HORIZON_DAYS."
        )
    needed = horizon + MINIMUM_DAYS
    if model != MiddleOut.name or known >= needed:
        return model, ""
    simple = recent_weeks.RecentWeeks.name
    return simple, (
        f"{known} days of sales are too few for {model}, which needs {needed} with its backtest: {simple} is used "
        f"instead (recent level x weekday, without promotions, events or seasons)."
    )
