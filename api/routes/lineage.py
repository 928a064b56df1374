"""Lineage of served numbers."""

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


# No examples: a client that sends every example would send both names, which is rejected.
_Former = Annotated[str, Field(min_length=1, max_length=128)]


class LineageQuestion(Question):
    """The number: a day of an item in a store."""

    item_id: ItemQuery | None = None
    store_id: StoreQuery | None = None
    item: _Former | None = Field(None, deprecated=True, description="Former name of item_id.")
    store: _Former | None = Field(None, deprecated=True, description="Former name of store_id.")
    date: Annotated[DateQuery, Field(description="Forecast day.", examples=["2016-05-23"])]


@router.get(
    "/lineage",
    operation_id="getLineage",
    summary="Lineage of a forecast",
    response_model=Lineage,
    responses={**READ, **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published")},
)
async def lineage(request: Request, runtime: RuntimeDep, question: Annotated[LineageQuestion, Query()]) -> Response:
    """Lineage of a served forecast: run, code, data, features, checks and overrides, with past errors of its series,
    demand class and lead day.
    """

    given = question.model_dump()  # attribute access would trigger pydantic's deprecation warnings
    store_id = _one_of("store_id", given)
    item_id = _one_of("item_id", given)

    def build(connection: Connection, active: Active) -> Lineage:
        require_published(active)
        return lineage_of(connection, active, store_id, item_id, question.date)

    return await answer_from_ledger(request, runtime, build)


def _one_of(name: str, given: Mapping[str, Any]) -> str:
    """The value of a renamed parameter.

    Raises:
        ApiError: neither name is given, or both are.
    """
    former = name.removesuffix("_id")
    values = [given[one] for one in (name, former) if given[one] is not None]
    if len(values) != 1:
        raise one_field("invalid-request", name, f"give only one of this and {former}" if values else "give it")
    return str(values[0])
