"""Bulk overrides: rows of a JSON or CSV body, with errors by row."""

from __future__ import annotations

import csv
import io
from typing import Any

from pydantic import ValidationError

from api.bulk_formats import CSV
from api.errors import ApiError, one_field
from api.negotiation import JSON
from api.schemas.overrides import MOST_IN_BULK, OverrideRequest, OverridesRequest
from api.schemas.problems import FieldProblem

_COLUMNS = tuple(OverrideRequest.model_fields)
_OPTIONAL = "author"
_EXAMPLE = ["store_department:CA_1|FOODS_1", "percent", "10", "2016-05-23", "2016-05-29", "Fair in town", "Ann Planner"]

BULK_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/OverridesRequest"}},
            CSV: {
                "schema": {"type": "string"},
                "example": ",".join(_COLUMNS) + "\r\n" + ",".join(_EXAMPLE) + "\r\n",
            },
        },
    }
}


def overrides_in(content_type: str, body: bytes) -> list[OverrideRequest]:
    """The overrides of a body.

    Raises:
        ApiError: the body or a row is invalid (kind `invalid-request`).
    """
    try:
        if content_type.partition(";")[0].strip().lower() == CSV:
            return OverridesRequest.model_validate({"overrides": _csv_rows(body)}).overrides
        return OverridesRequest.model_validate_json(body).overrides
    except ValidationError as error:
        problems = [
            FieldProblem(field=".".join(map(str, one["loc"])) or "body", message=str(one["msg"]))
            for one in error.errors()
        ]
        detail = "; ".join(f"{one.field}: {one.message}" for one in problems[:5])
        raise ApiError("invalid-request", f"No override was made. {detail}.", errors=problems[:50]) from None


def _csv_rows(body: bytes) -> list[dict[str, Any]]:
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        table = [line for line in lines if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise one_field("invalid-request", "body", f"not a CSV in UTF-8 ({error})") from None
    header = table[0] if table else []
    if len(set(header)) != len(header) or not set(_COLUMNS) - {_OPTIONAL} <= set(header) <= set(_COLUMNS):
        raise one_field("invalid-request", "header", f"its first line is '{','.join(header)[:200]}'", _COLUMNS)
    if len(table) > MOST_IN_BULK + 1:
        raise one_field("invalid-request", "body", f"it has {len(table) - 1} rows; at most {MOST_IN_BULK} are accepted")
    rows = []
    for number, line in enumerate(table[1:]):
        if len(line) != len(header):
            message = f"it has {len(line)} values, the header has {len(header)}"
            raise one_field("invalid-request", f"overrides.{number}", message)
        row: dict[str, Any] = dict(zip(header, line, strict=True))
        if not row.get(_OPTIONAL):
            row.pop(_OPTIONAL, None)
        try:
            row["value"] = float(row["value"])
        except ValueError:
            message = f"'{row['value'][:40]}' is not a number"
            raise one_field("invalid-request", f"overrides.{number}.value", message) from None
        rows.append(row)
    return rows
