"""Dependencies and parameters of routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.runtime import Runtime
from api.schemas.base import (
    CATEGORY_EXAMPLE,
    DEPARTMENT_EXAMPLE,
    ITEM_EXAMPLE,
    REGION_EXAMPLE,
    RUN_EXAMPLE,
    STORE_EXAMPLE,
    IsoDate,
)
from api.series import DEFAULT_QUANTILES, QUANTILES_PATTERN, STORED_QUANTILES


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeDep = Annotated[Runtime, Depends(_runtime)]

# no control characters in names: they cannot be stored, and SQL Server rejects NUL
_NAME = r"^[^\x00-\x1f\x7f]+$"

ItemQuery = Annotated[
    str, Field(min_length=1, max_length=128, pattern=_NAME, description="Item.", examples=[ITEM_EXAMPLE])
]
StoreQuery = Annotated[
    str, Field(min_length=1, max_length=64, pattern=_NAME, description="Store.", examples=[STORE_EXAMPLE])
]
DepartmentQuery = Annotated[
    str, Field(min_length=1, max_length=64, pattern=_NAME, description="Department.", examples=[DEPARTMENT_EXAMPLE])
]
CategoryQuery = Annotated[
    str, Field(min_length=1, max_length=64, pattern=_NAME, description="Category.", examples=[CATEGORY_EXAMPLE])
]
RegionQuery = Annotated[
    str, Field(min_length=1, max_length=64, pattern=_NAME, description="Region.", examples=[REGION_EXAMPLE])
]
RunQuery = Annotated[str, Field(min_length=1, max_length=40, pattern=_NAME, description="Run.", examples=[RUN_EXAMPLE])]
NodeQuery = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=_NAME,
        description="One node: the level's name and its keys, as in responses.",
        examples=["store_department:CA_1|FOODS_1"],
    ),
]
QuantilesQuery = Annotated[
    str,
    Field(
        max_length=100,
        # for documentation; `parse_quantiles` gives better error messages
        json_schema_extra={"pattern": QUANTILES_PATTERN},
        description=f"Probabilities, comma-separated, of: {', '.join(STORED_QUANTILES)}; or `none`.",
        examples=[DEFAULT_QUANTILES],
    ),
]
LimitQuery = Annotated[int, Field(ge=1, le=500, description="Rows per page.", examples=[50])]
CursorQuery = Annotated[str, Field(min_length=1, max_length=1000, description="`next_cursor` of the previous page.")]


DateQuery = IsoDate


class Question(BaseModel):
    """Query parameters of a route; an unknown parameter is rejected with 422."""

    model_config = ConfigDict(extra="forbid")
