"""Arrow tables as responses: CSV or an Arrow stream."""

from __future__ import annotations

import pyarrow as pa

from api.bulk_formats import ARROW, CSV
from models_ml.prediction_store.export import arrow_of, csv_of

CONTENT = {
    CSV: {"schema": {"type": "string"}},
    ARROW: {"schema": {"type": "string", "format": "binary"}},
}
"""Responses in these formats beside JSON, for the OpenAPI document."""


def encode(table: pa.Table, media_type: str) -> bytes:
    """The whole table; in CSV, an apostrophe is put before names that a spreadsheet would run as formulas."""
    return csv_of(table).encode() if media_type == CSV else arrow_of(table)
