"""Explanations of forecasts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger, require_published
from api.deps import ItemQuery, NodeQuery, Question, RuntimeDep, StoreQuery
from api.errors import one_field
from api.queries.explain import explain_item, explain_node
from api.queries.hierarchy import FIRST_ITEM_LEVEL, parsed_node
from api.routes.responses import READ, openapi_responses
from api.schemas.explanation import Explanation

router = APIRouter(tags=["forecast"])


class ExplainQuestion(Question):
    """A node, or an item in a store."""

    node_id: NodeQuery | None = None
    item_id: ItemQuery | None = None
    store_id: StoreQuery | None = None


@router.get(
    "/forecast/explain",
    operation_id="getExplanation",
    summary="Explanation of a forecast",
    response_model=Explanation,
    responses={
        **READ,
        **openapi_responses(
            "unknown-node", "unknown-series", "unknown-item", "unknown-store", "not-explained", "nothing-published"
        ),
    },
)
async def explain(request: Request, runtime: RuntimeDep, question: Annotated[ExplainQuestion, Query()]) -> Response:
    """Contribution in units of each feature family to a forecast: of a node of levels 1 to 9 (`node_id`; default: the
    total), or of an item (`item_id` and `store_id`), which gets its share of the contributions to its store and
    department.
    """
    if question.node_id is not None:
        if question.item_id is not None or question.store_id is not None:
            raise one_field("invalid-request", "node_id", "give a node, or an item and a store, not both")
        if parsed_node(question.node_id)[0].number >= FIRST_ITEM_LEVEL:
            raise one_field("invalid-request", "node_id", "for nodes of items, use item_id and store_id")
    elif (question.item_id is None) != (question.store_id is None):
        missing = "item_id" if question.item_id is None else "store_id"
        raise one_field("invalid-request", missing, "an item needs a store: give both")

    def build(connection: Connection, active: Active) -> Explanation:
        require_published(active)
        if question.item_id is not None and question.store_id is not None:
            return explain_item(connection, active, question.store_id, question.item_id)
        return explain_node(connection, active, question.node_id or "total")

    # explanations are added to a run after it is published
    return await answer_from_ledger(request, runtime, build)
