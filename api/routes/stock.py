"""Stock on hand and on order, and supply terms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.answers import answer_from_ledger
from api.deps import CursorQuery, LimitQuery, Question, RuntimeDep
from api.queries.replenishment import count_not_forecast, stock_state, supply_table
from api.routes.responses import POSTED, READ, openapi_responses
from api.schemas.replenishment import (
    MOST_ROWS,
    StockRequest,
    StockState,
    Stored,
    SupplyRequest,
    SupplyStored,
    SupplyTable,
)
from api.uploads import body_of, frame_in, rows_told
from api.writing import writer_of, written
from models_ml.prediction_store.replenishment import (
    STOCK_COLUMNS,
    SUPPLY_COLUMNS,
    checked_stock,
    checked_supply,
    put_stock,
    put_supply,
)

router = APIRouter(tags=["replenishment"])

_WRITTEN = {**POSTED, **openapi_responses("invalid-request")}


class SupplyQuestion(Question):
    """Which page."""

    limit: LimitQuery = 50
    cursor: CursorQuery | None = None


@router.get("/stock", operation_id="getStock", summary="Stores whose stock is known", response_model=StockState,
            responses=READ)  # fmt: skip
async def state(request: Request, runtime: RuntimeDep) -> Response:
    """Stores with known stock, the stock's dates, and the suppliers."""
    return await answer_from_ledger(request, runtime, stock_state)


@router.put(
    "/stock",
    operation_id="putStock",
    summary="Store stock on hand and on order",
    response_model=Stored,
    responses=_WRITTEN,
    openapi_extra=body_of(StockRequest, STOCK_COLUMNS, ["CA_1", "FOODS_1_001", "2016-05-22", "12", "24", "2016-05-25"]),
)
async def put(request: Request, runtime: RuntimeDep) -> Response:
    """Replace the stock of the given items; other items are unchanged.

    All rows are stored or none; errors are reported by row. A CSV has a header line with the field names. An item with
    several arrivals has one row for each. Repeating a request has no effect.
    """
    author = writer_of(request)
    frame = frame_in(request.headers.get("content-type", ""), await request.body(), StockRequest, MOST_ROWS)
    rows = rows_told(lambda: checked_stock(frame), "stock")
    await runtime.writer.run(lambda engine: put_stock(engine, rows, author=author))
    keys = list(rows.levels[["store_id", "item_id"]].itertuples(index=False, name=None))

    def read(connection: Connection) -> Stored:
        return Stored(rows=len(frame), not_forecast=count_not_forecast(connection, keys))

    return written(await runtime.reader.run(read))


@router.get(
    "/supply",
    operation_id="listSupply",
    summary="Supply terms",
    response_model=SupplyTable,
    responses={**READ, **openapi_responses("unusable-cursor")},
)
async def supply(request: Request, runtime: RuntimeDep, question: Annotated[SupplyQuestion, Query()]) -> Response:
    """Supplier, lead time, weekdays, packs, minimum and shelf life by store, department and item."""
    return await answer_from_ledger(
        request, runtime, lambda connection, _active: supply_table(connection, **dict(question))
    )


@router.put(
    "/supply",
    operation_id="putSupply",
    summary="Store supply terms",
    response_model=SupplyStored,
    responses=_WRITTEN,
    openapi_extra=body_of(
        SupplyRequest, SUPPLY_COLUMNS, ["", "FOODS_1", "", "Dairy North", "3", "", "mon thu", "12", "24", "14"]
    ),
)
async def put_all_supply(request: Request, runtime: RuntimeDep) -> Response:
    """Replace all stored supply terms. All rows are stored or none.

    Blank keys match everything. For each term, a row with an item takes precedence over one with a department, and that
    over one with a store only. Without a lead time in any row, the inventory terms' lead time is used.
    """
    author = writer_of(request)
    frame = frame_in(request.headers.get("content-type", ""), await request.body(), SupplyRequest, MOST_ROWS)
    rows = rows_told(lambda: checked_supply(frame), "supply")
    await runtime.writer.run(lambda engine: put_supply(engine, rows, author=author))
    return written(SupplyStored(rows=len(rows)))
