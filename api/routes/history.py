"""Recent sales of one item in one store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger, require_published
from api.deps import ItemQuery, Question, RuntimeDep, StoreQuery
from api.queries.history import series_history
from api.routes.responses import READ, openapi_responses
from api.schemas.forecast import SeriesHistory

router = APIRouter(tags=["forecast"])


class HistoryQuestion(Question):
    """Which series, and how many days."""

    item_id: ItemQuery
    store_id: StoreQuery
    days: Annotated[
        int, Field(ge=1, le=728, description="Days up to the origin; at most the published history.", examples=[56])
    ] = 56


@router.get(
    "/forecast/history",
    operation_id="getHistory",
    summary="Recent sales of an item in a store",
    response_model=SeriesHistory,
    responses={**READ, **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published")},
)
async def history(request: Request, runtime: RuntimeDep, question: Annotated[HistoryQuestion, Query()]) -> Response:
    """Sales up to the origin of the served run, oldest first, with prices."""

    def build(connection: Connection, active: Active) -> SeriesHistory:
        require_published(active)
        return series_history(connection, active, question.store_id, question.item_id, question.days)

    # sales can change without a pointer move
    return await answer_from_ledger(request, runtime, build)
