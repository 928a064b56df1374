"""Backtest figures."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, func, select

from api.active import Active
from api.queries.runs import unknown_run
from api.queries.series import run_of_store, utc
from api.schemas import Accuracy, MetricValue, ModelScore, RunRef
from models_ml.store.schema import model_runs, run_metrics


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
    if run_id is not None:
        row = connection.execute(select(model_runs).where(model_runs.c.run_id == run_id)).one_or_none()
        if row is None:
            raise unknown_run(connection, run_id, "run_id")
        reference = RunRef(
            run_id=row.run_id,
            model=row.model,
            origin=row.origin,
            horizon_days=row.horizon_days,
            published_at=utc(row.published_at),
        )
    elif store_id is not None:
        reference = run_of_store(active, store_id).reference
    else:
        reference = active.runs[0].reference
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
