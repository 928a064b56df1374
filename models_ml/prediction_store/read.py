"""Answers out of the store as Arrow, each from one run and one state of the store.

All functions take a connection from `transactions.reading`, so that several of them see the same state. Rows
come in key order. Nothing is put into SQL text; every value is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, Select, select

from models_ml.prediction_store.digest import stored_digest
from models_ml.prediction_store.frames import arrow_type
from models_ml.prediction_store.schema import (
    active_runs,
    calendar_days,
    calendar_region_flags,
    forecasts,
    node_contributions,
    node_forecasts,
    node_history,
    run_metrics,
    run_nodes,
    run_series,
    sales_history,
)
from models_ml.settings import QUANTILE_COLUMNS

VALUES = ("mean", *QUANTILE_COLUMNS)


def pointers(connection: Connection) -> dict[str, str]:
    """Store -> run it serves."""
    found = connection.execute(select(active_runs).order_by(active_runs.c.store_id))
    return {row.store_id: row.run_id for row in found}


def stream(connection: Connection, query: Select[Any], batch_rows: int = 50_000) -> Iterator[pa.RecordBatch]:
    """Rows of a query as Arrow batches, typed by its columns; memory holds one batch."""
    columns = [column for column in query.selected_columns if isinstance(column, Column)]
    arrow = pa.schema([pa.field(column.name, arrow_type(column)) for column in columns])
    result = connection.execution_options(stream_results=True).execute(query)
    for rows in result.partitions(batch_rows):
        values = zip(*rows, strict=True)
        yield pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(values, arrow, strict=True)], schema=arrow
        )


def table(connection: Connection, query: Select[Any]) -> pa.Table:
    """Rows of a query as one Arrow table."""
    columns = [column for column in query.selected_columns if isinstance(column, Column)]
    arrow = pa.schema([pa.field(column.name, arrow_type(column)) for column in columns])
    return pa.Table.from_batches(stream(connection, query), arrow)


def series_forecast(connection: Connection, run_id: str, store_id: str, item_id: str) -> pa.Table:
    """`target_date`, `mean` and the quantiles of one series; no rows for a series that the run has not."""
    return table(
        connection,
        select(forecasts.c.target_date, *(forecasts.c[name] for name in VALUES))
        .where(forecasts.c.run_id == run_id, forecasts.c.store_id == store_id, forecasts.c.item_id == item_id)
        .order_by(forecasts.c.target_date),
    )


def series(connection: Connection, run_id: str) -> pa.Table:
    """The series of a run: `run_series` without `run_id`."""
    return table(
        connection,
        select(*(column for column in run_series.columns if column.name != "run_id"))
        .where(run_series.c.run_id == run_id)
        .order_by(run_series.c.store_id, run_series.c.item_id),
    )


def nodes(connection: Connection, run_id: str, *, level: int | None = None) -> pa.Table:
    """The aggregate nodes of a run, or those of one level (1 to 9)."""
    query = (
        select(*(column for column in run_nodes.columns if column.name != "run_id"))
        .where(run_nodes.c.run_id == run_id)
        .order_by(run_nodes.c.level, run_nodes.c.node_id)
    )
    return table(connection, query if level is None else query.where(run_nodes.c.level == level))


def node_forecast(connection: Connection, run_id: str, node_id: str) -> pa.Table:
    """`target_date`, `mean` and the quantiles of one node."""
    return table(
        connection,
        select(node_forecasts.c.target_date, *(node_forecasts.c[name] for name in VALUES))
        .where(node_forecasts.c.run_id == run_id, node_forecasts.c.node_id == node_id)
        .order_by(node_forecasts.c.target_date),
    )


def history(connection: Connection, store_id: str, item_id: str, *, origin: date, days: int) -> pa.Table:
    """`date`, `units`, `price` of a series in the `days` days up to a run's origin."""
    return table(
        connection,
        select(sales_history.c.date, sales_history.c.units, sales_history.c.price)
        .where(
            sales_history.c.store_id == store_id,
            sales_history.c.item_id == item_id,
            sales_history.c.date > origin - timedelta(days=days),
            sales_history.c.date <= origin,
        )
        .order_by(sales_history.c.date),
    )


def history_of_node(connection: Connection, run_id: str, node_id: str) -> pa.Table:
    """`date` and `units` of a node, as the run knew them."""
    return table(
        connection,
        select(node_history.c.date, node_history.c.units)
        .where(node_history.c.run_id == run_id, node_history.c.node_id == node_id)
        .order_by(node_history.c.date),
    )


def metrics(connection: Connection, run_id: str) -> pa.Table:
    """Backtest figures of a run: `fold`, `model`, `level` (0 is the mean of the levels), `metric`, `value`."""
    return table(
        connection,
        select(*(column for column in run_metrics.columns if column.name != "run_id"))
        .where(run_metrics.c.run_id == run_id)
        .order_by(run_metrics.c.fold, run_metrics.c.model, run_metrics.c.level, run_metrics.c.metric),
    )


def contributions(connection: Connection, run_id: str, node_id: str) -> pa.Table:
    """`target_date`, `family` and `units` of a node: what moved its forecast, adding up to its mean each day."""
    return table(
        connection,
        select(node_contributions.c.target_date, node_contributions.c.family, node_contributions.c.units)
        .where(node_contributions.c.run_id == run_id, node_contributions.c.node_id == node_id)
        .order_by(node_contributions.c.target_date, node_contributions.c.family),
    )


def calendar(connection: Connection, first: date, last: date) -> pa.Table:
    """`date`, `weekday_name`, `event_name` of the days from `first` to `last`."""
    return table(
        connection,
        select(calendar_days).where(calendar_days.c.date.between(first, last)).order_by(calendar_days.c.date),
    )


def region_flags(connection: Connection, region_id: str, first: date, last: date) -> pa.Table:
    """`date` and `regional_flag` of a region."""
    return table(
        connection,
        select(calendar_region_flags.c.date, calendar_region_flags.c.regional_flag)
        .where(
            calendar_region_flags.c.region_id == region_id,
            calendar_region_flags.c.date.between(first, last),
        )
        .order_by(calendar_region_flags.c.date),
    )


def checksum(connection: Connection, run_id: str) -> str:
    """The checksum of the forecasts that the store holds now; that of a published run equals its record."""
    return stored_digest(connection, run_id).checksum()
