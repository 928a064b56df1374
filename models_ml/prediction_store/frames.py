"""The frames of a run: their columns, the checks on the way in, and the rows that the database is given.

A frame is a pyarrow Table or a RecordBatchReader and is walked in batches, so memory does not grow with rows, except
for sales, which are compared with what the store has (see `history`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import pairwise, repeat
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Column, Connection, Date, Float, Integer, Table, Unicode, insert

from models_ml.errors import PublishError
from models_ml.prediction_store import schema
from models_ml.prediction_store.bounds import MAX_UNITS
from models_ml.prediction_store.records import RunRecord
from models_ml.settings import QUANTILE_COLUMNS

Frame: TypeAlias = pa.Table | pa.RecordBatchReader


@dataclass(frozen=True, kw_only=True)
class RunFrames:
    """All rows of a run, one frame a table, with the table's columns except `run_id` (see `ARROW_SCHEMAS`).

    A run without nodes, metrics, errors or history says so with `empty(name)`. Rows sorted by key load fastest.
    """

    run_series: Frame
    run_nodes: Frame
    forecasts: Frame
    node_forecasts: Frame
    node_period_forecasts: Frame
    inventory_policy: Frame
    run_metrics: Frame
    backtest_series: Frame
    backtest_nodes: Frame
    backtest_leads: Frame
    sales_history: Frame
    node_history: Frame
    calendar_days: Frame
    calendar_region_flags: Frame
    run_features: Frame
    department_elasticities: Frame
    scenario_series: Frame
    scenario_flags: Frame
    scenario_events: Frame


FRAME_TABLES: dict[str, Table] = {
    "run_series": schema.run_series,
    "run_nodes": schema.run_nodes,
    "forecasts": schema.forecasts,
    "node_forecasts": schema.node_forecasts,
    "node_period_forecasts": schema.node_period_forecasts,
    "inventory_policy": schema.inventory_policy,
    "run_metrics": schema.run_metrics,
    "backtest_series": schema.backtest_series,
    "backtest_nodes": schema.backtest_nodes,
    "backtest_leads": schema.backtest_leads,
    "sales_history": schema.sales_history,
    "node_history": schema.node_history,
    "calendar_days": schema.calendar_days,
    "calendar_region_flags": schema.calendar_region_flags,
    "run_features": schema.run_features,
    "department_elasticities": schema.department_elasticities,
    "scenario_series": schema.scenario_series,
    "scenario_flags": schema.scenario_flags,
    "scenario_events": schema.scenario_events,
}
"""Frame -> table it is loaded into, parents before children."""

SIGNED = ("value", "elasticity", "elasticity_low", "elasticity_high", "safety_stock")
"""Figures that may be negative (`value` of run_metrics is a bias); all others count or cost."""


def arrow_type(column: Column[Any]) -> pa.DataType:
    """Arrow type of a stored column."""
    if isinstance(column.type, Unicode):
        return pa.string()
    if isinstance(column.type, Date):
        return pa.date32()
    if isinstance(column.type, Float):
        return pa.float64()
    if isinstance(column.type, Integer):
        return pa.int32()
    raise AssertionError(f"{column}: no Arrow type for {column.type!r}")


def arrow_schema(table: Table) -> pa.Schema:
    """Columns of a table as a frame carries them: all but `run_id`, with types and nullability."""
    return pa.schema(
        [
            pa.field(column.name, arrow_type(column), nullable=bool(column.nullable))
            for column in table.columns
            if column.name != "run_id"
        ]
    )


ARROW_SCHEMAS: dict[str, pa.Schema] = {name: arrow_schema(table) for name, table in FRAME_TABLES.items()}
assert set(ARROW_SCHEMAS) == {field.name for field in fields(RunFrames)}


def empty(name: str) -> pa.Table:
    """A frame without rows, for a run that has none of `name`."""
    return ARROW_SCHEMAS[name].empty_table()


def check_columns(name: str, given: Sequence[str]) -> None:
    """Refuse a frame whose columns are not the store's.

    Raises:
        PublishError: a column is missing, unknown or there twice.
    """
    target = ARROW_SCHEMAS[name]
    missing = [column for column in target.names if column not in given]
    unknown = [column for column in given if column not in target.names]
    if missing or unknown or len(set(given)) != len(given):
        raise PublishError(
            f"{name}: columns must be {', '.join(target.names)}; missing: {', '.join(missing) or 'none'}; "
            f"not known: {', '.join(unknown) or 'none'}."
        )


def batches(name: str, frame: Frame, batch_rows: int) -> Iterator[pa.Table]:
    """The frame in tables of at most `batch_rows` rows, in the exact columns and types of the store.

    Raises:
        PublishError: a column is missing or unknown, cannot be cast without loss, or has nulls or blank ids.
    """
    target = ARROW_SCHEMAS[name]
    check_columns(name, frame.schema.names)
    parts = [frame] if isinstance(frame, pa.Table) else (pa.Table.from_batches([part]) for part in frame)
    for part in parts:
        chosen = part.select(target.names)
        for start in range(0, chosen.num_rows, batch_rows):
            yield _cast(name, chosen.slice(start, batch_rows).combine_chunks(), target)


def _cast(name: str, part: pa.Table, target: pa.Schema) -> pa.Table:
    columns = []
    for field in target:
        column = part.column(field.name)
        try:
            column = column.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise PublishError(f"{name}.{field.name}: {error}. It must be {field.type}.") from None
        if column.null_count and not field.nullable:
            row = pc.index(pc.is_null(column), True).as_py()
            raise PublishError(f"{name}.{field.name} is null at {_at(name, part, row)}. Every row needs a value.")
        columns.append(as_decimals(column) if field.type == pa.float64() else column)
    return pa.Table.from_arrays(columns, schema=target)


def as_decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """float64 values, rounded to the seven digits of float32 where they were float32: 1.6, not 1.600000023841858.

    Whole numbers, and values that float32 cannot hold or seven digits cannot name, stay as they are. So do subnormal
    float32 values, which have fewer digits.
    """
    numbers = floats(column)
    with np.errstate(over="ignore"):
        was_single = (numbers.astype(np.float32) == numbers) & (numbers != np.rint(numbers))
    was_single &= np.abs(numbers) >= np.finfo(np.float32).tiny
    if not was_single.any():
        return column
    single = numbers[was_single]
    scale = 10.0 ** (6 - np.floor(np.log10(np.abs(single))))
    rounded = np.rint(single * scale) / scale
    decimals = numbers.copy()
    # Seven digits name every float32 but some at the edges of its range, which stay as they are.
    decimals[was_single] = np.where(rounded.astype(np.float32) == single, rounded, single)
    return pa.chunked_array([pa.array(decimals, mask=np.asarray(column.is_null()))])


def _at(name: str, part: pa.Table, row: int) -> str:
    """The key of a row, for a message."""
    keys = [column.name for column in FRAME_TABLES[name].primary_key if column.name != "run_id"]
    return ", ".join(f"{key} {part.column(key)[row].as_py()}" for key in keys)


def check(name: str, part: pa.Table, run: RunRecord) -> None:
    """Refuse rows that the database would refuse too, with a message that names the row.

    Raises:
        PublishError: ids blank or too long, numbers not finite or out of bounds, quantiles incomplete or
            crossed, a date outside the horizon or after the origin, a store outside the scope.
    """
    if part.num_rows == 0:
        return
    table = FRAME_TABLES[name]
    for column in part.column_names:
        if part.schema.field(column).type == pa.string():
            _check_text(name, part, column, table.columns[column])
        elif part.schema.field(column).type == pa.float64():
            _check_numbers(name, part, column)
    first, last = run.origin + timedelta(days=1), run.origin + timedelta(days=run.horizon_days)
    for column in ("target_date", "first_date", "last_date"):
        if column in part.column_names:
            _check_dates(name, part, column, first, last)
    if QUANTILE_COLUMNS[0] in part.column_names:
        _check_quantiles(name, part)
    if "absolute_error_units" in part.column_names:
        _check_errors(name, part)
    if name == "inventory_policy":
        _check_policy(name, part)
    if name in ("sales_history", "node_history"):
        _check_dates(name, part, "date", date.min, run.origin)
    if "store_id" in part.column_names and name != "run_nodes":
        _check_stores(name, part, run)


def _refuse(name: str, part: pa.Table, bad: NDArray[np.bool_], said: Callable[[int], str]) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise PublishError(f"{name}: {said(row)} at {_at(name, part, row)} ({int(bad.sum())} such rows in this batch).")


def _check_text(name: str, part: pa.Table, column: str, target: Column[Any]) -> None:
    limit = getattr(target.type, "length", None)
    for value in pc.unique(part.column(column)).to_pylist():
        if value is None:
            continue
        # SQL Server ignores blanks at the end when it compares, SQLite does not.
        if not value or value != value.strip():
            raise PublishError(f"{name}.{column}: {value!r} is empty or has blanks at an end. Trim it.")
        if limit is not None and len(value) > limit:
            raise PublishError(f"{name}.{column}: {value!r} is longer than {limit} characters.")


def _check_numbers(name: str, part: pa.Table, column: str) -> None:
    values = part.column(column)
    numbers = floats(values)
    lowest = -MAX_UNITS if column in SIGNED else 0.0
    bad = np.asarray(~((numbers >= lowest) & (numbers <= MAX_UNITS)))
    if values.null_count:
        bad &= np.asarray(values.is_valid())
    _refuse(
        name,
        part,
        bad,
        lambda row: f"{column} is {numbers[row]}, not from {lowest:g} to {MAX_UNITS:g},",
    )


def floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Values as float64, nulls as NaN."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _check_quantiles(name: str, part: pa.Table) -> None:
    nulls = [part.column(column).null_count for column in QUANTILE_COLUMNS]
    if any(nulls):
        valid = np.stack([np.asarray(part.column(column).is_valid()) for column in QUANTILE_COLUMNS])
        _refuse(
            name,
            part,
            np.asarray(valid.any(axis=0) & ~valid.all(axis=0)),
            lambda _row: "some quantiles are null and others not",
        )
    if nulls[0] == part.num_rows:
        return
    lower = floats(part.column(QUANTILE_COLUMNS[0]))
    for below, above in pairwise(QUANTILE_COLUMNS):
        upper = floats(part.column(above))
        _refuse(
            name,
            part,
            lower > upper,
            lambda _row, b=below, a=above: f"{b} is above {a}",  # type: ignore[misc]
        )
        lower = upper


def _check_errors(name: str, part: pa.Table) -> None:
    actual, forecast, absolute = (floats(part.column(f"{of}_units")) for of in ("actual", "forecast", "absolute_error"))
    apart = np.abs(forecast - actual)
    _refuse(
        name,
        part,
        apart > absolute * 1.001 + 0.001,
        lambda row: f"the days' errors add up to {absolute[row]}, less than the error of their sum, {apart[row]},",
    )


def _check_policy(name: str, part: pa.Table) -> None:
    reorder, level, demand, safety = (
        floats(part.column(column)) for column in ("reorder_point", "order_up_to", "expected_demand", "safety_stock")
    )
    _refuse(name, part, reorder < 0, lambda row: f"reorder_point is {reorder[row]:g}, below 0,")
    _refuse(
        name,
        part,
        level < reorder,
        lambda row: f"order_up_to is {level[row]:g}, below the reorder_point {reorder[row]:g},",
    )
    _refuse(
        name,
        part,
        np.abs(level - demand - safety) > 0.001,
        lambda row: f"safety_stock is {safety[row]}, not order_up_to - expected_demand = {level[row] - demand[row]},",
    )


def _check_dates(name: str, part: pa.Table, column: str, first: date, last: date) -> None:
    values = part.column(column)
    inside = pc.and_(
        pc.greater_equal(values, pa.scalar(first, pa.date32())),
        pc.less_equal(values, pa.scalar(last, pa.date32())),
    )
    span = f"from {first} to {last}" if first > date.min else f"up to {last}, the origin"
    _refuse(name, part, ~np.asarray(inside), lambda _row: f"{column} is not {span},")


def _check_stores(name: str, part: pa.Table, run: RunRecord) -> None:
    for store in pc.unique(part.column("store_id")).to_pylist():
        if store not in run.scope:
            raise PublishError(f"{name}: store_id {store} is not in the run's scope ({', '.join(run.scope[:12])}).")


def rows(part: pa.Table, run_id: str | None, *, iso_dates: bool) -> list[tuple[Any, ...]]:
    """Rows as tuples for `executemany`, `run_id` first (None: the table has none), built column by column.

    `iso_dates` gives dates as text, which is how SQLite keeps them.
    """
    columns: list[Any] = [] if run_id is None else [repeat(run_id, part.num_rows)]
    columns.extend(_values(column, iso_dates) for column in part.columns)
    return list(zip(*columns, strict=True))


def _values(column: pa.ChunkedArray, iso_dates: bool) -> list[Any]:
    kind = column.type
    if kind == pa.float64() or kind == pa.int32():
        # Straight from the buffer; with nulls Arrow's own, since NaN is not NULL everywhere.
        values: list[Any] = column.to_pylist() if column.null_count else column.to_numpy().tolist()
        return values
    # Few distinct values among many rows: make each Python object once.
    encoded = column.combine_chunks().dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    if iso_dates and kind == pa.date32():
        distinct = [None if value is None else value.isoformat() for value in distinct]
    lookup = np.array([*distinct, None], dtype=object)
    indices = encoded.indices.fill_null(len(distinct)).to_numpy()
    shared: list[Any] = lookup[indices].tolist()
    return shared


def insert_sql(connection: Connection, table: Table) -> str:
    """INSERT of all columns of a table in the driver's own parameter style."""
    translate = connection.get_execution_options().get("schema_translate_map")
    return str(
        insert(table).compile(
            dialect=connection.dialect,
            column_keys=[column.name for column in table.columns],
            schema_translate_map=translate,
            render_schema_translate=translate is not None,
        )
    )
