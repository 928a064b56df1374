"""The ledger of overrides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from api.errors import ApiError
from api.paging import decode_cursor, encode_cursor
from api.queries.hierarchy import LEVEL_NAMES
from api.queries.series import utc
from api.schemas.overrides import Override, OverridePage, OverrideValue
from models_ml.prediction_store.schema import OVERRIDE_METRICS, monitor_results, override_effects, overrides


def override_page(
    connection: Connection,
    *,
    node_id: str | None,
    status: str | None,
    valid_on: date | None,
    limit: int,
    cursor: str | None,
) -> OverridePage:
    """Overrides that match, newest first.

    Raises:
        ApiError: the cursor is not one of this listing.
    """
    filters: list[ColumnElement[bool]] = []
    if node_id is not None:
        filters.append(overrides.c.node_id == node_id)
    if status is not None:
        revoked = overrides.c.revoked_at.is_not(None)
        filters.append(revoked if status == "revoked" else ~revoked)
    if valid_on is not None:
        filters += [overrides.c.valid_from <= valid_on, overrides.c.valid_to >= valid_on]
    total = connection.execute(select(func.count()).select_from(overrides).where(*filters)).scalar_one()
    # the ledger only grows at its front, so a cursor stays good when an override is made
    fingerprint = f"overrides|{node_id or ''}|{status or ''}|{valid_on or ''}"
    after = decode_cursor(cursor, fingerprint, (int,))
    if after is not None:
        filters.append(overrides.c.override_id < after[0])
    rows = connection.execute(
        select(overrides).where(*filters).order_by(overrides.c.override_id.desc()).limit(limit + 1)
    ).all()
    page = rows[:limit]
    more = len(rows) > limit
    return OverridePage(
        overrides=_shown(connection, page),
        total=total,
        measured=_together(_measured(connection)),
        next_cursor=encode_cursor(fingerprint, (page[-1].override_id,)) if more else None,
    )


def override_detail(connection: Connection, override_id: int) -> Override:
    """One override.

    Raises:
        ApiError: kind `unknown-override`.
    """
    rows = connection.execute(select(overrides).where(overrides.c.override_id == override_id)).all()
    if not rows:
        raise ApiError("unknown-override", f"There is no override {override_id}. All of them: /overrides.")
    return _shown(connection, rows)[0]


def overrides_of(connection: Connection, ids: Sequence[int]) -> list[Override]:
    """Overrides by id, in order of creation."""
    rows = connection.execute(
        select(overrides).where(overrides.c.override_id.in_(ids)).order_by(overrides.c.override_id)
    )
    return _shown(connection, rows.all())


def _shown(connection: Connection, rows: Sequence[Any]) -> list[Override]:
    runs: dict[int, list[str]] = defaultdict(list)
    found = connection.execute(
        select(override_effects.c.override_id, override_effects.c.run_id)
        .distinct()
        .where(override_effects.c.override_id.in_([row.override_id for row in rows]))
        .order_by(override_effects.c.override_id, override_effects.c.run_id)
    )
    for override_id, run_id in found:
        runs[override_id].append(run_id)
    subjects = {f"override:{row.override_id}": row.override_id for row in rows}
    measured: dict[int, list[Any]] = defaultdict(list)
    for one in _measured(connection, list(subjects)):
        measured[subjects[one.subject]].append(one)
    return [
        Override.model_validate(
            {
                **{name: getattr(row, name) for name in Override.model_fields if name in row._fields},
                "level_name": LEVEL_NAMES[row.level - 1],
                "created_at": utc(row.created_at),
                "revoked_at": utc(row.revoked_at),
                "runs": runs[row.override_id],
                "measured": _together(measured[row.override_id]),
            }
        )
        for row in rows
    ]


def _measured(connection: Connection, subjects: Sequence[str] | None = None) -> Sequence[Any]:
    """Sums of errors by override and metric, of these overrides or of all."""
    wanted = (
        select(
            monitor_results.c.subject,
            monitor_results.c.metric,
            func.sum(monitor_results.c.value).label("error"),
            func.count().label("days"),
            func.max(monitor_results.c.period_end).label("last_day"),
        )
        .where(monitor_results.c.metric.in_(OVERRIDE_METRICS))
        .group_by(monitor_results.c.subject, monitor_results.c.metric)
    )
    if subjects is not None:
        wanted = wanted.where(monitor_results.c.subject.in_(subjects))
    return connection.execute(wanted).all()


def _together(rows: Sequence[Any]) -> OverrideValue | None:
    """What the overrides of rows of `_measured` were worth; None without a row."""
    if not rows:
        return None
    model, final, series_model, series_final = (
        sum(row.error for row in rows if row.metric == metric) for metric in OVERRIDE_METRICS
    )
    return OverrideValue(
        days=sum(row.days for row in rows if row.metric == OVERRIDE_METRICS[0]),
        last_day=max(row.last_day for row in rows),
        model_error=model,
        final_error=final,
        value_added=1 - final / model if model else None,
        series_value_added=1 - series_final / series_model if series_model else None,
    )
