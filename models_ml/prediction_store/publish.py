"""Publish a run: stage it, verify it in the database, then show it in one transaction.

Until that last transaction no reader can see the run; after it, all of it. A publisher that is killed at any
moment leaves the pointers where they were, and its leftovers are removed by the next publish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import Connection, Engine, Table, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from models_ml.errors import DemandError, PublishError, StoreError
from models_ml.prediction_store import claims, history, leftovers, override_effects, pointers
from models_ml.prediction_store.digest import Digest
from models_ml.prediction_store.frames import FRAME_TABLES, RunFrames, batches, check, insert_sql, rows
from models_ml.prediction_store.records import RunRecord, utc_now
from models_ml.prediction_store.sales import DirectSales, Sales, StagedSales
from models_ml.prediction_store.schema import model_runs, sales_history, staged_sales_history
from models_ml.prediction_store.transactions import run_transaction
from models_ml.prediction_store.verify import BY_RUN, verify

Outcome = Literal["published", "activated", "unchanged"]
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Publication:
    """What a publish did.

    `published`: the run is new. `activated`: it was there, and stores were pointed at it again.
    `unchanged`: it was there and served. `stores` are those whose pointer moved.
    """

    run_id: str
    outcome: Outcome
    stores: tuple[str, ...]
    forecast_rows: int
    checksum: str


def publish(
    engine: Engine,
    run: RunRecord,
    frames: RunFrames,
    *,
    activate: bool = True,
    force: bool = False,
    batch_rows: int = 50_000,
    progress: Progress | None = None,
) -> Publication:
    """Write a run, verify it and serve it for the stores of its scope.

    The same run_id published before is not written again; its stores are pointed at it if they are not, but for those
    that were rolled back from it: only `runs.promote` serves it there again.
    A pointer moves only if it still shows the run that it showed when the publish began, so of two publishers
    of one store the first to finish wins and the other is refused whole.

    Args:
        activate: False stores the run (a challenger) without serving it; `promote` does that later.
        force: allow an origin before that of the run served now.
        batch_rows: rows a transaction while staging.
        progress: called with (frame name, rows of it stored so far).

    Raises:
        PublishError: the rows are not what a run needs, another publisher was first, or the origin is too
            old. The run is then `failed` with the reason, and what was served is served still.
        StoreError: the store cannot be reached, is full or locked.
    """
    run.check()
    if activate and run.role == "challenger":
        raise PublishError(
            f"{run.run_id}: a challenger is stored, not served. Publish it with activate=False; "
            "`demand promote` serves it later."
        )
    leftovers.sweep(engine, except_run=run.run_id)
    claim = claims.new(run.run_id)
    begun = run_transaction(engine, lambda connection: _begin(connection, run, claim, activate, force))
    if isinstance(begun, Publication):
        return begun
    expected = begun
    try:
        leftovers.delete_rows(engine, run.run_id, claim.hold)
        stored = run_transaction(engine, lambda connection: history.stored_days(connection, run), write=False)
        changed, days = history.changed(frames.sales_history, stored)
        sales = (StagedSales if stages_sales(engine) else DirectSales)(run, changed, batch_rows, progress)
        staging = _Staging(engine, claim)
        sent, counts, calendar = _stage(run, frames, staging, batch_rows, progress)
        counts[staged_sales_history.name] = sales.stage(staging.insert)
        checksum = run_transaction(engine, lambda connection: verify(connection, run, sent, counts), write=False)
        run_transaction(
            engine,
            lambda connection: _show(connection, run, claim, expected, calendar, days, sales, counts, checksum),
            # A challenger moves no pointer, so on a server two of one store may add the same day of sales.
            repeat_on=(IntegrityError,),
        )
    except BaseException as error:
        _fail(engine, run.run_id, claim, error)
        raise
    return Publication(run.run_id, "published", tuple(sorted(expected)), counts["forecasts"], checksum)


def _begin(
    connection: Connection, run: RunRecord, claim: claims.Claim, activate: bool, force: bool
) -> Publication | dict[str, str | None]:
    """Claim the run, or find that it is published. Returns the pointers that the publish may replace."""
    stored = connection.execute(
        select(model_runs.c.status, model_runs.c.forecast_rows, model_runs.c.checksum).where(
            model_runs.c.run_id == run.run_id
        )
    ).one_or_none()
    expected = pointers.current(connection, run.scope) if activate else {}
    if stored is not None and stored.status == "published":
        refused = pointers.rolled_back(connection, run.run_id)
        expected = {s: active for s, active in expected.items() if active != run.run_id and s not in refused}
        if expected:
            if not force:
                pointers.refuse_older(connection, run.run_id, run.origin, expected)
            pointers.move(connection, run.run_id, expected, "publish", "published before, served again")
            override_effects.refresh(connection)
        outcome: Outcome = "activated" if expected else "unchanged"
        return Publication(run.run_id, outcome, tuple(sorted(expected)), stored.forecast_rows, stored.checksum)

    if stored is not None:
        holder = claims.holder(connection, run.run_id)
        if holder is not None and holder.token == claim.token:
            return expected  # a repeat: the first commit reached the server, its answer did not reach us
        if holder is not None and claims.is_alive(holder):
            raise PublishError(
                f"{run.run_id} is being published by process {holder.process_id} on {holder.host.split()[0]} "
                f"since {holder.claimed_at:%Y-%m-%d %H:%M:%S} UTC. Wait for it to end."
            )
    if not force:
        pointers.refuse_older(connection, run.run_id, run.origin, expected)
    values = _run_values(run)
    if stored is None:
        try:
            connection.execute(insert(model_runs).values(run_id=run.run_id, **values))
        except IntegrityError as error:  # on a server two publishers may both have seen no such run
            raise PublishError(f"{run.run_id} is being published by another process. Wait for it to end.") from error
    else:
        connection.execute(update(model_runs).where(model_runs.c.run_id == run.run_id).values(**values))
    claims.take(connection, claim)
    return expected


def _run_values(run: RunRecord) -> dict[str, Any]:
    return {
        "model": run.model,
        "version": run.version,
        "origin": run.origin,
        "horizon_days": run.horizon_days,
        "scope": sorted(run.scope),
        "status": "running",
        "role": run.role,
        "reason": run.reason,
        "created_at": utc_now(),
        "published_at": None,
        "git_commit": run.git_commit,
        "data_fingerprint": run.data_fingerprint,
        "parameters": dict(run.parameters),
        "metrics": dict(run.metrics),
        "mlflow_run_id": run.mlflow_run_id,
        "series_count": 0,
        "forecast_rows": 0,
        "node_rows": 0,
        "checksum": None,
        "step_days": run.step_days,
    }


def stages_sales(engine: Engine) -> bool:
    """Whether sales wait in a table of their own for the transaction that shows them (see `sales`)."""
    return engine.dialect.name != "sqlite"


def _stage(
    run: RunRecord, frames: RunFrames, staging: _Staging, batch_rows: int, progress: Progress | None
) -> tuple[Digest, dict[str, int], history.Calendar]:
    """Write all frames of the run but its sales, a transaction a batch; calendar frames are kept for the last one."""
    digest = Digest()
    counts: dict[str, int] = {}
    calendar: history.Calendar = {}
    for name, table in FRAME_TABLES.items():
        if table is sales_history:
            continue
        counts[name] = 0
        for part in batches(name, getattr(frames, name), batch_rows):
            check(name, part, run)
            if name in BY_RUN:
                staging.insert(table, part)
            else:
                calendar.setdefault(name, []).extend(part.to_pylist())
            digest.add(name, part)
            counts[name] += part.num_rows
            if progress is not None:
                progress(name, counts[name])
    return digest, counts, calendar


@dataclass
class _Staging:
    """Inserts rows of a run, a numbered transaction a batch."""

    engine: Engine
    claim: claims.Claim
    batch: int = 0

    def insert(self, table: Table, part: pa.Table) -> None:
        """Insert a batch.

        Raises:
            PublishError: a row is twice, or of no series or node of the run; or another publisher has the claim.
        """
        self.batch += 1
        values = rows(part, self.claim.run_id, iso_dates=self.engine.dialect.name == "sqlite")

        def work(connection: Connection) -> None:
            if self.claim.beat(connection, self.batch):
                try:
                    # Plain tuples to the driver: SQLAlchemy's work on each row would take longer than SQLite's.
                    connection.exec_driver_sql(insert_sql(connection, table), values)
                except IntegrityError as error:
                    raise PublishError(
                        f"{self.claim.run_id}: {table.name} has a row twice, or a row of a series or node that the "
                        f"run does not list ({' '.join(str(error.orig).split())[:200]})."
                    ) from error

        run_transaction(self.engine, work)


def _show(
    connection: Connection,
    run: RunRecord,
    claim: claims.Claim,
    expected: Mapping[str, str | None],
    calendar: history.Calendar,
    days: history.SalesDays,
    sales: Sales,
    counts: Mapping[str, int],
    checksum: str,
) -> None:
    """The one transaction that makes the run visible."""
    status = connection.execute(
        select(model_runs.c.status).where(model_runs.c.run_id == run.run_id)
    ).scalar_one_or_none()
    held = claim.release(connection)
    if status == "published" and not held:
        return  # a repeat: the first commit reached the server, its answer did not reach us
    if status != "running" or not held:
        raise claims.taken_over(run.run_id)
    connection.execute(
        update(model_runs)
        .where(model_runs.c.run_id == run.run_id)
        .values(
            status="published",
            published_at=utc_now(),
            series_count=counts["run_series"],
            forecast_rows=counts["forecasts"],
            node_rows=counts["node_forecasts"],
            checksum=checksum,
        )
    )
    # First: whoever is late to the pointers is refused here, before the rows that runs share collide.
    pointers.move(connection, run.run_id, expected, "publish", None)
    history.merge_sales(connection, run, days, sales.insert)
    sales.discard(connection)
    history.merge_calendar(connection, calendar)
    if expected:
        override_effects.refresh(connection)


def _fail(engine: Engine, run_id: str, claim: claims.Claim, error: BaseException) -> None:
    """Record why, and remove the rows. If even that fails, the next publish sees a dead claim and sweeps."""
    reason = str(error) if isinstance(error, DemandError) else f"{type(error).__name__}: {error}"

    def work(connection: Connection) -> bool:
        if not claim.release(connection):
            return False
        connection.execute(
            update(model_runs)
            .where(model_runs.c.run_id == run_id, model_runs.c.status == "running")
            .values(status="failed", reason=reason[:4000] or type(error).__name__)
        )
        return True

    with suppress(StoreError, SQLAlchemyError):
        if run_transaction(engine, work, attempts=2):
            leftovers.delete_rows(engine, run_id, partial(leftovers.hold_failed, run_id=run_id))
