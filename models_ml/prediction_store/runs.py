"""Runs after they are published: list, compare, promote, roll back, prune, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, update

from models_ml.errors import InputError, PublishError
from models_ml.prediction_store import leftovers, pointers
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import activations, active_runs, model_runs, run_metrics
from models_ml.prediction_store.text import begins_with
from models_ml.prediction_store.transactions import reading, run_transaction

PRUNED = "pruned"


@dataclass(frozen=True)
class Run:
    """A row of `model_runs`, and the stores that serve it."""

    run_id: str
    model: str
    version: str
    origin: date
    horizon_days: int
    scope: tuple[str, ...]
    status: str
    role: str
    reason: str | None
    created_at: datetime
    published_at: datetime | None
    git_commit: str
    data_fingerprint: str
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    mlflow_run_id: str | None
    series_count: int
    forecast_rows: int
    node_rows: int
    checksum: str | None
    step_days: int
    active_stores: tuple[str, ...]


@dataclass(frozen=True)
class MetricDifference:
    """One metric of two runs (mean over the folds and models' own rows that both have), `second` - `first`."""

    model: str
    level: int
    metric: str
    folds: int
    first: float
    second: float

    @property
    def difference(self) -> float:
        """Second minus first: negative is better for every metric but bias."""
        return self.second - self.first


def list_runs(engine: Engine, *, status: str | None = None, limit: int = 50) -> list[Run]:
    """Runs, newest first.

    Raises:
        StoreError: the store cannot be read.
    """
    query = select(model_runs).order_by(model_runs.c.created_at.desc(), model_runs.c.run_id).limit(limit)
    if status is not None:
        query = query.where(model_runs.c.status == status)
    with reading(engine) as connection:
        served = _served(connection)
        return [_run(row, served) for row in connection.execute(query)]


def show(engine: Engine, run_id: str) -> Run:
    """One run; `run_id` may be shortened to any beginning that only one run has.

    Raises:
        InputError: no run, or several, begin so.
        StoreError: the store cannot be read.
    """
    with reading(engine) as connection:
        return find(connection, run_id)


def find(connection: Connection, run_id: str) -> Run:
    """As `show`, on a connection."""
    # In order, so that a run of exactly this name comes first.
    named = select(model_runs).where(begins_with(model_runs.c.run_id, run_id)).order_by(model_runs.c.run_id)
    found = connection.execute(named.limit(2)).all()
    if not found or (len(found) > 1 and found[0].run_id != run_id):
        said = "No run" if not found else "More than one run"
        raise InputError(f"{said} begins with {run_id!r}. See `demand runs list`.")
    return _run(found[0], _served(connection))


def _served(connection: Connection) -> dict[str, list[str]]:
    served: dict[str, list[str]] = {}
    for row in connection.execute(select(active_runs).order_by(active_runs.c.store_id)):
        served.setdefault(row.run_id, []).append(row.store_id)
    return served


def _run(row: Row[Any], served: dict[str, list[str]]) -> Run:
    values = {field.name: getattr(row, field.name) for field in fields(Run) if field.name != "active_stores"}
    values["scope"] = tuple(values["scope"])
    return Run(**values, active_stores=tuple(served.get(row.run_id, ())))


def compare(engine: Engine, first: str, second: str) -> list[MetricDifference]:
    """Metrics of two runs side by side, means over the folds that both have.

    Raises:
        InputError: a run is not there, or they share no fold, model, level and metric.
        StoreError: the store cannot be read.
    """
    with reading(engine) as connection:
        values = []
        for run_id in (find(connection, first).run_id, find(connection, second).run_id):
            found = connection.execute(select(run_metrics).where(run_metrics.c.run_id == run_id))
            values.append({(row.fold, row.model, row.level, row.metric): row.value for row in found})
    shared: dict[tuple[str, int, str], list[tuple[float, float]]] = {}
    for key in sorted(values[0].keys() & values[1].keys()):
        shared.setdefault(key[1:], []).append((values[0][key], values[1][key]))
    if not shared:
        raise InputError(f"{first} and {second} share no metric on a fold. Backtest both on the same folds.")
    return [
        MetricDifference(
            *key,
            folds=len(pairs),
            first=sum(pair[0] for pair in pairs) / len(pairs),
            second=sum(pair[1] for pair in pairs) / len(pairs),
        )
        for key, pairs in sorted(shared.items())
    ]


def promote(
    engine: Engine,
    run_id: str,
    *,
    reason: str | None = None,
    author: str | None = None,
    force: bool = False,
    instead_of: Mapping[str, str | None] | None = None,
    by_name: bool = True,
) -> tuple[str, ...]:
    """Serve a published run for its stores; it is a champion from now on. Returns the stores that changed.

    Args:
        author: who decided.
        instead_of: what its stores served when the caller decided; if one serves another run by now, none is moved.
        by_name: somebody asked for this very run. Otherwise, stores that were rolled back from it are left alone.

    Raises:
        PublishError: the run is not published, or older than what is served (and not `force`), or another run
            was served meanwhile.
        InputError: there is no such run.
        StoreError: the store cannot be written.
    """
    from models_ml.prediction_store import override_effects  # NumPy, which lists of runs do not wait for

    def work(connection: Connection) -> tuple[str, ...]:
        run = find(connection, run_id)
        # Also locks the run, so that it cannot be pruned meanwhile.
        held = connection.execute(
            update(model_runs)
            .where(model_runs.c.run_id == run.run_id, model_runs.c.status == "published")
            .values(role="champion", reason=reason)
        )
        if held.rowcount != 1:
            raise PublishError(f"{run.run_id} is {run.status}, not published, so it cannot be served.")
        now = pointers.current(connection, run.scope)
        refused = {} if by_name else pointers.rolled_back(connection, run.run_id)
        expected = {
            store: active if instead_of is None else instead_of.get(store)
            for store, active in now.items()
            if active != run.run_id and store not in refused
        }
        if not force:
            pointers.refuse_older(connection, run.run_id, run.origin, expected)
        pointers.move(connection, run.run_id, expected, "promote", reason, author)
        override_effects.refresh(connection)
        return tuple(sorted(expected))

    return run_transaction(engine, work)


def rollback(
    engine: Engine, stores: Sequence[str], *, reason: str | None = None, author: str | None = None
) -> dict[str, str]:
    """Serve again what each store served before its present run; all stores or none. Returns store -> run_id.

    The step back is from the run, not from the last move: rolled back twice, a store is two runs back. The decision
    stands: a publish or a job does not serve the run there again, only a promotion by name. A run that no store serves
    any more is a challenger from now on, with the reason.

    Raises:
        PublishError: a store serves nothing, has no run before, or that run has been pruned.
        StoreError: the store cannot be written.
    """
    from models_ml.prediction_store import override_effects

    with reading(engine) as connection:
        now = pointers.current(connection, stores)
        targets = {store: _target(connection, store, active) for store, active in now.items()}

    def work(connection: Connection) -> None:
        if pointers.current(connection, stores) == targets:
            return  # a repeat: the first commit reached the server, its answer did not reach us
        for store, before in sorted(targets.items()):
            # Also locks the run, so that it cannot be pruned meanwhile.
            held = connection.execute(
                update(model_runs)
                .where(model_runs.c.run_id == before, model_runs.c.status == "published")
                .values(status="published")
            )
            if held.rowcount != 1:
                raise PublishError(f"Store {store} served {before} before, but that run has been pruned.")
            pointers.move(connection, before, {store: now[store]}, "rollback", reason, author)
        for run_id in sorted({left for left in now.values() if left is not None}):
            _demote_unserved(connection, run_id)
        override_effects.refresh(connection)

    run_transaction(engine, work)
    return targets


def _demote_unserved(connection: Connection, run_id: str) -> None:
    if connection.execute(select(active_runs.c.store_id).where(active_runs.c.run_id == run_id)).first() is None:
        last = max(pointers.rolled_back(connection, run_id).values(), key=lambda decision: decision.at)
        said = str(last)
        demoted = update(model_runs).where(model_runs.c.run_id == run_id)
        connection.execute(demoted.values(role="challenger", reason=said[0].upper() + said[1:]))


def _target(connection: Connection, store: str, active: str | None) -> str:
    if active is None:
        raise PublishError(f"Store {store} serves no run, so there is nothing to roll back.")
    before = previous_run(connection, store, active)
    if before is None:
        raise PublishError(f"Store {store} served no run before {active}, so it cannot be rolled back.")
    return before


def previous_run(connection: Connection, store: str, active: str) -> str | None:
    """The run that `active` took over from in a store; None when it was the first."""
    found = connection.execute(
        select(activations.c.previous_run_id)
        .where(
            activations.c.store_id == store,
            activations.c.run_id == active,
            activations.c.action != "rollback",
        )
        .order_by(activations.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else str(found)


def prune(engine: Engine, *, keep: int, idle: timedelta = timedelta(hours=1)) -> list[str]:
    """Delete the oldest runs; returns their run_ids.

    Kept: the `keep` runs published last; every active run and the one a rollback of it would serve; runs that a
    store stopped serving less than `idle` ago (an answer begun then may still be reading); runs being published.

    Raises:
        InputError: `keep` is below 1.
        StoreError: the store cannot be written.
    """
    if keep < 1:
        raise InputError(f"keep is {keep}; keep at least 1 run.")
    leftovers.sweep(engine)
    with reading(engine) as connection:
        published = list(
            connection.execute(
                select(model_runs.c.run_id)
                .where(model_runs.c.status == "published")
                .order_by(model_runs.c.published_at.desc(), model_runs.c.run_id)
            ).scalars()
        )
        # Retired by a prune that was stopped before it was done.
        halfway = list(
            connection.execute(
                select(model_runs.c.run_id).where(model_runs.c.status == "failed", model_runs.c.reason == PRUNED)
            ).scalars()
        )
    gone = halfway + [
        run_id for run_id in published[keep:] if run_transaction(engine, partial(_retire, run_id=run_id, idle=idle))
    ]
    for run_id in gone:
        leftovers.delete_rows(engine, run_id, partial(leftovers.hold_failed, run_id=run_id))
        run_transaction(engine, partial(_forget, run_id=run_id))
    return gone


def reject(engine: Engine, run_id: str, reason: str) -> bool:
    """Take back a published run that nothing serves: it is `failed` with the reason, and its rows are deleted.

    Returns:
        Whether it was taken back; a run that a store serves is left as it is.

    Raises:
        StoreError: the store cannot be written.
    """

    def work(connection: Connection) -> bool:
        # The update first: it locks the run, so that it cannot be promoted while we look at the pointers.
        of_run = model_runs.c.run_id == run_id
        connection.execute(update(model_runs).where(of_run).values(run_id=run_id))
        if connection.execute(select(active_runs.c.store_id).where(active_runs.c.run_id == run_id)).first():
            return False
        connection.execute(update(model_runs).where(of_run).values(status="failed", reason=reason))
        return True

    if not run_transaction(engine, work):
        return False
    leftovers.delete_rows(engine, run_id, partial(leftovers.hold_failed, run_id=run_id))
    return True


def _retire(connection: Connection, run_id: str, idle: timedelta) -> bool:
    """Take a run out of service for good, unless somebody needs it."""
    # The update first: it locks the run, so that it cannot be promoted while we look at the pointers.
    held = connection.execute(
        update(model_runs)
        .where(model_runs.c.run_id == run_id, model_runs.c.status == "published")
        .values(status="failed", reason=PRUNED)
    )
    serving = connection.execute(select(active_runs.c.store_id, active_runs.c.run_id)).all()
    needed = {row.run_id for row in serving}
    needed |= {previous_run(connection, row.store_id, row.run_id) or "" for row in serving}
    needed |= set(
        connection.execute(
            select(activations.c.previous_run_id).where(
                activations.c.previous_run_id == run_id, activations.c.activated_at > utc_now() - idle
            )
        ).scalars()
    )
    if held.rowcount == 1 and run_id in needed:
        connection.execute(
            update(model_runs).where(model_runs.c.run_id == run_id).values(status="published", reason=None)
        )
        return False
    return held.rowcount == 1


def _forget(connection: Connection, run_id: str) -> None:
    connection.execute(delete(model_runs).where(model_runs.c.run_id == run_id, model_runs.c.status == "failed"))
