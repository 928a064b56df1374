"""Write a run's forecasts to a file, batch by batch."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from sqlalchemy import Engine

from models_ml.errors import InputError
from models_ml.prediction_store import read
from models_ml.prediction_store.runs import find
from models_ml.prediction_store.transactions import reading


def export(engine: Engine, run_id: str, path: Path, *, stores: tuple[str, ...] | None = None) -> int:
    """Forecasts of a published run to `path` (.csv or .parquet); returns the rows written.

    Columns: store_id, item_id, department_id, category_id, region_id, target_date, mean and the quantiles. The
    file appears when it is complete: an export that fails leaves an earlier one as it was. In a CSV file an apostrophe
    precedes text that a spreadsheet would run as a formula (`=`, `+`, `-`, `@`); parquet holds ids as they are.

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
            batches = read.stream(connection, read.forecasts_query(run.run_id, stores=stores))
            if path.suffix == ".csv":
                batches = map(spreadsheet_safe, batches)
            first = next(batches)
            rows = int(first.num_rows)
            with _writer(partial, path.suffix, first.schema) as writer:
                writer.write_batch(first)
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def spreadsheet_safe(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Text that a spreadsheet would run as a formula, with an apostrophe before it (OWASP, CSV injection)."""
    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type):
            runs = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
            column = pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _writer(path: Path, suffix: str, schema: pa.Schema) -> pa.csv.CSVWriter | pa.parquet.ParquetWriter:
    if suffix == ".csv":
        return pa.csv.CSVWriter(path, schema)
    return pa.parquet.ParquetWriter(path, schema, compression="zstd")
