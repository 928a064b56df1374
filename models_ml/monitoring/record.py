"""Results and alarms in the prediction store, where the API and the dashboard find them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from models_ml.monitoring.alarms import Alarm
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import OVERRIDE_METRICS, monitor_alarms, monitor_results
from models_ml.prediction_store.transactions import run_transaction


def record(engine: Engine, weeks: pd.DataFrame, alarms: Sequence[Alarm], errors: pd.DataFrame) -> None:
    """Replace the results of the measured weeks, and open, keep or clear alarms, in one transaction.

    Results of overrides are replaced day by day; days whose run has been pruned keep theirs.

    Args:
        engine: of the store.
        weeks: judged weeks (see `alarms.judged`); run_id is null where a week belongs to no run.
        alarms: alarms that hold now; an earlier alarm that is not among them is cleared.
        errors: of overrides, see `override_value.override_errors`.

    Raises:
        StoreError: the store cannot be written.
    """
    now = utc_now()
    columns = ["metric", "subject", "period_end", "run_id", "value", "low", "high", "bad"]
    values = weeks[columns].astype(object).mask(weeks[columns].isna(), other=None)
    rows = [dict(zip(columns, row, strict=True), measured_at=now) for row in values.itertuples(index=False, name=None)]
    keys = ["metric", "subject", "period_end"]
    measured = errors[[*keys, "value"]].astype({"value": float})
    days = [dict(zip([*keys, "value"], row, strict=True)) for row in measured.itertuples(index=False, name=None)]
    stale = delete(monitor_results).where(*(monitor_results.c[key] == bindparam(f"old_{key}") for key in keys))
    wanted = {(alarm.metric, alarm.subject): alarm for alarm in alarms if alarm.mode == "enabled"}

    def work(connection: Connection) -> None:
        connection.execute(
            delete(monitor_results).where(
                monitor_results.c.period_end.in_(weeks["period_end"].unique()),
                monitor_results.c.metric.not_in(OVERRIDE_METRICS),
            )
        )
        if days:
            connection.execute(stale, [{f"old_{key}": day[key] for key in keys} for day in days])
            connection.execute(insert(monitor_results), [{**day, "bad": 0, "measured_at": now} for day in days])
        if rows:
            connection.execute(insert(monitor_results), rows)
        opened = connection.execute(select(monitor_alarms).where(monitor_alarms.c.cleared_at.is_(None))).all()
        for old in opened:
            alarm = wanted.get((old.metric, old.subject))
            change = {"cleared_at": now} if alarm is None else values_of(alarm)
            connection.execute(update(monitor_alarms).where(monitor_alarms.c.alarm_id == old.alarm_id).values(**change))
        new = wanted.keys() - {(old.metric, old.subject) for old in opened}
        for key in sorted(new):
            connection.execute(insert(monitor_alarms).values(raised_at=now, **values_of(wanted[key])))

    run_transaction(engine, work)


def values_of(alarm: Alarm) -> dict[str, object]:
    """The row of an alarm."""
    return {
        "metric": alarm.metric,
        "subject": alarm.subject,
        "bad_weeks": alarm.bad_weeks,
        "weeks": alarm.weeks,
        "last_week": alarm.last_week,
        "message": alarm.message,
    }
