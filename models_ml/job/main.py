"""The main job: from raw files to served forecasts; every step is idempotent."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pandas as pd

from models_ml.errors import ModelError
from models_ml.forecasters.registry import BASELINE, check_name
from models_ml.inventory.rows import unreached
from models_ml.job import retention, webhooks
from models_ml.job.builds import build_warehouse
from models_ml.job.checks import Checks, QualityChecks, checking
from models_ml.job.finished import Outcome, finished_before, forget, receipt, remember
from models_ml.job.publishing import publish_artifact, rivals
from models_ml.job.raw_data import ingest_raw, prepare_home, refuse_unknown_days, simulate_once
from models_ml.job.recording import recorded
from models_ml.job.refit import with_served_model
from models_ml.job.reporting import Reporter
from models_ml.job.source_memory import refuse_other_source
from models_ml.job.wording import describe, describe_ingest, range_notes
from models_ml.monitoring.run import monitor
from models_ml.runs import artifact, stand_in
from models_ml.runs.backtest import Backtest, wrmsse_by_model
from models_ml.runs.fit import model_folder, save, train_in_process
from models_ml.runs.folds import BACKTEST_TABLES, backtest_tables, fold_in_process
from models_ml.runs.plan import Plan, plan_training
from models_ml.runs.processes import processes
from models_ml.settings import Settings
from models_ml.sources.report import IngestReport
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import warehouse_of


def main_job(
    settings: Settings,
    report: Reporter,
    quality: QualityChecks,
    *,
    origin: date | None = None,
    force: bool = False,
    track: bool = True,
    source_changed: bool = False,
) -> Outcome:
    """Raw files in, served forecasts out.

    Args:
        settings: of the job.
        report: receives progress.
        quality: the data-quality checks.
        origin: replay this day, without loading later sales; None: the last day of sales.
        force: train and publish even if an identical run is served.
        track: record the run in MLflow.
        source_changed: data of another source, location or set of stores may replace the home's.
    """
    check_name(settings.model)
    refuse_other_source(settings, changed=source_changed)
    ingested: IngestReport | None = None
    if origin is None and not force and receipt(settings).exists():
        ingested = ingest(settings, report, None, source_changed=source_changed)
        if done := finished_before(settings):
            note = f"{done.run_id} already exists for the same data, code and settings; nothing to do."
            return replace(done, seconds=report.seconds, notes=(note, *webhooks.after_publish(settings)))
    forget(settings)
    with report.step("prepare"):
        prepare_home(settings)
    with checking(settings, quality) as checks:
        if settings.raw_source is None and not (settings.home / "raw").exists():
            with report.step("simulate"):
                simulate_once(settings)
        if ingested is None:
            ingest(settings, report, origin, source_changed=source_changed)
        with report.step("dbt build") as step:
            step.note = build_warehouse(settings, force=force)
        checks.begin()
        warehouse = warehouse_of(settings)
        plan = plan_training(settings, warehouse)
        if origin is None and not force:
            plan = with_served_model(plan, settings)
        untold = unreached(plan.terms, plan.marts.horizon_days)
        notes = [note for note in (plan.note, untold) if note]
        folder = settings.home / "models" / plan.run_id
        if (folder / artifact.MANIFEST).exists() and not force:
            notes.append(f"{plan.run_id} already exists for the same data, code and settings; nothing to train.")
            checks.wait(report)
        else:
            plan, folder = make_run(settings, plan, checks, report, notes)
        with report.step("publish") as step:
            check = partial(checks.of_forecasts, fresh=origin is None)
            published = publish_artifact(settings, folder, check=check, replay=origin is not None)
            step.note = published.text
    notes += [*range_notes(folder), *published.notes, *webhooks.after_publish(settings)]
    with recorded(settings, folder, report, notes, track=track):
        with report.step("serving models") as step:
            step.note = describe(dbt.build(settings, "serving", without=["unit_test"]))
        with report.step("monitor") as step:
            watched = monitor(settings)
            step.note = watched.text
    notes += [*watched.notes, *retention.prune(settings, settings.keep_runs)]
    metrics = artifact.load(folder, ("run_metrics",)).tables["run_metrics"].to_pandas()
    done = outcome(plan, published.role, metrics, report.seconds, notes)
    if origin is None:
        remember(settings, done)
    return done


def ingest(settings: Settings, report: Reporter, origin: date | None, *, source_changed: bool) -> IngestReport:
    """Load the raw files, and reject a horizon that the calendar does not cover."""
    with report.step("ingest") as step:
        ingested = ingest_raw(settings, origin, source_changed=source_changed)
        refuse_unknown_days(ingested, settings.horizon_days)
        step.note = describe_ingest(ingested)
    return ingested


def make_run(settings: Settings, plan: Plan, checks: Checks, report: Reporter, notes: list[str]) -> tuple[Plan, Path]:
    """Produce a plan's run with its fitted model, or fit a new one.

    Returns:
        The executed plan and the run's folder.
    """
    if plan.fitted is not None:
        try:
            folder = forecast_again(settings, plan, plan.fitted, checks, report)
            days = f"{settings.refit_days} days (DEMAND_REFIT_DAYS)"
            notes.append(f"Forecast with the model fitted by {plan.fitted.name}; models are refitted after {days}.")
            return plan, folder
        except ModelError as error:
            notes.append(f"The model of {plan.fitted.name} cannot be reused, so a new one is fitted. {error}")
            plan = plan.with_model_of(None)
    trained, folder = train_beside(settings, plan, checks, report)
    if trained.model != plan.model:
        notes.append(trained.note)
    return trained, folder


def forecast_again(settings: Settings, plan: Plan, fitted: Path, checks: Checks, report: Reporter) -> Path:
    """Forecast with an already fitted model while the data is checked; the run keeps that model's backtest.

    Returns:
        The run's folder.

    Raises:
        ModelError: the model does not know these series, features or categories.
    """
    models, share = settings.home / "models", settings.shared_by(2).model_copy(update={"threads": settings.threads})
    with model_folder(models) as taken_up, processes(1) as pool:
        forecasting = pool.submit(train_in_process, plan, share, taken_up)
        with report.step("forecast") as step:
            forecast = forecasting.result()
            step.note = f"{plan.model}, {len(plan.marts.series)} series"
        checks.wait(report)
        tables = artifact.load(fitted).tables
        return save(plan, forecast, {name: tables[name] for name in BACKTEST_TABLES}, models)


def train_beside(settings: Settings, plan: Plan, checks: Checks, report: Reporter) -> tuple[Plan, Path]:
    """Backtest and train in parallel while the data is checked; save the run if the checks pass.

    A step's seconds are the time that the job waited for it.

    Returns:
        The executed plan (with a simple forecaster if the model was worse than seasonal naive) and the run's folder.
    """
    models, share = settings.home / "models", settings.shared_by(2)
    fold = plan.marts.origin - timedelta(days=plan.marts.horizon_days)
    with model_folder(models) as fitted, processes(2 if settings.threads > 1 else 1) as pool:
        scoring = pool.submit(
            fold_in_process, share, plan.marts.origin, plan.marts.stores, fold,
            (plan.model, *rivals(settings, plan, fold)),
        )  # fmt: skip
        training = pool.submit(train_in_process, plan, share, fitted)
        checks.wait(report)
        with report.step("backtest") as step:
            scored = scoring.result()
            if beaten := stand_in.is_beaten(scored.metrics, plan.model):
                simple = pool.submit(
                    fold_in_process, share, plan.marts.origin, plan.marts.stores, fold, stand_in.CANDIDATES
                ).result()
                scored = Backtest.joined([scored, simple.without(BASELINE)])
            step.note = f"origin {fold}: " + ", ".join(
                f"{m} {v:.3f}" for m, v in wrmsse_by_model(scored.metrics).items()
            )
        with report.step("train and forecast") as step:
            if beaten:
                training.result()  # it writes to the folder of the other model
                shutil.rmtree(fitted)
                plan = stand_in.standing_in(plan, scored.metrics, settings)
                training = pool.submit(train_in_process, plan, share, fitted)
            folder = save(plan, training.result(), backtest_tables(scored), models)
            step.note = f"{plan.model}, {len(plan.marts.series)} series"
    return plan, folder


def outcome(plan: Plan, role: str, metrics: pd.DataFrame, seconds: dict[str, float], notes: list[str]) -> Outcome:
    """Collect the summary for the user."""
    return Outcome(
        plan.run_id,
        role,
        plan.marts.origin,
        len(plan.marts.series),
        plan.scope,
        wrmsse_by_model(metrics),
        metrics["fold"].max(),
        seconds,
        tuple(notes),
    )
