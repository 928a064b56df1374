"""The main job: from raw files to forecasts that are served, each step safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from models_ml import provenance
from models_ml.errors import InputError, ModelError, PublishError, QualityError, StepError, StoreError, WarehouseError
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.registry import CLASSES, check_name
from models_ml.forecasters.storage import FittedModel
from models_ml.inventory.rows import unreached
from models_ml.job import promotion
from models_ml.job.refit import with_served_model
from models_ml.lake.address import LakeAddress
from models_ml.monitoring.run import monitor
from models_ml.runs import artifact, explain
from models_ml.runs.backtest import Backtest
from models_ml.runs.explain import Explanation
from models_ml.runs.processes import processes
from models_ml.runs.training import (
    BACKTEST_TABLES,
    Plan,
    backtest_tables,
    fold_in_process,
    model_folder,
    plan_training,
    save,
    train_in_process,
)
from models_ml.settings import Settings
from models_ml.sources import SimulatedSource, get_source
from models_ml.sources.long.ingest import ingest_in_place
from models_ml.sources.long.session import databricks_session
from models_ml.sources.report import IngestReport
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import DatabricksWarehouse, Warehouse, install_sqlite_extension, open_warehouse
from models_ml.warehouse.marts import Marts

INGEST_MEMORY_GB = 3.0
"""DuckDB's share of memory while it reads files, so that all of M5 is read within 4 GB."""

MOST_STORES_NAMED = 12

FEW_REPLAYS = 6
"""Replayed horizons below which the ranges that are learned from them are called rough."""

EXAMPLE_STORES, EXAMPLE_ITEMS, EXAMPLE_DAYS = 1, 500, 1941
"""Size of the simulated data that is made when no raw files are given."""


class Reporter(Protocol):
    """Who is told of the steps (see `cli.progress.Progress`)."""

    seconds: dict[str, float]

    def step(self, name: str) -> AbstractContextManager[Any]:
        """A step, whose `note` may be set."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What the main job did.

    Attributes:
        run_id: the run that was made, or found made before.
        role: `champion`: it is served now; `challenger`: it is published, the run before is served still.
        origin: its last known day.
        series: number of series forecast.
        scope: its stores.
        wrmsse: WRMSSE of the backtest by model.
        fold: latest origin of the backtest.
        seconds: by step.
        notes: what the user should know.
    """

    run_id: str
    role: str
    origin: date
    series: int
    scope: tuple[str, ...]
    wrmsse: dict[str, float]
    fold: date
    seconds: dict[str, float]
    notes: list[str] = field(default_factory=list)


def prepare_home(settings: Settings) -> None:
    """Make the home, the store's tables and DuckDB's extension ready."""
    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.migrate import upgrade

    settings.home.mkdir(parents=True, exist_ok=True)
    install_sqlite_extension()
    engine = make_engine(settings.effective_store_url)
    upgrade(engine)
    engine.dispose()


def ingest_raw(settings: Settings, as_of: date | None = None) -> IngestReport:
    """Read the configured raw files (or simulated ones, made on first use), up to a day, into the raw tables."""
    settings.home.mkdir(parents=True, exist_ok=True)
    if settings.source == "long" and settings.effective_warehouse_url.startswith("databricks://"):
        warehouse = DatabricksWarehouse(settings.effective_warehouse_url)
        with databricks_session(warehouse) as session:
            return ingest_in_place(
                raw_files(settings),
                session,
                stores=settings.store_list or None,
                horizon_days=settings.horizon_days,
                as_of=as_of,
            )
    return get_source(settings.source).ingest(
        raw_files(settings),
        settings.warehouse_path,
        stores=settings.store_list or None,
        threads=settings.threads,
        memory_limit_gb=min(settings.memory_limit_gb, INGEST_MEMORY_GB),
        horizon_days=settings.horizon_days,
        as_of=as_of,
    )


def refuse_unknown_days(ingested: IngestReport, horizon_days: int) -> None:
    """A forecast of days that the calendar does not have fails here, not after the marts are built.

    Raises:
        InputError: the calendar ends before the horizon does.
    """
    needed = ingested.last_day + timedelta(days=horizon_days)
    if ingested.known_until is not None and ingested.known_until < needed:
        raise InputError(
            f"The calendar ends on {ingested.known_until}, and a forecast of {horizon_days} days after "
            f"{ingested.last_day} needs it until {needed}. Add the days that are missing, with their events and "
            "prices, forecast from an earlier day by --as-of, or shorten DEMAND_HORIZON_DAYS."
        )


def raw_files(settings: Settings) -> Path:
    """The configured raw files on this machine: as they are, fetched from the lake, or simulated on first use."""
    location = settings.raw_source
    if isinstance(location, LakeAddress):
        from models_ml.lake.staging import stage

        folder = settings.home.resolve() / "lake"
        return stage(location, folder, endpoint=settings.lake_endpoint, sas=settings.lake_signature)
    return location or simulate_once(settings)


def raw_fingerprint(settings: Settings, warehouse: Warehouse) -> str:
    """Fingerprint of the raw data behind the marts, as the ingest recorded it."""
    table = warehouse.read(f"raw_{settings.source}.ingest_log", ["fingerprint"])
    if table.num_rows != 1:
        raise WarehouseError("The warehouse has no record of an ingest. Run `demand ingest` first.")
    return str(table["fingerprint"][0].as_py())


def simulate_once(settings: Settings) -> Path:
    """The home's simulated raw files; made if they are not there."""
    folder = settings.home / "raw"
    source = get_source(settings.source)
    if not folder.exists():
        if not isinstance(source, SimulatedSource):
            raise InputError(
                f"The source {settings.source!r} needs raw files: set DEMAND_DATA_DIR to their folder, or describe "
                "them by `demand init`."
            )
        source.simulate(
            folder, stores=EXAMPLE_STORES, items=EXAMPLE_ITEMS, days=EXAMPLE_DAYS, seed=settings.seed,
            horizon_days=settings.horizon_days,
        )  # fmt: skip
    return folder


def main_job(
    settings: Settings, report: Reporter, *, origin: date | None = None, force: bool = False, track: bool = True
) -> Outcome:
    """Raw files in, served forecasts out.

    Args:
        settings: what, where and how.
        report: told of the steps.
        origin: replay this day: sales after it are not even loaded; None: the last day of sales.
        force: train and publish even if this very run is served already.
        track: record the run in MLflow.
    """
    check_name(settings.model)
    with report.step("prepare"):
        prepare_home(settings)
    with checking(settings) as checks:
        if settings.raw_source is None and not (settings.home / "raw").exists():
            with report.step("simulate"):
                simulate_once(settings)
        with report.step("ingest") as step:
            ingested = ingest_raw(settings, origin)
            refuse_unknown_days(ingested, settings.horizon_days)
            step.note = describe_ingest(ingested)
        with report.step("dbt build") as step:
            step.note = build_warehouse(settings, ingested, force=force)
        checks.begin()
        warehouse = open_warehouse(
            settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
        )
        plan = plan_training(settings, warehouse, ingested.fingerprint)
        if origin is None and not force:
            plan = with_served_model(plan, settings)
        untold = unreached(plan.terms, plan.marts.horizon_days)
        notes = [note for note in (plan.note, untold) if note]
        folder = settings.home / "models" / plan.run_id
        if (folder / artifact.MANIFEST).exists() and not force:
            notes.append(f"{plan.run_id} was trained before on the same data, code and settings; nothing new to train.")
            checks.wait(report)
        else:
            plan, folder = make_run(settings, plan, checks, report, notes)
        with report.step("publish") as step:
            check = partial(checks.of_forecasts, fresh=origin is None)
            published = publish_artifact(settings, folder, check=check, replay=origin is not None)
            step.note = published.text
    notes += [*range_notes(folder), *published.notes]
    with recorded(settings, folder, report, notes, track=track):
        with report.step("serving models") as step:
            step.note = describe(dbt.build(settings, "serving", without=["unit_test"]))
        with report.step("monitor") as step:
            watched = monitor(settings)
            step.note = watched.text
    notes += watched.notes
    metrics = artifact.load(folder).tables["run_metrics"].to_pandas()
    return outcome(plan, published.role, metrics, report.seconds, notes)


def make_run(settings: Settings, plan: Plan, checks: Checks, report: Reporter, notes: list[str]) -> tuple[Plan, Path]:
    """Make a plan's run with the model that it has, or fit one.

    Returns:
        The plan that was carried out, and the run's folder.
    """
    if plan.fitted is not None:
        try:
            folder = forecast_again(settings, plan, plan.fitted, checks, report)
            days = f"{settings.refit_days} days (DEMAND_REFIT_DAYS)"
            notes.append(f"Forecast by the model that {plan.fitted.name} fitted; a model is fitted anew after {days}.")
            return plan, folder
        except ModelError as error:
            notes.append(f"The model of {plan.fitted.name} cannot go on, so one is fitted anew. {error}")
            plan = plan.with_model_of(None)
    return plan, train_beside(settings, plan, checks, report)


def forecast_again(settings: Settings, plan: Plan, fitted: Path, checks: Checks, report: Reporter) -> Path:
    """Forecast with a model that was fitted before, while the data is checked; its backtest is still the model's.

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
        return save(plan, settings, forecast, {name: tables[name] for name in BACKTEST_TABLES}, models)


def train_beside(settings: Settings, plan: Plan, checks: Checks, report: Reporter) -> Path:
    """Backtest and train side by side, while the data is checked; the run is saved if the data is sound.

    A step's seconds are those that the job had to wait for it.

    Returns:
        The run's folder.
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
            step.note = f"origin {fold}: " + ", ".join(
                f"{m} {v:.3f}" for m, v in wrmsse_by_model(scored.metrics).items()
            )
        with report.step("train and forecast") as step:
            folder = save(plan, settings, training.result(), backtest_tables(scored), models)
            step.note = f"{plan.model}, {len(plan.marts.series)} series"
    return folder


@dataclass
class Checks:
    """The tests and checks of the data, beside the training.

    Attributes:
        settings: of the job.
        process: where the checks run; it loads their libraries while files are read and marts are built.
        thread: waits for dbt's tests, then for the checks.
        of_data: the outcome of `check_data`, in a line; None before `begin`.
    """

    settings: Settings
    process: Executor
    thread: Executor
    of_data: Future[str] | None = None

    def begin(self) -> None:
        """Test and check what is built now."""
        self.of_data = self.thread.submit(check_data, self.settings.shared_by(2), self.process)

    def result(self) -> str:
        """The outcome in a line.

        Raises:
            StepError: a dbt test failed.
            QualityError: a check of severity `error` failed.
        """
        return self.of_data.result() if self.of_data else ""

    def wait(self, report: Reporter) -> None:
        """Go on only if the data is sound; raises as `result`."""
        with report.step("quality of the data") as step:
            step.note = self.result()

    def of_forecasts(self, settings: Settings, run_id: str, *, fresh: bool) -> str:
        """`check_forecasts` in that process."""
        return self.process.submit(check_forecasts, settings, run_id, fresh=fresh).result()


@contextmanager
def checking(settings: Settings) -> Iterator[Checks]:
    """Test and check the data while the block goes on; a fault of the data outranks an error of the block."""
    dbt.prepare(settings)
    with processes(1) as process, ThreadPoolExecutor(1) as thread:
        process.submit(load_checks)
        checks = Checks(settings, process, thread)
        try:
            yield checks
        except Exception:
            checks.result()
            raise


def load_checks() -> None:
    """Load the libraries of the checks."""
    from expectations.library import great_expectations

    great_expectations()


def check_data(settings: Settings, process: Executor) -> str:
    """The dbt tests of the marts, unless they passed on what is built, and the checks of the raw tables and the marts.

    Args:
        settings: of the job, with the threads and the memory that they may take.
        process: where the checks run.

    Returns:
        The outcome in a line.

    Raises:
        StepError: a dbt test failed.
        QualityError: a check of severity `error` failed.
    """
    stamp = dbt.warehouse_stamp(settings)
    built = json.loads(stamp.read_text())
    if built.get("tested"):
        tested = "dbt tests passed before"
    else:
        tested = describe(dbt.test(settings, "warehouse"))
        stamp.write_text(json.dumps({**built, "tested": True}))
    return f"{tested}; {process.submit(check_quality, settings, ['raw', 'marts']).result()}"


def build_warehouse(settings: Settings, ingested: IngestReport, *, force: bool) -> str:
    """Build the marts: of the rows that changed, or all of them anew where other code made them.

    Without tests: `check_data` runs those of the data before anything is published; unit tests have fixed inputs and
    belong to a change of the code (`demand build`, CI).

    A build that is killed leaves a stamp without data, a full refresh none: either way the next build makes it good.

    Returns:
        What was done, in a few words.
    """
    stamp = dbt.warehouse_stamp(settings)
    code = {
        "version": provenance.code_version(provenance.WAREHOUSE_FOLDERS),
        "target": settings.dbt_target,
        **dbt.project_variables(settings),
    }
    data = {"fingerprint": ingested.fingerprint, "stores": sorted(settings.store_list)}
    before = json.loads(stamp.read_text()) if stamp.exists() else {}
    full_refresh = force or before.get("code") != code
    if ingested.unchanged and not full_refresh and before.get("data") == data:
        return "built before from the same data by the same code"
    stamp.unlink(missing_ok=True)
    if not full_refresh:
        stamp.write_text(json.dumps({"code": code}))
    result = dbt.build(settings, "warehouse", full_refresh=full_refresh, without=["test", "unit_test"])
    stamp.write_text(json.dumps({"code": code, "data": data, "invocation_id": result.invocation_id}))
    return f"{describe(result)}{'' if full_refresh else '; incremental'}"


def range_notes(folder: Path) -> Iterator[str]:
    """What to know of a run's ranges: those learned from few replays are guesses rather than measurements."""
    learned = artifact.load(folder).manifest["parameters"]["quantiles"]
    if learned["replays"] < FEW_REPLAYS:
        yield (
            f"Ranges are learned from {learned['replays']} past horizons, for want of history; fewer than "
            f"{FEW_REPLAYS} make them rough."
        )


def outcome(plan: Plan, role: str, metrics: pd.DataFrame, seconds: dict[str, float], notes: list[str]) -> Outcome:
    """Gather what the user is told in the end."""
    return Outcome(
        plan.run_id,
        role,
        plan.marts.origin,
        len(plan.marts.series),
        plan.scope,
        wrmsse_by_model(metrics),
        metrics["fold"].max(),
        seconds,
        notes,
    )


def wrmsse_by_model(metrics: pd.DataFrame) -> dict[str, float]:
    """Mean WRMSSE over folds of each model, on the average of the levels."""
    rows = metrics[(metrics["metric"] == "wrmsse") & (metrics["level"] == AVERAGE_LEVEL)]
    return {str(model): float(value) for model, value in rows.groupby("model")["value"].mean().items()}


def rivals(settings: Settings, plan: Plan, fold: date) -> list[str]:
    """Forecasters to backtest beside the run's own, so that it can be compared with the champion."""
    from models_ml.prediction_store.engine import make_engine

    engine = make_engine(settings.effective_store_url)
    try:
        champion, _ = promotion.served_champion(engine, plan.scope, plan.marts.horizon_days)
    finally:
        engine.dispose()
    return [name for name in promotion.rivals(champion, plan.model, fold) if name in CLASSES]


CheckRun = Callable[[Settings, str], str]
"""Checks a stored run by its id: the outcome in a line, or a QualityError."""


@dataclass(frozen=True)
class Published:
    """A run in the store.

    Attributes:
        role: champion or challenger.
        text: what was done, in a sentence.
        notes: what the user should know of the comparison with the champion.
    """

    role: str
    text: str
    notes: tuple[str, ...]


def check_forecasts(settings: Settings, run_id: str, *, fresh: bool = True) -> str:
    """Run the data-quality checks of one run in the store.

    Args:
        settings: the store, and the warehouse whose newest day tells whether the run is stale.
        run_id: the run, served or not.
        fresh: whether the run must be of the newest sales; not so for an origin that was asked for.

    Returns:
        The outcome in a line.

    Raises:
        QualityError: a check of severity `error` failed.
    """
    from expectations.run import run_zones

    summary = run_zones(settings, "store", run_ids=[run_id], fresh=fresh)
    summary.raise_on_errors()
    return summary.text


def publish_artifact(
    settings: Settings, folder: Path, *, activate: bool = True, check: CheckRun = check_forecasts, replay: bool = False
) -> Published:
    """Publish a trained run's rows, check them, and serve the run unless it is worse than the champion.

    A run is stored first and seen by nobody; only if its checks pass is it served (see `promotion` for whether it
    may be). A run that fails them is taken back.

    Args:
        settings: the store, and the home that may have thresholds of its own.
        folder: of the trained run.
        activate: False publishes it as a challenger whatever its backtest says.
        check: the data-quality checks of the stored run.
        replay: of a past day, as asked: beside a run that knows more it is a challenger, and no error.

    Raises:
        InputError: the folder holds no trained run, or the thresholds cannot be read.
        PublishError: the store refuses the run; what was served is served still.
        QualityError: the run failed its checks; what was served is served still.
    """
    from models_ml.prediction_store import additions, pointers, runs
    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.publish import publish
    from models_ml.prediction_store.transactions import reading

    run = artifact.load(folder)
    thresholds = promotion.read_thresholds(promotion.thresholds_path(settings.home))
    record = artifact.record_of(run)
    engine = make_engine(settings.effective_store_url)
    try:
        if activate:
            champion, absence = promotion.served_champion(engine, record.scope, record.horizon_days)
            metrics = run.tables["run_metrics"].to_pandas()
            decision = promotion.decide(run.run_id, record.model, metrics, champion, absence, thresholds)
        else:
            decision = promotion.Decision("challenger", "Published without being served, as asked.")
        before = promotion.published_role(engine, run.run_id)
        with reading(engine) as connection:
            served = pointers.current(connection, record.scope)
            if decision.serve:
                try:
                    pointers.refuse_older(connection, run.run_id, record.origin, served)
                except PublishError:
                    if not replay:
                        raise
                    reason = f"It replays {record.origin}, and what is served knows later sales."
                    decision = promotion.Decision("challenger", reason)
        record = replace(record, role=decision.role, reason=decision.reason)
        done = publish(engine, record, artifact.frames_of(run), activate=False)
        contributions = run.tables.get("node_contributions")
        if contributions is not None and not additions.has_contributions(engine, run.run_id):
            additions.write_contributions(engine, run.run_id, contributions)
        try:
            checked = check(settings, run.run_id)
        except QualityError as error:
            if runs.reject(engine, run.run_id, f"failed its data-quality checks: {error}"):
                raise QualityError(f"{run.run_id} is not served and was taken back. {error}") from None
            raise
        moved: tuple[str, ...] = ()
        if decision.serve:
            again = "no longer worse than the champion" if before == "challenger" else None
            moved = runs.promote(engine, run.run_id, reason=again, instead_of=served)
    finally:
        engine.dispose()
    role = decision.role if before is None or decision.serve else before
    notes = (f"{run.run_id} is a challenger and not served. {decision.reason}",) if role == "challenger" else ()
    known = f"{run.run_id} was a challenger" if moved and before == "challenger" else f"{done.run_id} {done.outcome}"
    text = f"{known}, {done.forecast_rows:,} forecasts, {checked}, {served_text(moved)}"
    return Published(role, text, (*notes, *decision.notes))


def served_text(stores: tuple[str, ...]) -> str:
    """Which pointers moved, in words."""
    return f"served for {stores_named(stores)}" if stores else "no pointer moved"


def stores_named(stores: tuple[str, ...]) -> str:
    """Stores by name, or their number where a line would not hold them."""
    return ", ".join(stores) if len(stores) <= MOST_STORES_NAMED else f"{len(stores):,} stores"


@contextmanager
def recorded(
    settings: Settings, folder: Path, report: Reporter, notes: list[str], *, track: bool = True
) -> Iterator[None]:
    """Record a published run in MLflow while other work is done, and wait for it a little; it never fails a job."""
    from models_ml.prediction_store import additions, runs
    from models_ml.prediction_store.engine import make_engine
    from models_ml.tracking import recording as tracking

    if not track:
        yield
        return
    run_id = artifact.load(folder).run_id
    engine = make_engine(settings.effective_store_url)
    recording: tracking.Recording | None = None
    try:
        try:
            aliases = tracking.wanted_aliases(engine)
            if runs.show(engine, run_id).mlflow_run_id is None:
                recording = tracking.start(settings.home, run_folder=folder, aliases=aliases)
        except (OSError, StoreError) as error:
            notes.append(f"warning: MLflow was not told of {run_id}: {error}")
        try:
            yield
        except BaseException:
            if recording is not None:
                recording.stop()
            raise
        if recording is None:
            return
        with report.step("MLflow") as step:
            said = recording.finish()
            if said.warning:
                notes.append(f"warning: {said.warning}")
            if said.mlflow_run_id:
                step.note = f"recorded as {said.mlflow_run_id}"
                try:
                    additions.set_mlflow_run_id(engine, run_id, said.mlflow_run_id)
                except StoreError as error:
                    notes.append(f"warning: {run_id} is recorded in MLflow, but the store does not know it: {error}")
    finally:
        engine.dispose()


def move_aliases(settings: Settings) -> str | None:
    """Point MLflow's aliases at what is served now, within a bounded time.

    Returns:
        What went wrong, in a line; None if nothing did, or MLflow is not in use.
    """
    from models_ml.prediction_store.engine import make_engine
    from models_ml.tracking import recording as tracking

    if not tracking.in_use(settings.home):
        return None
    engine = make_engine(settings.effective_store_url)
    try:
        aliases = tracking.wanted_aliases(engine)
        return tracking.start(settings.home, run_folder=None, aliases=aliases).finish().warning
    except (OSError, StoreError) as error:
        return f"MLflow's aliases were not moved: {error}"
    finally:
        engine.dispose()


def keep_backtest(settings: Settings, folder: Path, scored: Backtest) -> str:
    """Keep a backtest with its run: in its folder, and in the store if it is published.

    Returns:
        What was done, in a sentence.

    Raises:
        InputError: the folder holds no trained run.
    """
    from models_ml.prediction_store import additions
    from models_ml.prediction_store.engine import make_engine

    tables = backtest_tables(scored)
    artifact.add_backtest(folder, tables)
    engine = make_engine(settings.effective_store_url)
    try:
        if promotion.published_role(engine, folder.name) is None:
            return f"Kept with {folder.name}, which is not published yet."
        added = additions.add_backtest(engine, folder.name, tables)
    finally:
        engine.dispose()
    return f"Kept with {folder.name}: {added} figures added to the store."


def explain_item(settings: Settings, run_id: str, store_id: str, item_id: str) -> Explanation:
    """Why a run forecasts an item as it does, by its stored model on the marts that it was fitted on.

    Raises:
        InputError: the home holds no such run or item, or its model cannot say why.
        ModelError: the marts hold other data than the run was fitted on.
    """
    folder = settings.home / "models" / run_id
    run = artifact.load(folder)
    record = artifact.record_of(run)
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    if raw_fingerprint(settings, warehouse) != record.data_fingerprint:
        raise ModelError(
            f"The warehouse holds other data than {run_id} was fitted on, so its items cannot be explained. "
            "Explain a run of the present data, or a node (`--node`), whose explanation is stored."
        )
    model = FittedModel.load(folder / artifact.MODEL, threads=settings.threads)
    marts = Marts(warehouse, record.origin, record.horizon_days, record.scope)
    return explain.explain_item(model, marts, run, store_id, item_id)


def check_quality(settings: Settings, zones: list[str]) -> str:
    """Run the data-quality checkpoints of zones; errors stop the job, so the old run stays served."""
    from expectations.run import run_zones

    summaries = [run_zones(settings, zone) for zone in zones]
    for summary in summaries:
        summary.raise_on_errors()
    return "; ".join(summary.text for summary in summaries)


def build_reports(settings: Settings) -> str:
    """Rebuild the serving models after a publish or a promotion, which stands whatever becomes of them.

    Returns:
        What was built, in a few words.

    Raises:
        StepError: dbt failed.
    """
    try:
        return describe(dbt.build(settings, "serving"))
    except StepError as error:
        raise StepError(
            f"What was published or promoted stands and is served; its reports are those of before. {error}\n"
            "Repeat them by: demand build --selector serving"
        ) from error


def describe(result: dbt.DbtResult) -> str:
    """A dbt build in a few words."""
    words = {"success": "models built", "pass": "dbt tests passed"}
    counts = sorted(result.counts.items(), key=lambda count: (count[0] not in words, count[0] == "pass", count[0]))
    return ", ".join(f"{count} {words.get(status, status)}" for status, count in counts)


def describe_ingest(report: IngestReport) -> str:
    """An ingest in a few words, its warnings after it."""
    known = ", already loaded" if report.unchanged else ""
    warnings = "".join(f"\n  warning: {warning}" for warning in report.warnings)
    left_out = "".join(f"\n  left out: {reason}" for reason in report.left_out)
    return (
        f"{report.series:,} series of {report.stores} stores, {report.first_day} to {report.last_day}, "
        f"{report.price_rows:,} prices{known}{warnings}{left_out}"
    )
