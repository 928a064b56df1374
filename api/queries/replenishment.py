"""Stock, supply, order proposals and decisions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select
from sqlalchemy.orm import aliased

from api.active import Active
from api.errors import ApiError
from api.paging import decode_cursor, encode_cursor
from api.queries.series import SERVED_SERIES, run_of_store, utc
from api.schemas.replenishment import (
    DecisionPage,
    OrderDecision,
    OrderPage,
    OrderProposal,
    StockState,
    StoreStock,
    SupplyRow,
    SupplyTable,
)
from models_ml.inventory.proposals import OrderQuestion, Proposals, as_table, read_proposals
from models_ml.prediction_store.replenishment import SUPPLY_COLUMNS, SUPPLY_KEYS, state_of, weekday_names
from models_ml.prediction_store.schema import order_decisions, run_series, stock, supply

USUAL_LIMIT = 50


def proposals_of(
    connection: Connection, active: Active, asked: OrderQuestion, limit: int | None, cursor: str | None
) -> tuple[Proposals, int, str | None]:
    """Proposals that match, the place of the first one of the page, and the cursor after it.

    Raises:
        ApiError: kinds `unknown-store`, `unusable-cursor`.
    """
    if asked.store_id is not None:
        run_of_store(active, asked.store_id)
    fingerprint = f"orders|{active.token[:12]}|{state_of(connection)}|{asked}"
    after = decode_cursor(cursor, fingerprint, (int,))
    found = read_proposals(connection, asked)
    start = 0 if after is None else int(after[0])
    end = len(found.rows) if limit is None else min(start + limit, len(found.rows))
    return found, start, encode_cursor(fingerprint, (end,)) if end < len(found.rows) else None


def order_page(
    connection: Connection, active: Active, asked: OrderQuestion, limit: int | None, cursor: str | None
) -> OrderPage:
    """A page of proposals, with what they come to.

    Raises:
        ApiError: kinds `unknown-store`, `unusable-cursor`.
    """
    limit = USUAL_LIMIT if limit is None else limit
    found, start, following = proposals_of(connection, active, asked, limit, cursor)
    rows = as_table(found.rows.iloc[start : start + limit]).to_pylist()
    return OrderPage(
        orders=[OrderProposal.model_construct(**row) for row in rows],
        total=len(found.rows),
        to_order=int((found.rows["order_units"] > 0).sum()),
        order_value=float(found.rows["order_value"].sum()),
        without_stock=found.without_stock,
        beyond_forecast=found.beyond_forecast,
        next_cursor=following,
    )


def stock_state(connection: Connection, active: Active) -> StockState:
    """What is known of the stock of each store."""
    query = (
        select(
            stock.c.store_id,
            func.count().label("items"),
            func.min(stock.c.as_of_date).label("first_as_of"),
            func.max(stock.c.as_of_date).label("last_as_of"),
            func.max(stock.c.stored_at).label("stored_at"),
        )
        .group_by(stock.c.store_id)
        .order_by(stock.c.store_id)
    )
    named = select(supply.c.supplier_id).distinct().where(supply.c.supplier_id.is_not(None))
    suppliers = connection.execute(named.order_by(supply.c.supplier_id)).scalars().all()
    stores = []
    for row in connection.execute(query).mappings():
        run = active.by_store.get(row["store_id"])
        origin = None if run is None else run.origin
        stores.append(StoreStock(**{**row, "stored_at": utc(row["stored_at"]), "origin": origin}))
    return StockState(stores=stores, suppliers=list(suppliers))


def count_not_forecast(connection: Connection, keys: list[tuple[str, str]]) -> int:
    """How many of the stores and items are not forecast by a served run."""
    served: set[tuple[str, str]] = set()
    for store in {store for store, _ in keys}:
        items = select(run_series.c.item_id).select_from(SERVED_SERIES).where(run_series.c.store_id == store)
        served |= {(store, item) for item in connection.execute(items).scalars()}
    return sum(key not in served for key in keys)


def supply_table(connection: Connection, *, limit: int, cursor: str | None) -> SupplyTable:
    """Rows of supply, by keys.

    Raises:
        ApiError: kind `unusable-cursor`.
    """
    total, stored = connection.execute(select(func.count(), func.max(supply.c.stored_at))).one()
    fingerprint = f"supply|{stored}"
    after = decode_cursor(cursor, fingerprint, (str, str, str))
    query = select(*(supply.c[name] for name in SUPPLY_COLUMNS))
    columns: list[ColumnElement[Any]] = [supply.c[name] for name in SUPPLY_KEYS]
    if after is not None:  # spelt out: SQL Server has no row values
        query = query.where(
            or_(
                *(
                    and_(*(columns[n] == after[n] for n in range(place)), columns[place] > after[place])
                    for place in range(len(columns))
                )
            )
        )
    rows = connection.execute(query.order_by(*columns).limit(limit + 1)).mappings().all()
    page = [
        SupplyRow(**{**row, **{name: weekday_names(row[name]) for name in ("order_weekdays", "delivery_weekdays")}})
        for row in rows[:limit]
    ]
    last = page[-1] if len(rows) > limit else None
    key = None if last is None else (last.store_id, last.department_id, last.item_id)
    return SupplyTable(supply=page, total=total, next_cursor=None if key is None else encode_cursor(fingerprint, key))


_later = aliased(order_decisions)
_REPLACED_BY = (
    select(func.min(_later.c.decision_id))
    .where(
        _later.c.store_id == order_decisions.c.store_id,
        _later.c.item_id == order_decisions.c.item_id,
        _later.c.order_date == order_decisions.c.order_date,
        _later.c.decision_id > order_decisions.c.decision_id,
    )
    .scalar_subquery()
)
_DECISION: list[Any] = [order_decisions, _REPLACED_BY.label("replaced_by")]


def _decision(row: Any) -> OrderDecision:
    values = {name: row[name] for name in OrderDecision.model_fields}
    return OrderDecision(**{**values, "decided_at": utc(row["decided_at"])})


def decisions_of(connection: Connection, ids: list[int]) -> list[OrderDecision]:
    """Decisions by id, in the order of the ids."""
    found: dict[int, OrderDecision] = {}
    for start in range(0, len(ids), 1000):
        query = select(*_DECISION).where(order_decisions.c.decision_id.in_(ids[start : start + 1000]))
        found |= {row["decision_id"]: _decision(row) for row in connection.execute(query).mappings()}
    return [found[one] for one in ids]


def decision_page(
    connection: Connection,
    *,
    store_id: str | None,
    supplier_id: str | None,
    status: str | None,
    limit: int | None,
    cursor: str | None,
) -> DecisionPage:
    """Decisions that match, oldest first.

    Raises:
        ApiError: kind `unusable-cursor`.
    """
    filters: list[ColumnElement[bool]] = []
    if store_id is not None:
        filters.append(order_decisions.c.store_id == store_id)
    if supplier_id is not None:
        filters.append(order_decisions.c.supplier_id == supplier_id)
    if status == "to_order":
        filters += [order_decisions.c.units > 0, _REPLACED_BY.is_(None)]
    elif status is not None:
        filters.append(order_decisions.c.decision == status)
    total = connection.execute(select(func.count()).select_from(order_decisions).where(*filters)).scalar_one()
    # the ledger only grows at its end, so a cursor stays good when a decision is made
    fingerprint = f"decisions|{store_id or ''}|{supplier_id or ''}|{status or ''}"
    after = decode_cursor(cursor, fingerprint, (int,))
    if after is not None:
        if not 0 <= int(after[0]) < 2**31:
            raise ApiError("unusable-cursor", "This is not a cursor of this listing. Start at the first page.")
        filters.append(order_decisions.c.decision_id > after[0])
    query = select(*_DECISION).where(*filters).order_by(order_decisions.c.decision_id)
    rows = connection.execute(query if limit is None else query.limit(limit + 1)).mappings().all()
    page = [_decision(row) for row in rows[:limit]]
    more = limit is not None and len(rows) > limit
    return DecisionPage(
        decisions=page,
        total=total,
        next_cursor=encode_cursor(fingerprint, (page[-1].decision_id,)) if more else None,
    )
