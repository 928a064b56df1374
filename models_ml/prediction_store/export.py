"""Write a run's forecasts to a file, batch by batch."""

from __future__ import annotations

import csv
import functools
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from sqlalchemy import Connection, Engine, select

from models_ml.errors import InputError
from models_ml.prediction_store import read
from models_ml.prediction_store.finals import Effect, SeriesBelow
from models_ml.prediction_store.override_effects import SELECT_EFFECTS, SERIES_ATTRIBUTES, effects_by_run
from models_ml.prediction_store.runs import find
from models_ml.prediction_store.schema import active_runs, override_effects
from models_ml.prediction_store.transactions import reading
from models_ml.settings import QUANTILE_COLUMNS


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
            overrides = _Overrides.of(connection, run.run_id)
            batches = read.stream(connection, read.forecasts_query(run.run_id, stores=stores))
            finals = (overrides.on(batch) for batch in batches)
            told = map(without_formulas, finals) if path.suffix == ".csv" else finals
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


def _writer(path: Path, suffix: str, schema: pa.Schema) -> pa.csv.CSVWriter | pa.parquet.ParquetWriter:
    if suffix == ".csv":
        return pa.csv.CSVWriter(path, schema)
    return pa.parquet.ParquetWriter(path, schema, compression="zstd")


@dataclass(frozen=True)
class _Overrides:
    """Overrides in force on a run, in order of creation, and the stores that are served from it."""

    run_id: str
    effects: tuple[Effect, ...]
    served: frozenset[str]

    @classmethod
    def of(cls, connection: Connection, run_id: str) -> _Overrides:
        """As they are now."""
        rows = connection.execute(SELECT_EFFECTS.where(override_effects.c.run_id == run_id)).all()
        stores = connection.execute(select(active_runs.c.store_id).where(active_runs.c.run_id == run_id)).scalars()
        return cls(run_id, effects_by_run(rows).get(run_id, ()), frozenset(stores))

    def on(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of forecasts with the run before them, the final behind them, and quantiles of the final."""
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        mean = columns["mean"].to_numpy(zero_copy_only=False)
        final = self._finals(columns, mean)
        moved = np.flatnonzero(final != mean)
        if len(moved):
            for name in QUANTILE_COLUMNS:
                values = columns[name].to_numpy(zero_copy_only=False).astype(np.float64)
                sold = mean[moved]
                values[moved] *= np.divide(final[moved], sold, out=np.full(len(moved), np.nan), where=sold > 0)
                columns[name] = pa.array(values, from_pandas=True)
        run = pa.array([self.run_id] * batch.num_rows, pa.string())
        return pa.RecordBatch.from_pydict({"run_id": run, **columns, "final": pa.array(final)})

    def _finals(self, columns: dict[str, pa.Array], mean: np.ndarray) -> np.ndarray:
        final = mean.astype(np.float64)
        if self.effects:
            series = {name: np.array(columns[name].to_pylist(), dtype=object) for name in SERIES_ATTRIBUTES}
            served = np.isin(series["store_id"].astype(str), sorted(self.served))
            days = columns["target_date"].cast(pa.string()).to_numpy(zero_copy_only=False)
            rows_below = SeriesBelow(series)
            for effect in self.effects:
                own = rows_below.keys(effect.keys)
                own = own[served[own]]
                for day, change in effect.days.items():
                    at = own[days[own] == day]
                    final[at] = final[at] * change.factor if change.factor is not None else change.units_each
        return final


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
