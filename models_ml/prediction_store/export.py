"""Write a run's forecasts to a file, batch by batch."""

from __future__ import annotations

import csv
import functools
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from sqlalchemy import Connection, Engine, select

from models_ml.errors import InputError
from models_ml.prediction_store.blocks import Block, portions, read_block, step_dates
from models_ml.prediction_store.override_effects import SELECT_EFFECTS, SERIES_ATTRIBUTES, effects_by_run
from models_ml.prediction_store.runs import Run, find
from models_ml.prediction_store.schema import override_effects, run_series
from models_ml.prediction_store.transactions import reading
from models_ml.settings import QUANTILE_COLUMNS

SERIES_PER_BATCH = 2_000


def export(engine: Engine, run_id: str, path: Path, *, stores: tuple[str, ...] | None = None) -> int:
    """Forecasts of a published run to `path` (.csv or .parquet); returns the rows written.

    Columns: run_id, store_id, item_id, department_id, category_id, region_id, target_date, mean, the quantiles and
    final. As in the API, `final` is the mean after the overrides in force and the quantiles are those of the final;
    overrides act where the run is served. The file appears when it is complete: an export that fails leaves an
    earlier one as it was.

    Raises:
        InputError: no such run, it is not published, it has none of the stores, or the file's kind is not known.
        StoreError: the store cannot be read.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: the name must end in .csv or .parquet.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder. Create it, or name another file.")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with reading(engine) as connection:
            run = find(connection, run_id)
            if run.status != "published":
                raise InputError(f"{run.run_id} is {run.status}; only a published run can be exported.")
            unknown = sorted(set(stores or ()) - set(run.scope))
            if unknown:
                raise InputError(f"{run.run_id} has no forecasts for {', '.join(unknown)}.")
            told = _batches(connection, run, stores)
            if path.suffix == ".csv":
                told = map(without_formulas, told)
            first = next(told)
            rows = int(first.num_rows)
            with _writer(partial, path.suffix, first.schema) as writer:
                writer.write_batch(first)
                for batch in told:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _batches(connection: Connection, run: Run, stores: tuple[str, ...] | None) -> Iterator[pa.RecordBatch]:
    """Rows of a run in order of store, item and date."""
    effects = effects_by_run(connection.execute(SELECT_EFFECTS.where(override_effects.c.run_id == run.run_id)).all())
    dates = step_dates(run.origin, run.horizon_days, run.step_days)
    of_run = select(run_series.c.item_id).where(run_series.c.run_id == run.run_id).order_by(run_series.c.item_id)
    for store in sorted(stores or run.scope):
        items = connection.execute(of_run.where(run_series.c.store_id == store)).scalars().all()
        served = effects.get(run.run_id, ()) if store in run.active_stores else ()
        for portion in portions(items, SERIES_PER_BATCH):
            yield as_batch(read_block(connection, run.run_id, store, portion, dates, QUANTILE_COLUMNS, served))


def as_batch(block: Block) -> pa.RecordBatch:
    """A block as Arrow rows."""
    series, steps = block.mean.shape
    of_series = pa.array(np.repeat(np.arange(series, dtype=np.int32), steps))
    columns: dict[str, pa.Array] = {"run_id": pa.repeat(block.run_id, series * steps)}
    for name in SERIES_ATTRIBUTES:
        columns[name] = pa.array(block.series[name], pa.string()).take(of_series)
    columns["target_date"] = pa.array(np.tile(np.array(block.dates, dtype="datetime64[D]"), series))
    columns["mean"] = pa.array(block.mean.ravel())
    for position, name in enumerate(QUANTILE_COLUMNS):
        columns[name] = pa.array(block.quantiles[..., position].ravel(), from_pandas=True)
    columns["final"] = pa.array(block.final.ravel())
    return pa.RecordBatch.from_pydict(columns)


def _writer(path: Path, suffix: str, schema: pa.Schema) -> pa.csv.CSVWriter | pa.parquet.ParquetWriter:
    if suffix == ".csv":
        return pa.csv.CSVWriter(path, schema)
    # Names come back often, numbers hardly ever.
    names = [field.name for field in schema if field.type != pa.float64()]
    return pa.parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=names)


FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def without_formula(text: str) -> str:
    """A text as a CSV may have it: a spreadsheet takes an apostrophe in front for text, and runs no formula."""
    return f"'{text}" if text.startswith(FORMULA_START) else text


def without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are as `without_formula` says."""
    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type):
            starts = [pc.starts_with(column, pattern=start) for start in FORMULA_START]
            runs = functools.reduce(pc.or_, starts)
            column = pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def csv_of(table: pa.Table) -> str:
    """A header line and a line a row, as RFC 4180 has it; what is not known is empty."""
    columns = []
    for column in table.columns:
        values = column.to_pylist()
        if pa.types.is_string(column.type):
            values = [None if value is None else without_formula(value) for value in values]
        columns.append(values)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.column_names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def arrow_of(table: pa.Table) -> bytes:
    """An Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
