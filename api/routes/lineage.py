"""Where a served number comes from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger, require_published
from api.deps import DateQuery, ItemQuery, Question, RuntimeDep, StoreQuery
from api.queries.lineage import lineage as lineage_of
from api.routes.responses import READ, openapi_responses
from api.schemas.lineage import Lineage

router = APIRouter(tags=["forecast"])


class LineageQuestion(Question):
    """Which number: a day of an item in a store."""

    item: ItemQuery
    store: StoreQuery
    date: Annotated[DateQuery, Field(description="Day that is forecast.", examples=["2016-05-23"])]


@router.get(
    "/lineage",
    operation_id="getLineage",
    response_model=Lineage,
    responses={**READ, **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published")},
)
async def lineage(request: Request, runtime: RuntimeDep, question: Annotated[LineageQuestion, Query()]) -> Response:
    """What a served forecast is made of: run, code, data, features, checks and overrides, and how such forecasts of
    its series, its demand class and its lead day have done before.
    """

    def build(connection: Connection, active: Active) -> Lineage:
        require_published(active)
        return lineage_of(connection, active, question.store, question.item, question.date)

    return await answer_from_ledger(request, runtime, build)
