"""Ordering policies and stock."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_active, require_published
from api.deps import (
    CategoryQuery,
    CursorQuery,
    DepartmentQuery,
    ItemQuery,
    LimitQuery,
    Question,
    RuntimeDep,
    StoreQuery,
)
from api.queries.inventory import inventory_departments, inventory_of, inventory_page
from api.routes.responses import READ, openapi_responses
from api.schemas.inventory import InventoryAnswer, InventoryDepartments, InventoryPage
from models_ml.prediction_store.bounds import MAX_UNITS

router = APIRouter(tags=["inventory"])

StockQuery = Annotated[float, Field(ge=0, le=MAX_UNITS, allow_inf_nan=False, examples=[12])]


class PolicyQuestion(Question):
    """Which series, and its stock."""

    item_id: ItemQuery
    store_id: StoreQuery
    on_hand: (
        Annotated[StockQuery, Field(description="Units in stock; if given, the response includes an order.")] | None
    ) = None
    on_order: Annotated[StockQuery, Field(description="Units on order.")] = 0.0


class PoliciesQuestion(Question):
    """Which series, in which order."""

    store_id: StoreQuery | None = None
    department_id: DepartmentQuery | None = None
    category_id: CategoryQuery | None = None
    sort: Annotated[
        Literal["name", "value"], Field(description="By item and store, or by stock value, largest first.")
    ] = "name"
    limit: LimitQuery = 50
    cursor: CursorQuery | None = None


class StockQuestion(Question):
    """Which departments."""

    store_id: StoreQuery | None = None
    category_id: CategoryQuery | None = None


@router.get(
    "/inventory",
    operation_id="getInventoryPolicy",
    summary="Ordering policy of an item in a store",
    response_model=InventoryAnswer,
    responses={
        **READ,
        **openapi_responses("unknown-series", "unknown-item", "unknown-store", "no-policy", "nothing-published"),
    },
)
async def policy(request: Request, runtime: RuntimeDep, question: Annotated[PolicyQuestion, Query()]) -> Response:
    """Order-up-to level, reorder point and safety stock of one item in one store, with the terms used.

    They apply from the origin of the run that the store serves.
    """

    def build(connection: Connection, active: Active) -> InventoryAnswer:
        require_published(active)
        return inventory_of(
            connection,
            active,
            store_id=question.store_id,
            item_id=question.item_id,
            on_hand=question.on_hand,
            on_order=question.on_order,
        )

    return await answer_from_active(request, runtime, build)


@router.get(
    "/inventory/items",
    operation_id="listInventoryPolicies",
    summary="Ordering policies of all items",
    response_model=InventoryPage,
    responses={**READ, **openapi_responses("unknown-store", "nothing-published", "unusable-cursor")},
)
async def policies(request: Request, runtime: RuntimeDep, question: Annotated[PoliciesQuestion, Query()]) -> Response:
    """Policies of the served series, filtered, sorted and paged.

    Pages are consistent: if a run is published between two pages, the cursor is rejected (409).
    """

    def build(connection: Connection, active: Active) -> InventoryPage:
        require_published(active)
        return inventory_page(connection, active, **question.model_dump())

    return await answer_from_active(request, runtime, build)


@router.get(
    "/inventory/departments",
    operation_id="listInventoryDepartments",
    summary="Stock by store and department",
    response_model=InventoryDepartments,
    responses={**READ, **openapi_responses("unknown-store", "nothing-published")},
)
async def departments(request: Request, runtime: RuntimeDep, question: Annotated[StockQuestion, Query()]) -> Response:
    """Stock and its value for each department of each store, summed over items."""

    def build(connection: Connection, active: Active) -> InventoryDepartments:
        require_published(active)
        return inventory_departments(connection, active, **question.model_dump())

    return await answer_from_active(request, runtime, build)
