"""Monitoring: alarms and weekly figures."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, case, func, select

from api.schemas.monitoring import MonitorAlarm, Monitoring, MonitorWeek
from models_ml.prediction_store.schema import OVERRIDE_METRICS, monitor_alarms, monitor_results

ALARMS_SHOWN = 50


def monitoring(connection: Connection, *, metric: str | None, bad_only: bool, limit: int) -> Monitoring:
    """Alarms, open ones first, and weeks, newest and bad ones first."""
    measured_at = connection.execute(select(func.max(monitor_results.c.measured_at))).scalar_one()
    cleared = case((monitor_alarms.c.cleared_at.is_(None), 0), else_=1)
    alarms = connection.execute(
        select(monitor_alarms).order_by(cleared, monitor_alarms.c.alarm_id.desc()).limit(ALARMS_SHOWN)
    ).all()
    # What overrides were worth is by day, and shown with them: /overrides.
    weekly = select(monitor_results).where(monitor_results.c.metric.not_in(OVERRIDE_METRICS))
    wanted = weekly.order_by(
        monitor_results.c.bad.desc(),
        monitor_results.c.period_end.desc(),
        monitor_results.c.metric,
        monitor_results.c.subject,
        monitor_results.c.result_id,
    )
    if metric is not None:
        wanted = wanted.where(monitor_results.c.metric == metric)
    if bad_only:
        wanted = wanted.where(monitor_results.c.bad == 1)
    weeks = connection.execute(wanted.limit(limit)).all()
    holding = any(row.cleared_at is None for row in alarms)
    return Monitoring(
        status="unknown" if measured_at is None else "alarm" if holding else "passed",
        measured_at=utc(measured_at),
        alarms=[
            MonitorAlarm(
                metric=row.metric,
                subject=row.subject,
                bad_weeks=row.bad_weeks,
                weeks=row.weeks,
                last_week=row.last_week,
                message=row.message,
                raised_at=row.raised_at.replace(tzinfo=UTC),
                cleared_at=utc(row.cleared_at),
            )
            for row in alarms
        ],
        weeks=[
            MonitorWeek(
                metric=row.metric,
                subject=row.subject,
                period_end=row.period_end,
                run_id=row.run_id,
                value=row.value,
                low=row.low,
                high=row.high,
                bad=bool(row.bad),
            )
            for row in weeks
        ],
    )


def utc(moment: datetime | None) -> datetime | None:
    """The store's times are UTC without a zone."""
    return None if moment is None else moment.replace(tzinfo=UTC)
