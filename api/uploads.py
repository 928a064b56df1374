"""Tables sent by clients as CSV, JSON or an Arrow stream, with errors by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ValidationError

from api.bulk_formats import ARROW, CSV
from api.errors import ApiError, one_field
from api.negotiation import JSON
from api.schemas.problems import FieldProblem
from models_ml.prediction_store.replenishment import ColumnsError, RowsError, csv_frame

T = TypeVar("T")


def body_of(request: type[BaseModel], columns: Sequence[str], example: Sequence[str]) -> dict[str, Any]:
    """A route's request body for the OpenAPI document."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"$ref": f"#/components/schemas/{request.__name__}"}},
                CSV: {
                    "schema": {"type": "string"},
                    "example": ",".join(columns) + "\r\n" + ",".join(example) + "\r\n",
                },
                ARROW: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    }


def frame_in(content_type: str, body: bytes, request: type[BaseModel], most: int) -> pd.DataFrame:
    """The rows of a body.

    Args:
        content_type: of the body.
        body: whole.
        request: model of a JSON body; its only field holds the rows.
        most: maximum number of rows.

    Raises:
        ApiError: the body is invalid (kind `invalid-request`).
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == CSV:
        frame = rows_told(lambda: csv_frame(body), "rows")
    elif media_type == ARROW:
        frame = _arrow_frame(body)
    else:
        frame = _json_frame(body, request)
    if len(frame) > most:
        raise one_field("invalid-request", "body", f"it has {len(frame)} rows; at most {most} are accepted")
    return frame


def _arrow_frame(body: bytes) -> pd.DataFrame:
    try:
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
        plain = [name for name in table.column_names if pa.types.is_dictionary(table.schema.field(name).type)]
        for name in plain:
            place = table.column_names.index(name)
            values = table.column(name)
            table = table.set_column(place, name, values.cast(values.type.value_type))
        frame: pd.DataFrame = table.to_pandas(date_as_object=True)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise one_field("invalid-request", "body", f"not a table as an Arrow stream ({str(error)[:200]})") from None
    return frame


def _json_frame(body: bytes, request: type[BaseModel]) -> pd.DataFrame:
    field = next(iter(request.model_fields))
    try:
        rows = getattr(request.model_validate_json(body), field)
    except ValidationError as error:
        problems = [
            FieldProblem(field=".".join(map(str, one["loc"])) or "body", message=str(one["msg"]))
            for one in error.errors()
        ]
        detail = "; ".join(f"{one.field}: {one.message}" for one in problems[:5])
        raise ApiError("invalid-request", f"Nothing was stored. {detail}.", errors=problems[:50]) from None
    row_model: Any = request.model_fields[field].annotation
    columns = list(row_model.__args__[0].model_fields)
    return pd.DataFrame([[getattr(row, name) for name in columns] for row in rows], columns=columns, dtype=object)


def rows_told(work: Callable[[], T], field: str) -> T:
    """A problem with errors by row; `field` is the name of the list."""
    try:
        return work()
    except ColumnsError as error:
        raise one_field("invalid-request", "header", str(error)) from None
    except RowsError as error:
        problems = [
            FieldProblem(field=f"{field}.{one.row}.{one.field}", message=one.message) for one in error.errors[:50]
        ]
        raise ApiError("invalid-request", str(error), errors=problems) from None
