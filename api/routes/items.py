"""Search of the forecast series."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_active, require_published
from api.deps import CategoryQuery, CursorQuery, DepartmentQuery, LimitQuery, Question, RuntimeDep, StoreQuery
from api.queries.items import item_page
from api.routes.responses import READ, openapi_responses
from api.schemas.items import ItemPage

router = APIRouter(tags=["forecast"])


class ItemsQuestion(Question):
    """Which series, in which order."""

    store_id: StoreQuery | None = None
    department_id: DepartmentQuery | None = None
    category_id: CategoryQuery | None = None
    search: (
        Annotated[
            str,
            Field(
                min_length=1, max_length=64, description="Part of the item's name, case-insensitive.", examples=["1_00"]
            ),
        ]
        | None
    ) = None
    sort: Annotated[
        Literal["name", "volume", "error"],
        Field(description="By item and store, by units of the last 28 days, or by RMSSE of the newest backtest fold."),
    ] = "name"
    limit: LimitQuery = 50
    cursor: CursorQuery | None = None


@router.get(
    "/forecast/items",
    operation_id="listItems",
    summary="Search the forecast items",
    response_model=ItemPage,
    responses={**READ, **openapi_responses("unknown-store", "nothing-published", "unusable-cursor")},
)
async def items(request: Request, runtime: RuntimeDep, question: Annotated[ItemsQuestion, Query()]) -> Response:
    """Forecast series, filtered, sorted and paged.

    Pages are consistent: if a run is published between two pages, the cursor is rejected (409).
    """

    def build(connection: Connection, active: Active) -> ItemPage:
        require_published(active)
        return item_page(
            connection,
            active,
            store_id=question.store_id,
            department_id=question.department_id,
            category_id=question.category_id,
            search=question.search,
            sort=question.sort,
            limit=question.limit,
            cursor=question.cursor,
        )

    return await answer_from_active(request, runtime, build)
