"""Bulk forecasts as JSON, CSV or an Arrow stream, written in chunks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa

from api.negotiation import JSON
from api.series import quantile_columns
from models_ml.prediction_store.blocks import Block
from models_ml.prediction_store.export import without_formula

CSV, ARROW = "text/csv", "application/vnd.apache.arrow.stream"


class Encoder(Protocol):
    """Writes blocks of forecasts between `start` and `end`."""

    def start(self) -> bytes:
        """Bytes before the first block."""

    def portion(self, block: Block) -> bytes:
        """Rows of a block."""

    def end(self) -> bytes:
        """Bytes after the last block."""


class JsonEncoder:
    """One object with the array `rows`: `Bulk`."""

    def __init__(self, quantiles: tuple[str, ...]) -> None:
        self._quantiles = quantiles
        self._first = True

    def start(self) -> bytes:
        """The opening of the array."""
        return b'{"rows":['

    def portion(self, block: Block) -> bytes:
        """Rows as objects, with a comma before all but the first."""
        if not block.items:
            return b""
        days = [day.isoformat() for day in block.dates]
        rows = iter(block.numbers.tolist())
        objects = []
        for item_id in block.items:
            for day in days:
                mean, *values, final = next(rows)
                known = not values or values[0] == values[0]  # else NaN
                objects.append(
                    {
                        "run_id": block.run_id,
                        "store_id": block.store_id,
                        "item_id": item_id,
                        "date": day,
                        "mean": mean,
                        "quantiles": dict(zip(self._quantiles, values, strict=True)) if known else None,
                        "final": final,
                    }
                )
        comma = b"" if self._first else b","
        self._first = False
        return comma + orjson.dumps(objects)[1:-1]

    def end(self) -> bytes:
        """The closing of the array."""
        return b"]}"


_BETWEEN = "\0"
"""Separator after a name's part of a line; occurs in no name."""


class CsvEncoder:
    """A header line and one line per row (RFC 4180); an unknown quantile is empty.

    An apostrophe is put before names that a spreadsheet would run as formulas.
    """

    def __init__(self, quantiles: tuple[str, ...]) -> None:
        self._header = ["run_id", "store_id", "item_id", "date", "mean", *quantile_columns(quantiles), "final"]

    def start(self) -> bytes:
        """The header."""
        return (",".join(self._header) + "\r\n").encode()

    def portion(self, block: Block) -> bytes:
        """Lines; numbers are formatted as in JSON, so they round-trip."""
        if not block.items:
            return b""
        # One call writes all numbers: [[1.0,null],[2.5,0.5]]
        written = orjson.dumps(block.numbers, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"null", b"")
        numbers = iter(written[2:-2].split(b"],["))
        days = [day.isoformat().encode() for day in block.dates]
        text = io.StringIO(newline="")
        names = csv.writer(text, lineterminator=_BETWEEN)
        store = without_formula(block.store_id)
        names.writerows((block.run_id, store, without_formula(item_id)) for item_id in block.items)
        heads = text.getvalue().encode().split(_BETWEEN.encode())
        lines = (b"%b,%b,%b\r\n" % (head, day, next(numbers)) for head in heads[:-1] for day in days)
        return b"".join(lines)

    def end(self) -> bytes:
        """Nothing."""
        return b""


class ArrowEncoder:
    """An Arrow IPC stream, one record batch per block."""

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
        """The schema, so that a response without rows is valid."""
        return self._taken()

    def portion(self, block: Block) -> bytes:
        """One record batch."""
        series, steps = block.mean.shape
        if series:
            arrays: list[Any] = [
                pa.repeat(block.run_id, series * steps),
                pa.repeat(block.store_id, series * steps),
                pa.array(block.items, pa.string()).take(pa.array(np.repeat(np.arange(series), steps))),
                pa.array(np.tile(np.array(block.dates, dtype="datetime64[D]"), series)),
                *(pa.array(column, from_pandas=True) for column in np.ascontiguousarray(block.numbers.T)),
            ]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        return self._taken()

    def end(self) -> bytes:
        """The end marker, without which readers detect a truncated stream."""
        self._writer.close()
        return self._taken()


ENCODERS: dict[str, Callable[[tuple[str, ...]], Encoder]] = {
    JSON: JsonEncoder,
    CSV: CsvEncoder,
    ARROW: ArrowEncoder,
}
