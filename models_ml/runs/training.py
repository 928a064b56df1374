"""Fits the model on the marts, or takes one up, and turns its forecast into the rows of the prediction store."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from models_ml import provenance
from models_ml.errors import ModelError
from models_ml.evaluation.breakdown import ERRORS, LEAD_COLUMNS
from models_ml.evaluation.demand_class import CLASS_DAYS, demand_classes
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters import recent_weeks
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.middle_out import MiddleOut
from models_ml.forecasters.nodes.panel import MINIMUM_DAYS
from models_ml.forecasters.quantiles.model import week_sums
from models_ml.forecasters.quantiles.replay import replay
from models_ml.forecasters.registry import BASELINE, make_forecaster
from models_ml.forecasters.storage import FittedModel
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, LEVELS, Hierarchy
from models_ml.hierarchy.steps import WEEK_DAYS, even_days, step_sums
from models_ml.inventory.rows import policy_rows
from models_ml.inventory.terms import digest_of, read_terms, terms_of
from models_ml.runs import artifact, explain
from models_ml.runs.backtest import METRIC_COLUMNS, Backtest, OnFold, backtest, unheard
from models_ml.runs.processes import processes
from models_ml.scenarios.tables import scenario_tables
from models_ml.settings import QUANTILE_COLUMNS, Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import Warehouse, open_warehouse
from models_ml.warehouse.marts import SERIES_KEYS, Marts, day_offsets, last_sale_day

NODE_HISTORY_DAYS = 728
LEFTOVER_SECONDS = 86_400.0

FITTED_BY = "fitted_by"
"""Parameter of a run that forecasts with another run's model: that run's id."""

OnResult = Callable[[Backtest], None]
"""Told of each fold's backtest when it is there."""


def unseen(_fold: Backtest) -> None:
    """For callers that wait for all folds."""


@dataclass(frozen=True)
class Plan:
    """What a training will do; known before it starts, so that the same work is never done twice.

    Attributes:
        marts: as of the origin.
        model: forecaster.
        parameters: its parameters.
        scope: the stores forecast.
        data_fingerprint: of the raw data.
        terms: how each series is ordered (see `inventory.terms.terms_of`).
        run_id: derived from all of these and the code.
        note: why another model than the one asked for stands in; empty if none does.
        fitted: folder of the trained run whose model forecasts (see `refit`); None: one is fitted.
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

    def with_model_of(self, fitted: Path | None) -> Plan:
        """The same work with a model that was fitted before, or with one of its own: another run."""
        plan = replace(self, fitted=fitted)
        return replace(plan, run_id=run_id_of(plan))


def run_id_of(plan: Plan) -> str:
    """The run_id that follows from a plan."""
    from models_ml.prediction_store.records import derive_run_id

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


def plan_training(settings: Settings, warehouse: Warehouse, data_fingerprint: str, origin: date | None = None) -> Plan:
    """Decide what to train.

    Args:
        settings: stores, horizon, model, seed.
        warehouse: of the marts.
        data_fingerprint: of the raw data behind the marts.
        origin: the last known day; None: the last day of sales.

    Raises:
        InputError: the ordering terms are wrong.
        ModelError: history is too short for any forecast of this horizon.
    """
    stores = settings.store_list
    marts = Marts(warehouse, origin or last_sale_day(warehouse, stores), settings.horizon_days, stores)
    model, note = fitting_model(settings.model, marts)
    parameters = make_forecaster(model, seed=settings.seed, threads=settings.threads).parameters()
    scope = tuple(sorted(marts.series["store_id"].unique()))
    terms = terms_of(marts.series, read_terms(warehouse, settings.inventory_terms))
    plan = Plan(marts, model, parameters, scope, data_fingerprint, terms, "", note)
    return replace(plan, run_id=run_id_of(plan))


def fitting_model(model: str, marts: Marts) -> tuple[str, str]:
    """The model for a history of this length: a few months are too little for the default one.

    Returns:
        Its name, and why it is not the one asked for (empty if it is).

    Raises:
        ModelError: not even the simple one has enough to be forecast and backtested by.
    """
    known, horizon = (marts.origin - marts.first_day).days + 1, marts.horizon_days
    if known < horizon + recent_weeks.FEWEST_DAYS:
        raise ModelError(
            f"{known} days of sales are known at {marts.origin}; a forecast of {horizon} days, and a backtest of it, "
            f"need {horizon + recent_weeks.FEWEST_DAYS}. Give more history, or shorten DEMAND_HORIZON_DAYS."
        )
    needed = horizon + MINIMUM_DAYS
    if model != MiddleOut.name or known >= needed:
        return model, ""
    simple = recent_weeks.RecentWeeks.name
    return simple, (
        f"{known} days of sales are too few for {model}, which needs {needed} with its backtest: {simple} forecasts "
        "instead (recent level x weekday, without promotions, events or seasons)."
    )


def backtest_folds(
    settings: Settings,
    marts: Marts,
    folds: Sequence[date],
    models: Sequence[str],
    on_fold: OnFold = unheard,
    *,
    jobs: int = 1,
    on_result: OnResult = unseen,
) -> Backtest:
    """Models on folds, the baseline always among them.

    Args:
        settings: seed and threads, which the jobs share.
        marts: gives the warehouse, the horizon and the stores.
        folds: origins.
        models: forecasters besides the baseline.
        on_fold: told before each fit, if there is one job.
        jobs: folds that are scored side by side, each in a process.
        on_result: told of each fold's backtest when it is there.

    Returns:
        All folds in the order of `folds`; the same whatever `jobs` is, but for the seconds.
    """
    if jobs > 1 and len(folds) > 1:
        return side_by_side(settings, marts, folds, models, min(jobs, len(folds)), on_result)
    parts = []
    for fold in folds:
        parts.append(backtest_fold(settings, marts, fold, models, on_fold))
        on_result(parts[-1])
    return Backtest.joined(parts)


def side_by_side(
    settings: Settings, marts: Marts, folds: Sequence[date], models: Sequence[str], jobs: int, on_result: OnResult
) -> Backtest:
    """Folds in processes; each has its part of the threads and of the memory, and opens the warehouse itself."""
    share = settings.shared_by(jobs)
    with processes(jobs) as pool:
        told = [pool.submit(fold_in_process, share, marts.origin, marts.stores, f, tuple(models)) for f in folds]
        for done in as_completed(told):
            on_result(done.result())
        return Backtest.joined([done.result() for done in told])


def fold_in_process(
    settings: Settings, origin: date, stores: tuple[str, ...], fold: date, models: tuple[str, ...]
) -> Backtest:
    """One fold, in a process of its own."""
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    return backtest_fold(settings, Marts(warehouse, origin, settings.horizon_days, stores), fold, models, unheard)


def backtest_fold(settings: Settings, marts: Marts, fold: date, models: Sequence[str], on_fold: OnFold) -> Backtest:
    """The baseline and models on one fold."""
    names = [BASELINE, *(m for m in models if m != BASELINE)]
    makers = [lambda name=name: make_forecaster(name, seed=settings.seed, threads=settings.threads) for name in names]
    return backtest(marts, [fold], makers, on_fold)


@dataclass(frozen=True)
class Trained:
    """A fitted run that is not saved yet.

    Attributes:
        tables: its rows of the prediction store, by table; the backtest's are not among them.
        details: what the forecaster says of its forecast.
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
        return save(plan, settings, fit_and_forecast(plan, settings, folder), backtest_tables(scored), models)


@contextmanager
def model_folder(models: Path) -> Iterator[Path]:
    """Where a fitted model waits for its run to be saved: a folder yet to be made, beside the runs.

    What a killed job left there is removed after a day, longer than any job takes.
    """
    models.mkdir(parents=True, exist_ok=True)
    for left in models.glob(".model-*"):
        if time.time() - left.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".model-", dir=models) as folder:
        yield Path(folder) / artifact.MODEL


def train_in_process(plan: Plan, settings: Settings, folder: Path) -> Trained:
    """`fit_and_forecast` in a process of its own, which opens the warehouse with its part of threads and memory."""
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    marts = Marts(warehouse, plan.marts.origin, plan.marts.horizon_days, plan.marts.stores)
    return fit_and_forecast(replace(plan, marts=marts), settings, folder)


def fit_and_forecast(plan: Plan, settings: Settings, folder: Path) -> Trained:
    """Fit, or take up the plan's fitted model, and forecast at the plan's origin; the model is put into a new folder.

    Raises:
        ModelError: the fitted model is of other series, features or categories than these marts have.
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
    with ThreadPoolExecutor(1) as beside:  # one thread of LightGBM's, while the others read and write rows
        explained = beside.submit(explain.contributions_of, forecaster, plan.marts)
        tables = {
            "forecasts": forecast_rows(plan.marts, forecast),
            "node_forecasts": node_rows(plan.marts, forecast),
            "node_period_forecasts": week_rows(plan.marts, forecast),
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


def save(plan: Plan, settings: Settings, trained: Trained, scored: dict[str, pa.Table], models: Path) -> Path:
    """Save a run with the rows of its backtest (see `backtest_tables`), whole or not at all.

    Returns:
        The run's folder.
    """
    built_by = dbt.warehouse_invocation_id(settings)
    manifest = manifest_of(plan, trained.details, scored["run_metrics"].to_pandas(), built_by)
    run = artifact.RunArtifact(manifest, {**trained.tables, **scored})
    return artifact.save(run, models, trained.move)


def manifest_of(plan: Plan, details: dict[str, Any], metrics: pd.DataFrame, built_by: str | None) -> dict[str, Any]:
    """The run's identity, lineage and headline figures; `built_by` is the invocation of dbt that built the marts."""
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
            "dbt_invocation_id": built_by,
            **({FITTED_BY: plan.fitted.name} if plan.fitted else {}),
        },
        "metrics": headline,
    }


BACKTEST_TABLES = ("run_metrics", "backtest_series", "backtest_nodes", "backtest_leads")

BACKTEST_TYPES = {
    **dict.fromkeys(("model", "metric", "node_id", "store_id", "item_id"), pa.string()),
    **dict.fromkeys(("level", "lead_days"), pa.int32()),
    "fold": pa.date32(),
}
"""Types of a backtest's keys; all other columns are figures."""


def backtest_tables(scored: Backtest) -> dict[str, pa.Table]:
    """Rows of a backtest: `run_metrics`, `backtest_series`, `backtest_nodes` (levels 1-9) and `backtest_leads`.

    Each begins with fold and model; a figure that does not exist (RMSSE of a series that never moved) is null.
    """
    of, nodes = ["fold", "model"], scored.nodes
    frames = {
        "run_metrics": scored.metrics[METRIC_COLUMNS],
        "backtest_series": nodes.loc[nodes["level"] == LEVELS[-1].number, [*of, *SERIES_KEYS, *ERRORS]],
        "backtest_nodes": nodes.loc[nodes["level"] <= AGGREGATE_LEVELS[-1].number, [*of, "node_id", *ERRORS]],
        "backtest_leads": scored.leads[[*of, *LEAD_COLUMNS]],
    }
    schemas = {
        name: pa.schema([(column, BACKTEST_TYPES.get(column, pa.float64())) for column in frame])
        for name, frame in frames.items()
    }
    return {name: pa.Table.from_pandas(frame, schemas[name], preserve_index=False) for name, frame in frames.items()}


def repeated(values: pd.Series, times: int) -> pa.DictionaryArray:
    """Each value `times` times over, as a dictionary: ids are long and few."""
    codes, names = pd.factorize(values)
    return pa.DictionaryArray.from_arrays(np.repeat(codes, times).astype(np.int32), pa.array(names, pa.string()))


def target_column(marts: Marts, rows: int) -> pa.Array:
    """The first days of the target steps over and over, for `rows` rows."""
    return pa.array(np.tile(np.array(marts.step_dates, dtype="datetime64[D]"), rows))


def value_columns(mean: np.ndarray, quantiles: np.ndarray | None) -> dict[str, pa.Array]:
    """Mean and quantiles as columns; without quantiles they are null."""
    columns = {"mean": pa.array(mean.ravel().astype(np.float64))}
    for position, name in enumerate(QUANTILE_COLUMNS):
        columns[name] = (
            pa.nulls(mean.size, pa.float64())
            if quantiles is None
            else pa.array(quantiles[:, :, position].ravel().astype(np.float64))
        )
    return columns


def forecast_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `forecasts`: one a series and target step (a day, or a week by its first day)."""
    days = len(marts.step_dates)
    return pa.table(
        {
            "store_id": repeated(forecast.series["store_id"], days),
            "item_id": repeated(forecast.series["item_id"], days),
            "target_date": target_column(marts, len(forecast.series)),
            **value_columns(forecast.mean, forecast.quantiles),
        }
    )


def node_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `node_forecasts`: one a node of levels 1-9 and target step."""
    nodes = forecast.hierarchy.nodes
    return pa.table(
        {
            "node_id": repeated(nodes["node_id"], len(marts.step_dates)),
            "target_date": target_column(marts, len(nodes)),
            **value_columns(forecast.node_mean, forecast.node_quantiles),
        }
    )


def week_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `node_period_forecasts`: one a node of levels 1-9 and week, the last as long as the horizon has days."""
    nodes, mean = forecast.hierarchy.nodes, week_sums(forecast.node_mean, marts.step_days)
    starts = np.arange(0, marts.horizon_days, WEEK_DAYS)
    days = np.array(marts.target_dates, dtype="datetime64[D]")
    ends = np.append(starts[1:], marts.horizon_days) - 1
    return pa.table(
        {
            "node_id": repeated(nodes["node_id"], len(starts)),
            "first_date": pa.array(np.tile(days[starts], len(nodes))),
            "last_date": pa.array(np.tile(days[ends], len(nodes))),
            **value_columns(mean, forecast.week_quantiles),
        }
    )


def series_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `run_series`: a series' attributes, its last price, recent units and demand class."""
    series = forecast.series
    recent = marts.daily(marts.origin - timedelta(days=CLASS_DAYS - 1), marts.origin)
    price = marts.daily(marts.origin, marts.origin, "price")[:, 0].astype(np.float64)
    return pa.table(
        {
            **{c: pa.array(series[c]) for c in ("store_id", "item_id", "department_id", "category_id", "region_id")},
            "price": pa.array(np.where(price > 0, price, np.nan), from_pandas=True),
            "units_last_28": pa.array(recent[:, -28:].sum(axis=1, dtype=np.float64)),
            "demand_class": pa.array(demand_classes(recent, marts.days_on_sale)),
            "launch_date": pa.array(series["launch_date"].dt.date),
        }
    )


def history_rows(marts: Marts, history_days: int) -> dict[str, pa.Table]:
    """Recent actuals and the calendar around them, for charts.

    Returns:
        `sales_history` (series x step on sale), `node_history` (node x step), `calendar_days`, `calendar_region_flags`;
        a step is a day, or a week by its first day.
    """
    since = marts.origin - timedelta(days=history_days // marts.step_days * marts.step_days - 1)
    # Before its first day a source knows nothing, which is not nothing sold.
    node_since = max(marts.first_day, marts.origin - timedelta(days=NODE_HISTORY_DAYS - 1))
    read = marts.warehouse.read
    sales = read(
        "core.fct_daily_sales", ["store_id", "item_id", "date", "cast(units as double) as units", "price"],
        stores=marts.stores, since=since, until=marts.origin,
    )  # fmt: skip
    days = read(
        "core.dim_calendar", ["date", "weekday_name", "event_name_1 as event_name"],
        since=node_since, until=marts.target_dates[-1],
    )  # fmt: skip
    flags = read(
        "core.dim_calendar_regions", ["date", "region_id", "regional_flag"],
        since=node_since, until=marts.target_dates[-1],
    )  # fmt: skip
    return {
        "sales_history": by_step(marts, sales, units="sum", price="first"),
        "node_history": node_history_rows(marts, node_since),
        "calendar_days": by_step(marts, days, weekday_name="first", event_name="first"),
        "calendar_region_flags": by_step(marts, flags, regional_flag="max"),
    }


def by_step(marts: Marts, days: pa.Table, **aggregates: str) -> pa.Table:
    """Rows of days as rows of the source's steps.

    Args:
        marts: give the step, which the origin ends.
        days: with a column date; what is neither that nor aggregated is a key.
        aggregates: Arrow's function by column; `first` is the first value that is there.

    Returns:
        The same columns, `date` being the first day of each step; the table itself where a step is a day.
    """
    if marts.step_days == 1:
        return days
    offset = day_offsets(days["date"], marts.origin + timedelta(days=1))
    first = offset - offset % marts.step_days
    starts = np.datetime64(marts.origin) + 1 + first.astype("timedelta64[D]")
    sorted_days = days.set_column(days.schema.get_field_index("date"), "date", pa.array(starts)).take(
        np.argsort(offset, kind="stable")
    )
    keys = [name for name in days.column_names if name not in aggregates]
    grouped = sorted_days.group_by(keys, use_threads=False).aggregate(list(aggregates.items()))
    names = [f"{name}_{aggregates[name]}" if name in aggregates else name for name in days.column_names]
    return grouped.select(names).rename_columns(days.column_names)


def node_history_rows(marts: Marts, since: date) -> pa.Table:
    """Rows of `node_history`: units of each node of levels 1-9 by step, summed from store x department."""
    bottom, daily = marts.store_department_daily(since, marts.origin)
    units = step_sums(daily, marts.step_days)
    hierarchy = Hierarchy.of(bottom, AGGREGATE_LEVELS)
    days = np.arange(np.datetime64(since), np.datetime64(marts.origin) + 1)[:: marts.step_days]
    return pa.table(
        {
            "node_id": repeated(hierarchy.nodes["node_id"], len(days)),
            "date": pa.array(np.tile(days, len(hierarchy.nodes))),
            "units": pa.array(hierarchy.aggregate(units).ravel().astype(np.float64)),
        }
    )
