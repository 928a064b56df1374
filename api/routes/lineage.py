"""Where a served number comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger, require_published
from api.deps import DateQuery, ItemQuery, Question, RuntimeDep, StoreQuery
from api.errors import one_field
from api.queries.lineage import lineage as lineage_of
from api.routes.responses import READ, openapi_responses
from api.schemas.lineage import Lineage

router = APIRouter(tags=["forecast"])


# Without examples: a client that sends every example would give both names, which is refused.
_Former = Annotated[str, Field(min_length=1, max_length=128)]


class LineageQuestion(Question):
    """Which number: a day of an item in a store."""

    item_id: ItemQuery | None = None
    store_id: StoreQuery | None = None
    item: _Former | None = Field(None, deprecated=True, description="Former name of item_id.")
    store: _Former | None = Field(None, deprecated=True, description="Former name of store_id.")
    date: Annotated[DateQuery, Field(description="Day that is forecast.", examples=["2016-05-23"])]


@router.get(
    "/lineage",
    operation_id="getLineage",
    summary="Where a forecast comes from",
    response_model=Lineage,
    responses={**READ, **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published")},
)
async def lineage(request: Request, runtime: RuntimeDep, question: Annotated[LineageQuestion, Query()]) -> Response:
    """What a served forecast is made of: run, code, data, features, checks and overrides, and how such forecasts of
    its series, its demand class and its lead day have done before.
    """

    given = question.model_dump()  # by attribute, pydantic would warn of the former names
    store_id = _one_of("store_id", given)
    item_id = _one_of("item_id", given)

    def build(connection: Connection, active: Active) -> Lineage:
        require_published(active)
        return lineage_of(connection, active, store_id, item_id, question.date)

    return await answer_from_ledger(request, runtime, build)


def _one_of(name: str, given: Mapping[str, Any]) -> str:
    """The value of a parameter that had another name before.

    Raises:
        ApiError: it is given under neither name, or under both.
    """
    former = name.removesuffix("_id")
    values = [given[one] for one in (name, former) if given[one] is not None]
    if len(values) != 1:
        raise one_field("invalid-request", name, f"give it once, not as {former} too" if values else "give it")
    return str(values[0])
