"""The pointers `active_runs`: which run each store serves, moved by compare-and-swap and logged."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from models_ml.errors import PublishError
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import activations, active_runs, model_runs, webhook_events
from models_ml.prediction_store.text import one_of

Action = Literal["publish", "promote", "rollback"]


def current(connection: Connection, stores: Iterable[str]) -> dict[str, str | None]:
    """The run each store serves now; None for a store that serves none."""
    # All of them, one row a store: SQL Server takes no more than 2,100 parameters, and a retailer may have more stores.
    found = connection.execute(select(active_runs.c.store_id, active_runs.c.run_id))
    served = {row.store_id: row.run_id for row in found}
    return {store: served.get(store) for store in sorted(stores)}


def refuse_older(connection: Connection, run_id: str, origin: date, pointers: Mapping[str, str | None]) -> None:
    """Forecasts do not go back in time by accident.

    Raises:
        PublishError: a store serves a run with a later origin.
    """
    served = {active for active in pointers.values() if active is not None}
    newer = connection.execute(
        select(model_runs.c.run_id, model_runs.c.origin)
        .where(one_of(model_runs.c.run_id, served), model_runs.c.origin > origin)
        .order_by(model_runs.c.origin.desc())
    ).first()
    if newer is not None:
        stores = sorted(store for store, active in pointers.items() if active == newer.run_id)
        raise PublishError(
            f"{run_id} knows the sales up to {origin}, but {', '.join(stores)} serve {newer.run_id}, which "
            f"knows them up to {newer.origin}. Use `demand rollback`, or give --force."
        )


def move(
    connection: Connection,
    run_id: str,
    expected: Mapping[str, str | None],
    action: Action,
    reason: str | None,
    author: str | None = None,
) -> None:
    """Point stores at a run, provided that each still serves what `expected` says; log every move.

    The event that other systems are told of is written with it, so that it is neither lost nor told too early.

    Raises:
        PublishError: another publish or promotion has moved a pointer since `expected` was read. The caller's
            transaction is to be rolled back whole.
    """
    now = utc_now()
    # One order for all publishers, so that two of them cannot wait for each other.
    for store, previous in sorted(expected.items()):
        if previous is None:
            try:
                connection.execute(insert(active_runs).values(store_id=store, run_id=run_id, activated_at=now))
            except IntegrityError:
                raise _overtaken(run_id, store) from None
        else:
            moved = connection.execute(
                update(active_runs)
                .where(active_runs.c.store_id == store, active_runs.c.run_id == previous)
                .values(run_id=run_id, activated_at=now)
            )
            if moved.rowcount != 1:
                raise _overtaken(run_id, store)
        connection.execute(
            insert(activations).values(
                store_id=store,
                run_id=run_id,
                previous_run_id=previous,
                activated_at=now,
                action=action,
                reason=reason,
                author=author,
            )
        )
    if expected:
        connection.execute(
            insert(webhook_events).values(
                event_id=f"evt_{uuid.uuid4().hex}",
                action=action,
                run_id=run_id,
                stores=sorted(expected),
                created_at=now,
                attempts=0,
            )
        )


@dataclass(frozen=True)
class Rollback:
    """Somebody's decision that a store shall not serve a run."""

    at: datetime
    author: str | None
    reason: str | None

    def __str__(self) -> str:
        by = f" by {self.author}" if self.author else ""
        return f"rolled back on {self.at:%Y-%m-%d %H:%M} UTC{by}: {self.reason or 'no reason given'}"


def rolled_back(connection: Connection, run_id: str) -> dict[str, Rollback]:
    """Stores from which a run was rolled back and in which nobody has served it again since."""
    away = (activations.c.previous_run_id == run_id) & (activations.c.action == "rollback")
    moves = connection.execute(
        select(activations).where(away | (activations.c.run_id == run_id)).order_by(activations.c.id)
    )
    standing: dict[str, Rollback] = {}
    for move in moves.all():
        if move.run_id == run_id:
            standing.pop(move.store_id, None)
        else:
            standing[move.store_id] = Rollback(move.activated_at, move.author, move.reason)
    return standing


def _overtaken(run_id: str, store: str) -> PublishError:
    return PublishError(
        f"{run_id}: another run was published for store {store} while this one was under way, and is served. "
        "Nothing was changed by this one; see `demand runs list`, then publish again if it is still wanted."
    )
