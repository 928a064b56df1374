"""What-if scenarios (prices, flags, events) and price elasticities."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_active, read_whole, require_published, to_json
from api.deps import DepartmentQuery, Question, RuntimeDep, StoreQuery
from api.errors import one_field
from api.queries.elasticities import elasticities as elasticities_of
from api.queries.price_moves import price_moves_of
from api.queries.scenarios import what_if as what_if_of
from api.routes.responses import POSTED, READ, openapi_responses
from api.schemas.scenarios import Elasticities, PriceMoves, WhatIf, WhatIfRequest

router = APIRouter(tags=["what-if"])


class ElasticityQuestion(Question):
    """Filters."""

    department_id: DepartmentQuery | None = None
    store_id: StoreQuery | None = None


@router.get(
    "/elasticities",
    operation_id="listElasticities",
    summary="Own-price elasticities",
    response_model=Elasticities,
    responses={**READ, **openapi_responses("unknown-store", "nothing-published")},
)
async def elasticities(
    request: Request, runtime: RuntimeDep, question: Annotated[ElasticityQuestion, Query()]
) -> Response:
    """Own-price elasticities with 95 % intervals of all departments, and of the items of a named department."""

    def build(connection: Connection, active: Active) -> Elasticities:
        require_published(active)
        return elasticities_of(connection, active, question.department_id, question.store_id)

    return await answer_from_active(request, runtime, build)


class MovesQuestion(Question):
    """Of which department."""

    department_id: DepartmentQuery
    store_id: StoreQuery | None = None


@router.get(
    "/elasticities/moves",
    operation_id="getPriceMoves",
    summary="Past price moves beside what was said of them",
    response_model=PriceMoves,
    responses={**READ, **openapi_responses("unknown-store", "nothing-published")},
)
async def moves(request: Request, runtime: RuntimeDep, question: Annotated[MovesQuestion, Query()]) -> Response:
    """For how many of a department's published price moves the elasticities, and the run's own model, name the
    direction in which units moved, against the department's other items.
    """

    def build(connection: Connection, active: Active) -> PriceMoves:
        require_published(active)
        return price_moves_of(connection, active, question.department_id, question.store_id)

    return await answer_from_active(request, runtime, build)


@router.post(
    "/what-if",
    operation_id="postWhatIf",
    summary="What-if forecast with other prices, flags and events",
    response_model=WhatIf,
    responses={
        **POSTED,
        **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published", "outside-history"),
    },
)
async def what_if(runtime: RuntimeDep, body: WhatIfRequest) -> Response:
    """The served forecast with another price, other flags or other events, beside the current forecast.

    A scenario multiplies the final by a factor from the model, so overrides are included in both. It applies to an item
    in a store, or to a department in one or all stores. Values outside the history's range are rejected, and the error
    gives the range. Nothing is stored.
    """
    if body.item_id is not None and (body.store_id is None or body.department_id is not None):
        raise one_field("invalid-request", "item_id", "an item needs a store and excludes a department")
    if body.item_id is None and body.department_id is None:
        raise one_field("invalid-request", "department_id", "give a department, or an item and a store")
    if body.price is not None and (body.item_id is None or body.price_change_percent is not None):
        raise one_field("invalid-request", "price", "a price needs an item and excludes price_change_percent")

    def build(connection: Connection) -> WhatIf:
        def at(connection: Connection, active: Active) -> WhatIf:
            require_published(active)
            return what_if_of(connection, active, body)

        return read_whole(connection, at)[1]

    answer = await runtime.reader.run(build)
    return Response(to_json(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
