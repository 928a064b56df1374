"""Arrow tables as answers: CSV or an Arrow stream."""

from __future__ import annotations

import csv
import io

import pyarrow as pa

from api.bulk_formats import ARROW, CSV
from models_ml.prediction_store.export import without_formula

CONTENT = {
    CSV: {"schema": {"type": "string"}},
    ARROW: {"schema": {"type": "string", "format": "binary"}},
}
"""Of an answer that is given in these beside JSON, for the OpenAPI document."""


def encode(table: pa.Table, media_type: str) -> bytes:
    """The whole table; in CSV, names that a spreadsheet would run as formulas have an apostrophe in front."""
    return csv_of(table).encode() if media_type == CSV else arrow_of(table)


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
