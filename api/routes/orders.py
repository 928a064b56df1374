"""Order proposals and planners' decisions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, Engine

from api.active import Active
from api.answers import answer_from_ledger, read_whole, require_published, respond
from api.bulk_formats import ARROW, CSV
from api.cache import CachedBody, body_etag
from api.deps import CursorQuery, DepartmentQuery, Question, RuntimeDep, StoreQuery
from api.errors import one_field
from api.negotiation import JSON, choose_media_type
from api.queries.replenishment import decision_page, decisions_of, order_page, proposals_of
from api.routes.responses import POSTED, READ, openapi_responses
from api.runtime import Runtime
from api.schemas.replenishment import DecisionPage, DecisionsRequest, OrderPage, WrittenDecisions
from api.table_formats import CONTENT, encode
from api.uploads import rows_told
from api.writing import IdempotencyKey, author_of, key_of, written
from models_ml.inventory.decisions import NewDecision, ReusedDecisionKeyError, decide
from models_ml.inventory.proposals import OrderQuestion, as_table

router = APIRouter(tags=["replenishment"])

T = TypeVar("T")
_TABLES: dict[int | str, dict[str, Any]] = {
    200: {"description": "JSON is paged; CSV and Arrow contain all rows, or `limit` of them.", "content": CONTENT}
}
SupplierQuery = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$", description="Supplier.")
]
RowsQuery = Annotated[
    int,
    Field(ge=1, le=5000, description="Rows per page, default 50; CSV and Arrow default to all rows.", examples=[20]),
]


class OrdersQuestion(Question):
    """Filters and terms."""

    store_id: StoreQuery | None = None
    supplier_id: SupplierQuery | None = None
    department_id: DepartmentQuery | None = None
    lead_time_days: (
        Annotated[
            int, Field(ge=0, le=56, description="What-if: lead time to use instead of the stored ones.", examples=[5])
        ]
        | None
    ) = None
    service_level: (
        Annotated[
            float,
            Field(
                ge=0.5,
                le=0.999,
                description="What-if: service level to use instead of the stored ones.",
                examples=[0.95],
            ),
        ]
        | None
    ) = None
    only_to_order: Annotated[bool, Field(description="Leave out items with nothing to order.")] = False
    sort: Annotated[
        Literal["stockout", "value", "name"],
        Field(description="Earliest stockout first, largest value first, or by store and item."),
    ] = "stockout"
    limit: RowsQuery | None = None
    cursor: CursorQuery | None = None


class DecisionsQuestion(Question):
    """Which decisions."""

    store_id: StoreQuery | None = None
    supplier_id: SupplierQuery | None = None
    status: Annotated[
        Literal["to_order", "accepted", "changed", "rejected"],
        Field(description="`to_order`: current decisions with units to order, for an ERP; or one kind of decision."),
    ] | None = None  # fmt: skip
    limit: RowsQuery | None = None
    cursor: CursorQuery | None = None


@router.get(
    "/inventory/orders",
    operation_id="listOrders",
    summary="Order proposals",
    response_model=OrderPage,
    responses={**READ, **openapi_responses("unknown-store", "nothing-published", "unusable-cursor"), **_TABLES},
)
async def orders(request: Request, runtime: RuntimeDep, question: Annotated[OrdersQuestion, Query()]) -> Response:
    """Order proposals for items whose stock is known: units in packs, day, value and reason.

    Proposals are computed from the served forecast with overrides, the stock, and accepted orders not yet included in
    the stock. Pages are consistent: if one of these changes between two pages, the cursor is rejected (409).
    """
    asked = OrderQuestion(**question.model_dump(exclude={"limit", "cursor"}))
    limit, cursor = question.limit, question.cursor
    media_type = choose_media_type(request.headers.get("accept"), (JSON, CSV, ARROW))

    def page(connection: Connection, active: Active) -> BaseModel:
        require_published(active)
        return order_page(connection, active, asked, limit, cursor)

    def table(connection: Connection, active: Active) -> pa.Table:
        require_published(active)
        found, start, _ = proposals_of(connection, active, asked, limit, cursor)
        return as_table(found.rows.iloc[start : None if limit is None else start + limit])

    if media_type == JSON:
        return await answer_from_ledger(request, runtime, page)
    return await _table(request, runtime, table, media_type)


@router.get(
    "/inventory/orders/decisions",
    operation_id="listOrderDecisions",
    summary="Decisions about orders",
    response_model=DecisionPage,
    responses={**READ, **openapi_responses("unusable-cursor"), **_TABLES},
)
async def decisions(request: Request, runtime: RuntimeDep, question: Annotated[DecisionsQuestion, Query()]) -> Response:
    """Decisions, oldest first; cursors stay valid, so a system can resume where it stopped."""
    asked = question.model_dump(exclude={"limit"})
    media_type = choose_media_type(request.headers.get("accept"), (JSON, CSV, ARROW))

    def table(connection: Connection, _active: Active) -> pa.Table:
        found = decision_page(connection, limit=question.limit, **asked)
        return pa.Table.from_pylist([one.model_dump() for one in found.decisions], schema=_DECISIONS)

    if media_type == JSON:
        limit = question.limit or 50
        return await answer_from_ledger(
            request, runtime, lambda connection, _active: decision_page(connection, limit=limit, **asked)
        )
    return await _table(request, runtime, table, media_type)


_DECISIONS = pa.schema(
    [
        ("decision_id", pa.int64()),
        ("store_id", pa.string()),
        ("item_id", pa.string()),
        ("supplier_id", pa.string()),
        ("decision", pa.string()),
        ("units", pa.int64()),
        ("proposed_units", pa.int64()),
        ("price", pa.float64()),
        ("order_date", pa.date32()),
        ("delivery_date", pa.date32()),
        ("run_id", pa.string()),
        ("author", pa.string()),
        ("decided_at", pa.timestamp("us", "UTC")),
        ("replaced_by", pa.int64()),
    ]
)


@router.post(
    "/inventory/orders/decisions",
    operation_id="postOrderDecisions",
    summary="Decide about orders",
    response_model=WrittenDecisions,
    status_code=201,
    responses={**POSTED, **openapi_responses("invalid-request", "key-reused")},
)
async def decide_about(
    request: Request, runtime: RuntimeDep, body: DecisionsRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Accept, change or reject proposals, in one transaction.

    Accepted and changed orders count as on order until the item's stock is dated on or after the order. Decisions are
    never deleted: for an item and order date, the last one counts.
    """
    author = author_of(request, body.author)
    key = key_of(request, idempotency_key)
    asked = [NewDecision(**row.model_dump()) for row in body.decisions]

    def work(engine: Engine) -> list[int]:
        try:
            return decide(
                engine,
                asked,
                author=author,
                lead_time_days=body.lead_time_days,
                service_level=body.service_level,
                key=key,
            )
        except ReusedDecisionKeyError as error:
            raise one_field("key-reused", "Idempotency-Key", str(error).rstrip(".")) from None

    ids = await runtime.writer.run(lambda engine: rows_told(lambda: work(engine), "decisions"))

    def read(connection: Connection) -> WrittenDecisions:
        return WrittenDecisions(decisions=decisions_of(connection, ids))

    return written(await runtime.reader.run(read), 201, "/inventory/orders/decisions")


async def _table(request: Request, runtime: Runtime, build: Any, media_type: str) -> Response:
    def encoded(connection: Connection) -> bytes:
        _, table = read_whole(connection, build)
        return encode(table, media_type)

    body = await runtime.reader.run(encoded)
    return respond(request, runtime, CachedBody(body, media_type), body_etag(body))
