"""Rows of many forecasts as JSON, CSV or an Arrow stream, written a portion at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import orjson
import pyarrow as pa

from api.negotiation import JSON
from api.series import quantile_columns
from models_ml.prediction_store.export import without_formula

CSV, ARROW = "text/csv", "application/vnd.apache.arrow.stream"

Rows = Sequence[Sequence[Any]]
"""item_id, date, mean, the quantiles and the final, in order of item and date."""


class Encoder(Protocol):
    """Writes portions of rows; `start` and `end` are around them."""

    def start(self) -> bytes:
        """What comes before the first portion."""

    def portion(self, run_id: str, store_id: str, rows: Rows) -> bytes:
        """Rows of some series of one store."""

    def end(self) -> bytes:
        """What comes after the last portion."""


class JsonEncoder:
    """One object with the array `rows`: `Bulk`."""

    def __init__(self, quantiles: tuple[str, ...]) -> None:
        self._quantiles = quantiles
        self._first = True

    def start(self) -> bytes:
        """The opening of the array."""
        return b'{"rows":['

    def portion(self, run_id: str, store_id: str, rows: Rows) -> bytes:
        """Rows as objects, with a comma before all but the first."""
        if not rows:
            return b""
        objects = [
            {
                "run_id": run_id,
                "store_id": store_id,
                "item_id": item_id,
                "date": target,
                "mean": mean,
                "quantiles": (
                    None if values and values[0] is None else dict(zip(self._quantiles, values, strict=True))
                ),
                "final": final,
            }
            for item_id, target, mean, *values, final in rows
        ]
        comma = b"" if self._first else b","
        self._first = False
        return comma + orjson.dumps(objects)[1:-1]

    def end(self) -> bytes:
        """The closing of the array."""
        return b"]}"


class CsvEncoder:
    """A header line and a line a row, as RFC 4180 has it; a quantile that is not known is empty.

    A name that a spreadsheet would run as a formula has an apostrophe in front.
    """

    def __init__(self, quantiles: tuple[str, ...]) -> None:
        self._header = ["run_id", "store_id", "item_id", "date", "mean", *quantile_columns(quantiles), "final"]

    def start(self) -> bytes:
        """The header."""
        return (",".join(self._header) + "\r\n").encode()

    def portion(self, run_id: str, store_id: str, rows: Rows) -> bytes:
        """Lines; numbers as Python writes them, which reads back to the same number."""
        text = io.StringIO(newline="")
        store = without_formula(store_id)
        csv.writer(text).writerows((run_id, store, without_formula(row[0]), *row[1:]) for row in rows)
        return text.getvalue().encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


class ArrowEncoder:
    """An Arrow IPC stream, a record batch a portion."""

    def __init__(self, quantiles: tuple[str, ...]) -> None:
        self._schema = pa.schema(
            [
                pa.field("run_id", pa.string(), nullable=False),
                pa.field("store_id", pa.string(), nullable=False),
                pa.field("item_id", pa.string(), nullable=False),
                pa.field("date", pa.date32(), nullable=False),
                pa.field("mean", pa.float64(), nullable=False),
                *(pa.field(name, pa.float64()) for name in quantile_columns(quantiles)),
                pa.field("final", pa.float64(), nullable=False),
            ]
        )
        self._sink = io.BytesIO()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def _taken(self) -> bytes:
        written = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return written

    def start(self) -> bytes:
        """The schema, so that an answer without rows is one too."""
        return self._taken()

    def portion(self, run_id: str, store_id: str, rows: Rows) -> bytes:
        """One record batch."""
        columns = [[run_id] * len(rows), [store_id] * len(rows), *zip(*rows, strict=True)]
        if rows:
            arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        return self._taken()

    def end(self) -> bytes:
        """The end marker, without which a reader knows that the stream was cut."""
        self._writer.close()
        return self._taken()


ENCODERS: dict[str, Callable[[tuple[str, ...]], Encoder]] = {
    JSON: JsonEncoder,
    CSV: CsvEncoder,
    ARROW: ArrowEncoder,
}
