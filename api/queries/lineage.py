"""Where a served number comes from: run, code, data, features, checks, overrides, and how such forecasts did before."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.accuracy import error_values, unit_errors
from api.queries.explain import shares_of_item
from api.queries.overrides import overrides_of
from api.queries.series import run_of_store, unknown_series, utc
from api.schemas.accuracy import Errors, SeriesBacktest
from api.schemas.lineage import (
    Lineage,
    LineageChecks,
    LineageFeature,
    LineageOverride,
    MonitoredError,
    TrackRecord,
    UsedFeature,
)
from api.schemas.quality import QualityResult
from models_ml.prediction_store.finals import final_mean
from models_ml.prediction_store.schema import (
    backtest_leads,
    backtest_series,
    forecasts,
    model_runs,
    monitor_results,
    node_contributions,
    quality_results,
    run_features,
    run_series,
)
from models_ml.runs.feature_families import MEANINGS

ITEM_LEVEL = 12
MOST_MONITORED = 12


def lineage(connection: Connection, active: Active, store_id: str, item_id: str, day: date) -> Lineage:
    """What a day of a series is made of, from the run that its store is served from.

    Raises:
        ApiError: unknown store, item or series, or a day that is not forecast.
    """
    run = run_of_store(active, store_id)
    series = connection.execute(
        select(run_series).where(
            run_series.c.run_id == run.run_id, run_series.c.store_id == store_id, run_series.c.item_id == item_id
        )
    ).one_or_none()
    if series is None:
        raise unknown_series(connection, run, store_id, item_id)
    days = {
        row.target_date: row.mean
        for row in connection.execute(
            select(forecasts.c.target_date, forecasts.c.mean)
            .where(forecasts.c.run_id == run.run_id, forecasts.c.store_id == store_id, forecasts.c.item_id == item_id)
            .order_by(forecasts.c.target_date)
        )
    }
    if day not in days:
        raise one_field("invalid-request", "date", f"{day} is not forecast", [f"{min(days)} to {max(days)}"])
    ledger = connection.execute(select(model_runs).where(model_runs.c.run_id == run.run_id)).one()
    effects = active.effects_on(run, dict(series._mapping))
    on_day = {effect.override_id: effect.days[str(day)] for effect in effects if str(day) in effect.days}
    made = {one.override_id: one for one in overrides_of(connection, sorted(on_day))}
    return Lineage(
        item_id=item_id,
        store_id=store_id,
        date=day,
        mean=days[day],
        final=final_mean(effects, str(day), days[day]),
        lead_days=(day - run.origin).days,
        run=run.reference,
        version=ledger.version,
        git_commit=ledger.git_commit,
        data_fingerprint=ledger.data_fingerprint,
        checksum=ledger.checksum,
        mlflow_run_id=ledger.mlflow_run_id,
        dbt_invocation_id=ledger.parameters.get("dbt_invocation_id"),
        node_id=f"store_department:{store_id}|{series.department_id}",
        demand_class=series.demand_class,
        features=_features(connection, run, series, day),
        checks=_checks(connection, run),
        overrides=[
            LineageOverride(override=made[number], factor=on.factor, units_each=on.units_each)
            for number, on in on_day.items()
        ],
        track_record=_track_record(connection, run, series, (day - run.origin).days),
    )


def _features(connection: Connection, run: ActiveRun, series: Any, day: date) -> list[LineageFeature]:
    """Features by family: what each moved the store x department by that day, in the item's share of it."""
    node_id = f"store_department:{series.store_id}|{series.department_id}"
    _, shares = shares_of_item(connection, run, series.store_id, series.item_id, node_id)
    rows = connection.execute(
        select(node_contributions.c.family, node_contributions.c.units).where(
            node_contributions.c.run_id == run.run_id,
            node_contributions.c.node_id == node_id,
            node_contributions.c.target_date == day,
        )
    )
    moved = {family: units * shares.get(day, 0.0) for family, units in rows}
    used: dict[str, list[UsedFeature]] = {family: [] for family in moved}
    read = (
        select(run_features)
        .where(run_features.c.run_id == run.run_id, run_features.c.importance > 0)
        .order_by(run_features.c.part, run_features.c.importance.desc(), run_features.c.feature)
    )
    for row in connection.execute(read):
        one = UsedFeature(part=row.part, feature=row.feature, importance=row.importance)
        used.setdefault(row.family, []).append(one)
    found = [
        LineageFeature(family=family, meaning=MEANINGS.get(family, family), units=moved.get(family), features=features)
        for family, features in used.items()
    ]
    return sorted(found, key=lambda one: (-abs(one.units or 0.0), one.family))


def _checks(connection: Connection, run: ActiveRun) -> LineageChecks:
    """Checks of the run itself: how many held, and those that did not."""
    rows = connection.execute(
        select(quality_results).where(quality_results.c.run_id == run.run_id).order_by(quality_results.c.check_id)
    ).all()
    newest = {(row.suite, row.dataset, row.expectation): row for row in rows}
    failed = [row for row in newest.values() if not row.success]
    return LineageChecks(
        passed=len(newest) - len(failed),
        failed=[
            QualityResult.model_validate(
                {**row._mapping, "success": bool(row.success), "checked_at": utc(row.checked_at)}
            )
            for row in failed
        ],
    )


def _track_record(connection: Connection, run: ActiveRun, series: Any, lead_days: int) -> TrackRecord:
    own = (backtest_series.c.run_id == run.run_id) & (backtest_series.c.model == run.model)
    this = (backtest_series.c.store_id == series.store_id) & (backtest_series.c.item_id == series.item_id)
    folds = connection.execute(select(backtest_series).where(own, this).order_by(backtest_series.c.fold.desc())).all()
    alike = connection.execute(
        _sums(backtest_series)
        .join(
            run_series,
            (run_series.c.run_id == backtest_series.c.run_id)
            & (run_series.c.store_id == backtest_series.c.store_id)
            & (run_series.c.item_id == backtest_series.c.item_id),
        )
        .where(own, run_series.c.demand_class == series.demand_class)
    ).one()
    lead = connection.execute(
        _sums(backtest_leads).where(
            backtest_leads.c.run_id == run.run_id,
            backtest_leads.c.model == run.model,
            backtest_leads.c.level == ITEM_LEVEL,
            backtest_leads.c.lead_days == lead_days,
        )
    ).one()
    monitored = connection.execute(
        select(monitor_results)
        .where(
            monitor_results.c.run_id.is_not(None),
            monitor_results.c.metric == "wape",
            monitor_results.c.subject == f"department:{series.department_id}",
        )
        .order_by(monitor_results.c.period_end.desc(), monitor_results.c.result_id.desc())
        .limit(MOST_MONITORED)
    ).all()
    return TrackRecord(
        series=[SeriesBacktest.model_validate({"fold": row.fold, **error_values(row)}) for row in folds],
        demand_class=_errors(alike),
        lead_day=_errors(lead),
        monitored=[
            MonitoredError(run_id=row.run_id, node_id=row.subject, period_end=row.period_end, wape=row.value)
            for row in monitored
        ],
    )


def _sums(table: Any) -> Any:
    return select(
        *(func.sum(table.c[name]).label(name) for name in ("actual_units", "forecast_units", "absolute_error_units"))
    )


def _errors(row: Any) -> Errors | None:
    """Errors of summed rows; none where there were none."""
    return None if row.actual_units is None else Errors.model_validate(unit_errors(row))
