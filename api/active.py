"""Which run each store is served from, read before every answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Select, select

from api.schemas import RunRef
from models_ml.store.schema import active_runs, model_runs

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
    )
    .join(model_runs, model_runs.c.run_id == active_runs.c.run_id)
    .order_by(active_runs.c.store_id)
)


@dataclass(frozen=True)
class ActiveRun:
    """A run that at least one store is served from."""

    run_id: str
    model: str
    origin: date
    horizon_days: int
    published_at: datetime | None
    scope: tuple[str, ...]

    @cached_property
    def reference(self) -> RunRef:
        """The run as answers name it."""
        return RunRef(
            run_id=self.run_id,
            model=self.model,
            origin=self.origin,
            horizon_days=self.horizon_days,
            published_at=self.published_at,
        )

    @cached_property
    def reference_json(self) -> dict[str, Any]:
        """`reference` as plain values, for answers that are written without a model."""
        return self.reference.model_dump(mode="json")


@dataclass(frozen=True)
class Active:
    """All pointers at one moment. Two of them with the same `token` serve the same numbers."""

    by_store: Mapping[str, ActiveRun] = field(default_factory=dict)
    activated_at: Mapping[str, datetime] = field(default_factory=dict)
    token: str = "empty"  # noqa: S105 - a fingerprint, not a secret

    @cached_property
    def runs(self) -> tuple[ActiveRun, ...]:
        """The active runs, widest first, then newest: the first one answers for sums over stores."""
        unique = {run.run_id: run for run in self.by_store.values()}
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(
            sorted(
                unique.values(),
                key=lambda run: (len(run.scope), run.published_at or oldest, run.run_id),
                reverse=True,
            )
        )

    @classmethod
    def of(cls, rows: Iterable[Any]) -> Active:
        """From rows of `SELECT_ACTIVE` with Python values."""
        by_store: dict[str, ActiveRun] = {}
        activated_at: dict[str, datetime] = {}
        known: dict[str, ActiveRun] = {}
        digest = hashlib.sha256()
        for store_id, run_id, activated, model, origin, horizon_days, published_at, scope in rows:
            run = known.get(run_id)
            if run is None:
                published = None if published_at is None else published_at.replace(tzinfo=UTC)
                run = ActiveRun(run_id, model, origin, horizon_days, published, tuple(scope))
                known[run_id] = run
            by_store[store_id] = run
            activated_at[store_id] = activated.replace(tzinfo=UTC)
            digest.update(f"{store_id}\0{run_id}\0{activated.isoformat()}\0".encode())
        return cls(by_store, activated_at, digest.hexdigest()[:32]) if by_store else cls()
