"""The ledger of runs, and which of them are served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from api.active import Active
from api.errors import ApiError, one_field
from api.paging import decode_cursor, encode_cursor
from api.queries.series import utc
from api.schemas.runs import ActiveStore, ModelStatus, RunDetail, RunPage, RunSummary
from models_ml.prediction_store.schema import model_runs, run_metrics

BASELINE = "seasonal_naive"


def run_summaries(connection: Connection, active: Active, runs: Iterable[Any]) -> list[RunSummary]:
    """Rows of `model_runs` as the ledger shows them."""
    rows = list(runs)
    scores = _scores(connection, [row.run_id for row in rows])
    return [RunSummary(**_summary(row, active, scores)) for row in rows]


def _summary(row: Any, active: Active, scores: Mapping[tuple[str, str], float | None]) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "model": row.model,
        "origin": row.origin,
        "horizon_days": row.horizon_days,
        "step_days": row.step_days,
        "published_at": utc(row.published_at),
        "version": row.version,
        "status": row.status,
        "role": row.role,
        "reason": row.reason,
        "created_at": utc(row.created_at),
        "scope": row.scope,
        "active_stores": [store for store, run in active.by_store.items() if run.run_id == row.run_id],
        "series_count": row.series_count,
        "forecast_rows": row.forecast_rows,
        "node_rows": row.node_rows,
        "git_commit": row.git_commit,
        "data_fingerprint": row.data_fingerprint,
        "wrmsse": scores.get((row.run_id, row.model)),
        "baseline_wrmsse": scores.get((row.run_id, BASELINE)),
    }


def _scores(connection: Connection, run_ids: Sequence[str]) -> dict[tuple[str, str], float | None]:
    """WRMSSE by run and model: average of the levels (level 0), mean of the folds."""
    rows = connection.execute(
        select(run_metrics.c.run_id, run_metrics.c.model, func.avg(run_metrics.c.value))
        .where(run_metrics.c.run_id.in_(run_ids), run_metrics.c.level == 0, run_metrics.c.metric == "wrmsse")
        .group_by(run_metrics.c.run_id, run_metrics.c.model)
    )
    return {(run_id, model): value for run_id, model, value in rows}


def model_status(connection: Connection, active: Active, now: datetime, max_age_days: float) -> ModelStatus:
    """What is served now, and how old it is."""
    rows = connection.execute(
        select(model_runs)
        .where(model_runs.c.run_id.in_([run.run_id for run in active.runs]))
        .order_by(model_runs.c.published_at.desc(), model_runs.c.run_id)
    ).all()
    ages = [(now - run.published_at) / timedelta(days=1) for run in active.runs if run.published_at is not None]
    age = round(max(ages), 2) if ages else None
    return ModelStatus(
        status="empty" if age is None else "stale" if age > max_age_days else "fresh",
        age_days=age,
        max_age_days=max_age_days,
        version=active.token,
        stores=[
            ActiveStore(store_id=store, run_id=run.run_id, activated_at=active.activated_at[store])
            for store, run in active.by_store.items()
        ],
        runs=run_summaries(connection, active, rows),
    )


def run_page(
    connection: Connection,
    active: Active,
    *,
    status: str | None,
    role: str | None,
    limit: int,
    cursor: str | None,
) -> RunPage:
    """The ledger, newest first."""
    filters: list[ColumnElement[bool]] = []
    if status is not None:
        filters.append(model_runs.c.status == status)
    if role is not None:
        filters.append(model_runs.c.role == role)
    total = connection.execute(select(func.count()).select_from(model_runs).where(*filters)).scalar_one()
    # the ledger only grows at its front, so a cursor stays good when a run is published
    fingerprint = f"runs|{status or ''}|{role or ''}"
    after = decode_cursor(cursor, fingerprint, (str, str))
    if after is not None:
        try:
            created = datetime.fromisoformat(str(after[0]))
        except ValueError:
            raise ApiError("unusable-cursor", "This is not a cursor of this listing.") from None
        filters.append(
            or_(
                model_runs.c.created_at < created,
                and_(model_runs.c.created_at == created, model_runs.c.run_id > after[1]),
            )
        )
    rows = connection.execute(
        select(model_runs)
        .where(*filters)
        .order_by(model_runs.c.created_at.desc(), model_runs.c.run_id)
        .limit(limit + 1)
    ).all()
    page = rows[:limit]
    more = len(rows) > limit
    return RunPage(
        runs=run_summaries(connection, active, page),
        total=total,
        next_cursor=(encode_cursor(fingerprint, (page[-1].created_at.isoformat(), page[-1].run_id)) if more else None),
    )


def run_detail(connection: Connection, active: Active, run_id: str) -> RunDetail:
    """One run with its parameters and metrics.

    Raises:
        ApiError: kind `unknown-run`.
    """
    row = connection.execute(select(model_runs).where(model_runs.c.run_id == run_id)).one_or_none()
    if row is None:
        raise unknown_run(connection, run_id, "run_id")
    return RunDetail(
        **_summary(row, active, _scores(connection, [run_id])),
        parameters=row.parameters,
        metrics=row.metrics,
        mlflow_run_id=row.mlflow_run_id,
        checksum=row.checksum,
    )


def unknown_run(connection: Connection, run_id: str, field: str) -> ApiError:
    """What to say about a run that is not in the ledger: the latest ones that are."""
    latest = connection.execute(select(model_runs.c.run_id).order_by(model_runs.c.created_at.desc()).limit(8)).scalars()
    return one_field("unknown-run", field, f"'{run_id[:60]}' is not in the ledger", list(latest))
