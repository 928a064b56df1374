"""The active run of each store, read before every response."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Select, func, select

from api.errors import ApiError
from api.schemas.base import RunRef
from models_ml.prediction_store.finals import Effect, final_mean, final_quantiles
from models_ml.prediction_store.override_effects import SELECT_EFFECTS, effects_by_run
from models_ml.prediction_store.schema import active_runs, model_runs, override_effects, overrides

SELECT_ACTIVE: Select[Any] = (
    select(
        active_runs.c.store_id,
        active_runs.c.run_id,
        active_runs.c.activated_at,
        model_runs.c.model,
        model_runs.c.origin,
        model_runs.c.horizon_days,
        model_runs.c.published_at,
        model_runs.c.scope,
        model_runs.c.step_days,
        # Ids only grow and revocations are final, so these two identify the state of the overrides.
        select(func.max(overrides.c.override_id)).scalar_subquery().label("last_override"),
        select(func.count(overrides.c.revoked_at)).scalar_subquery().label("revoked_overrides"),
    )
    .join(model_runs, model_runs.c.run_id == active_runs.c.run_id)
    .order_by(active_runs.c.store_id)
)
SELECT_SERVED_EFFECTS = SELECT_EFFECTS.where(override_effects.c.run_id.in_(select(active_runs.c.run_id)))
_ATTEMPTS = 5


@dataclass(frozen=True)
class ActiveRun:
    """A run that at least one store serves."""

    run_id: str
    model: str
    origin: date
    horizon_days: int
    published_at: datetime | None
    scope: tuple[str, ...]
    step_days: int

    @cached_property
    def reference(self) -> RunRef:
        """The run as named in responses."""
        return RunRef(
            run_id=self.run_id,
            model=self.model,
            origin=self.origin,
            horizon_days=self.horizon_days,
            step_days=self.step_days,
            published_at=self.published_at,
        )

    @cached_property
    def reference_json(self) -> dict[str, Any]:
        """`reference` as plain values, for responses written without a model."""
        return self.reference.model_dump(mode="json")


@dataclass(frozen=True)
class Active:
    """A snapshot of all pointers and overrides. Snapshots with the same `token` serve the same numbers."""

    by_store: Mapping[str, ActiveRun] = field(default_factory=dict)
    activated_at: Mapping[str, datetime] = field(default_factory=dict)
    token: str = "empty"  # noqa: S105 - a fingerprint, not a secret
    effects: Mapping[str, tuple[Effect, ...]] = field(default_factory=dict)

    @cached_property
    def runs(self) -> tuple[ActiveRun, ...]:
        """The active runs, widest scope first, then newest; the first one answers for sums over stores."""
        unique = {run.run_id: run for run in self.by_store.values()}
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(
            sorted(
                unique.values(),
                key=lambda run: (len(run.scope), run.published_at or oldest, run.run_id),
                reverse=True,
            )
        )

    def version_of(self, run: ActiveRun) -> str:
        """Identifies a run's served numbers: the run and, if any, the overrides on it."""
        return f"{run.run_id}|{self.token}" if run.run_id in self.effects else run.run_id

    def effects_on(self, run: ActiveRun, series: Mapping[str, Any]) -> tuple[Effect, ...]:
        """Overrides that change a series (`store_id`, `item_id` and its groups) of a run, in order of creation."""
        if run.run_id not in self.effects or self.by_store.get(series["store_id"]) is not run:
            return ()
        by_keys = self._effects_by_keys[run.run_id].items()
        found = [of_keys.get(tuple(series[name] for name in names), ()) for names, of_keys in by_keys]
        return tuple(sorted(chain.from_iterable(found), key=lambda effect: effect.override_id))

    @cached_property
    def _effects_by_keys(self) -> Mapping[str, Mapping[tuple[str, ...], Mapping[tuple[str, ...], Sequence[Effect]]]]:
        """Effects by run, then by the names and values of their selecting attributes."""
        found: dict[str, dict[tuple[str, ...], dict[tuple[str, ...], list[Effect]]]] = {}
        for run_id, effects in self.effects.items():
            of_run = found.setdefault(run_id, {})
            for effect in effects:
                of_keys = of_run.setdefault(tuple(effect.keys), {})
                of_keys.setdefault(tuple(effect.keys.values()), []).append(effect)
        return found

    @classmethod
    def of(cls, rows: Iterable[Any], effects: Sequence[Any] = ()) -> Active:
        """From rows of `SELECT_ACTIVE` with Python values, and rows of `SELECT_SERVED_EFFECTS`."""
        by_store: dict[str, ActiveRun] = {}
        activated_at: dict[str, datetime] = {}
        known: dict[str, ActiveRun] = {}
        digest = hashlib.sha256()
        for row in rows:
            store_id, run_id, activated, model, origin, horizon_days, published_at, scope, step_days, last, revoked = (
                row
            )
            run = known.get(run_id)
            if run is None:
                published = None if published_at is None else published_at.replace(tzinfo=UTC)
                run = ActiveRun(run_id, model, origin, horizon_days, published, tuple(scope), step_days)
                known[run_id] = run
            by_store[store_id] = run
            activated_at[store_id] = activated.replace(tzinfo=UTC)
            digest.update(f"{store_id}\0{run_id}\0{activated.isoformat()}\0{last}\0{revoked}\0".encode())
        if not by_store:
            return cls()
        return cls(by_store, activated_at, digest.hexdigest()[:32], effects_by_run(effects))


def with_final(row: Sequence[Any], effects: Sequence[Effect]) -> tuple[Any, ...]:
    """A row of ISO date, mean and quantiles, with quantiles of the final, and the final after the last."""
    day, mean, *values = row
    if not effects:
        return (*row, mean)
    final = final_mean(effects, day, mean)
    return (day, mean, *final_quantiles(mean, final, values), final)


def read_active(connection: Connection) -> Active:
    """A snapshot of pointers and overrides, on any database.

    Raises:
        ApiError: they changed at every attempt (kind `busy`).
    """
    rows = connection.execute(SELECT_ACTIVE).all()
    for _ in range(_ATTEMPTS):
        if not rows or rows[0].last_override is None:  # there was never an override
            return Active.of(rows)
        effects = connection.execute(SELECT_SERVED_EFFECTS).all()
        again = connection.execute(SELECT_ACTIVE).all()
        if again == rows:
            return Active.of(rows, effects)
        rows = again
    raise ApiError("busy", "Runs are being published one after another. Try again.", headers={"Retry-After": "1"})
