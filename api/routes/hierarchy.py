"""Nodes of the twelve levels."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_active, answer_from_ledger, require_published
from api.deps import (
    CategoryQuery,
    CursorQuery,
    DepartmentQuery,
    ItemQuery,
    LimitQuery,
    NodeQuery,
    QuantilesQuery,
    Question,
    RegionQuery,
    RuntimeDep,
    StoreQuery,
)
from api.errors import one_field
from api.queries.hierarchy import FILTERS, FIRST_ITEM_LEVEL, LEVEL_NAMES, node_page, parsed_node
from api.routes.responses import READ, openapi_responses
from api.schemas.hierarchy import NodePage
from api.series import DEFAULT_QUANTILES, parse_quantiles

router = APIRouter(tags=["forecast"])

_LEVELS = ", ".join(f"{number} {name}" for number, name in enumerate(LEVEL_NAMES, 1))


class HierarchyQuestion(Question):
    """Which nodes, and how much history."""

    level: Annotated[int, Field(ge=1, le=12, description=f"{_LEVELS}.", examples=[3])] | None = None
    node_id: NodeQuery | None = None
    region_id: RegionQuery | None = None
    store_id: StoreQuery | None = None
    category_id: CategoryQuery | None = None
    department_id: DepartmentQuery | None = None
    item_id: ItemQuery | None = None
    quantiles: QuantilesQuery = DEFAULT_QUANTILES
    history_days: Annotated[int, Field(ge=0, le=728, description="Days of history per node.", examples=[56])] = 0
    limit: LimitQuery = 50
    cursor: CursorQuery | None = None


@router.get(
    "/forecast/hierarchy",
    operation_id="listNodes",
    summary="Forecasts of the nodes of a level",
    response_model=NodePage,
    responses={**READ, **openapi_responses("unknown-store", "unknown-node", "nothing-published", "unusable-cursor")},
)
async def hierarchy(request: Request, runtime: RuntimeDep, question: Annotated[HierarchyQuestion, Query()]) -> Response:
    """Nodes of one level (default: 1) with forecasts and optional history. All come from one run: that of the named
    store, else the served run with the most stores. Levels add up. Quantiles of items summed over stores are null,
    because quantiles cannot be added.
    """
    quantiles = parse_quantiles(question.quantiles)
    level = question.level or 1
    if question.node_id is not None:
        named = parsed_node(question.node_id)[0].number
        if question.level is not None and question.level != named:
            raise one_field("invalid-request", "level", f"node_id is of level {named}", [str(named)])
        level = named
    filters = {name: value for name in FILTERS if (value := getattr(question, name)) is not None}

    def build(connection: Connection, active: Active) -> NodePage:
        require_published(active)
        return node_page(
            connection,
            active,
            level=level,
            node_id=question.node_id,
            filters=filters,
            quantiles=quantiles,
            history_days=question.history_days,
            limit=question.limit,
            cursor=question.cursor,
        )

    if level >= FIRST_ITEM_LEVEL and question.history_days:
        # sales of items can change without a pointer move
        return await answer_from_ledger(request, runtime, build)
    return await answer_from_active(request, runtime, build)
