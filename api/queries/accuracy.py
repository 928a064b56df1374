"""Backtest figures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, func, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.runs import BASELINE, unknown_run
from api.queries.series import run_of_store, utc
from api.schemas.accuracy import Accuracy, LeadError, LeadErrors, MetricValue, ModelScore, NodeError, NodeErrors
from api.schemas.base import RunRef
from models_ml.prediction_store.schema import (
    backtest_leads,
    backtest_nodes,
    backtest_series,
    model_runs,
    run_metrics,
    run_nodes,
)


def asked_run(connection: Connection, active: Active, run_id: str | None, store_id: str | None) -> RunRef:
    """The run named, the one that the store is served from, or the widest one served.

    Raises:
        ApiError: kinds `unknown-run`, `unknown-store`.
    """
    if run_id is not None:
        row = connection.execute(select(model_runs).where(model_runs.c.run_id == run_id)).one_or_none()
        if row is None:
            raise unknown_run(connection, run_id, "run_id")
        return RunRef(
            run_id=row.run_id,
            model=row.model,
            origin=row.origin,
            horizon_days=row.horizon_days,
            step_days=row.step_days,
            published_at=utc(row.published_at),
        )
    if store_id is not None:
        return run_of_store(active, store_id).reference
    return active.runs[0].reference


def accuracy(
    connection: Connection,
    active: Active,
    *,
    run_id: str | None,
    store_id: str | None,
    metric: str | None,
    level: int | None,
    fold: date | None,
) -> Accuracy:
    """Backtest figures of a run: the one named, the one the store is served from, or the widest one served."""
    reference = asked_run(connection, active, run_id, store_id)
    of_run = run_metrics.c.run_id == reference.run_id
    filters = [of_run]
    if metric is not None:
        filters.append(run_metrics.c.metric == metric)
    if level is not None:
        filters.append(run_metrics.c.level == level)
    if fold is not None:
        filters.append(run_metrics.c.fold == fold)
    values = connection.execute(
        select(run_metrics)
        .where(*filters)
        .order_by(run_metrics.c.fold.desc(), run_metrics.c.model, run_metrics.c.metric, run_metrics.c.level)
    ).all()
    summary = connection.execute(
        select(
            run_metrics.c.model,
            run_metrics.c.metric,
            func.count().label("folds"),
            func.avg(run_metrics.c.value).label("value"),
        )
        .where(of_run, run_metrics.c.level == 0)
        .group_by(run_metrics.c.model, run_metrics.c.metric)
        .order_by(run_metrics.c.metric, run_metrics.c.model)
    ).all()
    return Accuracy(
        run=reference,
        summary=[ModelScore(model=row.model, metric=row.metric, folds=row.folds, value=row.value) for row in summary],
        values=[
            MetricValue(
                run_id=row.run_id,
                fold=row.fold,
                model=row.model,
                level=row.level,
                metric=row.metric,
                value=row.value,
            )
            for row in values
        ],
    )


def node_errors(
    connection: Connection,
    active: Active,
    *,
    run_id: str | None,
    store_id: str | None,
    level: int,
    fold: date | None,
) -> NodeErrors:
    """Errors of the nodes of a level, over one fold or all of them; the largest RMSSE first."""
    reference = asked_run(connection, active, run_id, store_id)
    folds = folds_of(connection, backtest_nodes, reference, fold)
    node = [run_nodes.c[name] for name in ("node_id", "level", "level_name", *_PLACE)]
    rows = connection.execute(
        select(*node, backtest_nodes.c.model, *_sums(backtest_nodes), func.avg(backtest_nodes.c.rmsse).label("rmsse"))
        .join(
            backtest_nodes,
            (backtest_nodes.c.run_id == run_nodes.c.run_id) & (backtest_nodes.c.node_id == run_nodes.c.node_id),
        )
        .where(
            run_nodes.c.run_id == reference.run_id,
            run_nodes.c.level == level,
            *([] if store_id is None else [(run_nodes.c.store_id == store_id) | run_nodes.c.store_id.is_(None)]),
            backtest_nodes.c.fold.in_(folds),
            backtest_nodes.c.model.in_((reference.model, BASELINE)),
        )
        .group_by(*node, backtest_nodes.c.model)
        .order_by(run_nodes.c.node_id)
    ).all()
    baseline = {row.node_id: row.rmsse for row in rows if row.model == BASELINE}
    nodes = [
        NodeError(
            **{column.name: getattr(row, column.name) for column in node},
            **error_values(row),
            tracking_signal=tracking_signal(row, reference.horizon_days // reference.step_days * len(folds)),
            baseline_rmsse=baseline.get(row.node_id),
        )
        for row in rows
        if row.model == reference.model
    ]
    nodes.sort(key=lambda one: -1.0 if one.rmsse is None else one.rmsse, reverse=True)
    return NodeErrors(run=reference, model=reference.model, folds=folds, nodes=nodes)


def lead_errors(
    connection: Connection, active: Active, *, run_id: str | None, store_id: str | None, level: int, fold: date | None
) -> LeadErrors:
    """Errors of each model by lead day at a level, over one fold or all of them."""
    reference = asked_run(connection, active, run_id, store_id)
    folds = folds_of(connection, backtest_leads, reference, fold)
    key = (backtest_leads.c.model, backtest_leads.c.level, backtest_leads.c.lead_days)
    rows = connection.execute(
        select(*key, *_sums(backtest_leads))
        .where(
            backtest_leads.c.run_id == reference.run_id,
            backtest_leads.c.level == level,
            backtest_leads.c.fold.in_(folds),
        )
        .group_by(*key)
        .order_by(*key)
    )
    leads = [LeadError(model=row.model, level=row.level, lead_days=row.lead_days, **unit_errors(row)) for row in rows]
    return LeadErrors(run=reference, folds=folds, leads=leads)


_PLACE = ("region_id", "store_id", "category_id", "department_id")
_UNITS = ("actual_units", "forecast_units", "absolute_error_units")


def _sums(table: Table) -> list[Any]:
    return [func.sum(table.c[name]).label(name) for name in _UNITS]


def folds_of(connection: Connection, table: Table, run: RunRef, fold: date | None) -> list[date]:
    """Folds of a run's own model in a table of errors, newest first; or the one that is asked for.

    Raises:
        ApiError: the run has no such fold (kind `unknown-fold`).
    """
    own = (table.c.run_id == run.run_id) & (table.c.model == run.model)
    folds = list(connection.execute(select(table.c.fold).distinct().where(own).order_by(table.c.fold.desc())).scalars())
    if fold is None:
        return folds
    if fold not in folds:
        raise one_field("unknown-fold", "fold", f"{fold} is no fold of {run.run_id}", [str(one) for one in folds])
    return [fold]


def newest_folds(connection: Connection, runs: Iterable[ActiveRun]) -> list[tuple[ActiveRun, date, str]]:
    """Each run that kept errors of its series, its newest fold and its model."""
    found = []
    for run in runs:
        own = (backtest_series.c.run_id == run.run_id) & (backtest_series.c.model == run.model)
        newest = connection.execute(select(func.max(backtest_series.c.fold)).where(own)).scalar_one_or_none()
        if newest is not None:
            found.append((run, newest, run.model))
    return found


def unit_errors(row: Any) -> dict[str, float | None]:
    """Fields of `Errors` from sums of units."""
    sold = row.actual_units
    values = {name: getattr(row, name) for name in _UNITS}
    return {
        **values,
        "wape": row.absolute_error_units / sold if sold > 0 else None,
        "bias": (row.forecast_units - sold) / sold if sold > 0 else None,
    }


def error_values(row: Any) -> dict[str, float | None]:
    """Fields of `BacktestErrors` from sums of units and an RMSSE."""
    return {**unit_errors(row), "rmsse": row.rmsse}


def tracking_signal(row: Any, steps: int) -> float | None:
    """Sum of errors over the mean absolute error of a step (a day or a week)."""
    if not row.absolute_error_units > 0:
        return None
    return float((row.forecast_units - row.actual_units) / (row.absolute_error_units / steps))
