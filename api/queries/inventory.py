"""Ordering policies of the served series, for the final forecast: after overrides.

The store holds the policies for the model's forecast. Those that an override moves are derived from it at reading.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, cast, func, literal, or_, select

from api.active import Active, ActiveRun
from api.errors import ApiError
from api.paging import decode_cursor, encode_cursor
from api.queries.final_policies import Moved, moved_policies
from api.queries.series import SERVED_SERIES, run_of_store, unknown_series
from api.schemas.inventory import (
    InventoryAnswer,
    InventoryDepartment,
    InventoryDepartments,
    InventoryPage,
    InventoryPolicy,
    OrderingTerms,
    OrderSuggestion,
    PolicyFigures,
    PolicySeries,
    StockFigures,
)
from models_ml.inventory.policy import FIGURES
from models_ml.prediction_store.schema import REAL, inventory_policy, run_series

SERVED_POLICIES = SERVED_SERIES.join(
    inventory_policy,
    and_(*(inventory_policy.c[key] == run_series.c[key] for key in ("run_id", "store_id", "item_id"))),
)
"""Policies of the stores, each from the run that its store is served from."""

_STOCK_VALUE = inventory_policy.c.mean_stock * run_series.c.price
_POLICY: list[Any] = [
    run_series,
    *(column for column in inventory_policy.c if not column.primary_key),
    _STOCK_VALUE.label("stock_value"),
]
_TERMS = list(OrderingTerms.model_fields)
_SERIES = [name for name in PolicySeries.model_fields if name != "terms"]
_UNPRICED = -1.0
"""Sorts series without a price last."""


def inventory_of(
    connection: Connection, active: Active, *, store_id: str, item_id: str, on_hand: float | None, on_order: float
) -> InventoryAnswer:
    """Policy of one series, and what to order given its stock.

    Raises:
        ApiError: kinds `unknown-store`, `unknown-item`, `unknown-series`, `no-policy`.
    """
    run = run_of_store(active, store_id)
    of_series = [run_series.c[key] == value for key, value in _key(run, store_id, item_id).items()]
    row = connection.execute(select(*_POLICY).select_from(SERVED_POLICIES).where(*of_series)).one_or_none()
    if row is None:
        if connection.execute(select(run_series.c.item_id).where(*of_series)).first() is None:
            raise unknown_series(connection, run, store_id, item_id)
        raise ApiError(
            "no-policy",
            f"{run.run_id} holds no policy for '{item_id}' in '{store_id}': its lead time and review period together "
            f"are longer than the forecast of {run.horizon_days} days, or the run is older than policies are.",
        )
    policy = policy_of(row, moved_policies(connection, active, [row]))
    order = None if on_hand is None else suggestion(policy, on_hand, on_order)
    return InventoryAnswer(run=run.reference, policy=policy, order=order)


def _key(run: ActiveRun, store_id: str, item_id: str) -> dict[str, str]:
    return {"run_id": run.run_id, "store_id": store_id, "item_id": item_id}


def policy_of(row: Any, moved: Mapping[tuple[str, str], Moved]) -> InventoryPolicy:
    """A row as an answer, for the final forecast."""
    terms = OrderingTerms(**{name: getattr(row, name) for name in _TERMS})
    series = {name: getattr(row, name) for name in _SERIES}
    model = {name: getattr(row, name) for name in (*FIGURES, "stock_value")}
    change = moved.get((row.store_id, row.item_id))
    if change is None:
        return InventoryPolicy(terms=terms, **series, **model, model=None, overrides=[])
    final = change.figures.model_dump()
    return InventoryPolicy(terms=terms, **series, **final, model=PolicyFigures(**model), overrides=change.overrides)


def suggestion(policy: InventoryPolicy, on_hand: float, on_order: float) -> OrderSuggestion:
    """What lifts the stock to the order-up-to level, in whole units."""
    position = on_hand + on_order
    return OrderSuggestion(
        on_hand=on_hand,
        on_order=on_order,
        order_units=max(0, math.ceil(policy.order_up_to - position)),
        below_reorder_point=position < policy.reorder_point,
    )


def filters_of(
    active: Active, store_id: str | None, department_id: str | None, category_id: str | None
) -> list[ColumnElement[bool]]:
    """Conditions on the served series.

    Raises:
        ApiError: kind `unknown-store`.
    """
    filters: list[ColumnElement[bool]] = []
    if store_id is not None:
        run = run_of_store(active, store_id)
        filters += [run_series.c.store_id == store_id, run_series.c.run_id == run.run_id]
    if department_id is not None:
        filters.append(run_series.c.department_id == department_id)
    if category_id is not None:
        filters.append(run_series.c.category_id == category_id)
    return filters


def inventory_page(
    connection: Connection,
    active: Active,
    *,
    store_id: str | None,
    department_id: str | None,
    category_id: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> InventoryPage:
    """Policies that match, by item and store, or by the value of their stock (largest first)."""
    filters = filters_of(active, store_id, department_id, category_id)
    total = connection.execute(select(func.count()).select_from(SERVED_POLICIES).where(*filters)).scalar_one()
    asked = ["inventory", store_id, department_id, category_id, sort]
    fingerprint = "|".join((active.token[:12], *("" if part is None else part for part in asked)))
    after = decode_cursor(cursor, fingerprint, (str, str) if sort == "name" else (float, str, str))
    if sort == "value" and active.effects:
        rows, moved = _by_final_value(connection, active, filters, after, limit + 1)
    else:
        rows = _in_order(connection, filters, sort, after, limit + 1)
        moved = moved_policies(connection, active, rows[:limit])
    items = [policy_of(row, moved) for row in rows[:limit]]
    next_cursor = None
    if len(rows) > limit:
        last = items[-1]
        key = (last.item_id, last.store_id)
        next_cursor = encode_cursor(fingerprint, key if sort == "name" else (_valued(last.stock_value), *key))
    return InventoryPage(items=items, total=total, next_cursor=next_cursor)


def _valued(stock_value: float | None) -> float:
    return _UNPRICED if stock_value is None else stock_value


def _in_order(
    connection: Connection,
    filters: Sequence[ColumnElement[bool]],
    sort: str,
    after: tuple[Any, ...] | None,
    most: int,
) -> Sequence[Any]:
    """Rows of `_POLICY` behind a cursor, by name or by the value of the model's stock."""
    item, store = run_series.c.item_id, run_series.c.store_id
    value = func.coalesce(_STOCK_VALUE, literal(_UNPRICED))
    statement = select(*_POLICY).select_from(SERVED_POLICIES).where(*filters)
    if after is not None:  # spelt out: SQL Server has no row values
        *largest, last_item, last_store = after
        behind = or_(item > last_item, and_(item == last_item, store > last_store))
        statement = statement.where(or_(value < largest[0], and_(value == largest[0], behind)) if largest else behind)
    statement = statement.order_by(*([] if sort == "name" else [value.desc()]), item, store)
    return connection.execute(statement.limit(most)).all()


def _by_final_value(
    connection: Connection,
    active: Active,
    filters: Sequence[ColumnElement[bool]],
    after: tuple[Any, ...] | None,
    most: int,
) -> tuple[Sequence[Any], Mapping[tuple[str, str], Moved]]:
    """Rows of `_POLICY` behind a cursor by the value of the final stock, which the database does not know."""
    rows = connection.execute(select(*_POLICY).select_from(SERVED_POLICIES).where(*filters)).all()
    moved = moved_policies(connection, active, rows)

    def place(row: Any) -> tuple[float, str, str]:
        change = moved.get((row.store_id, row.item_id))
        return -_valued(row.stock_value if change is None else change.figures.stock_value), row.item_id, row.store_id

    ordered = sorted(rows, key=place)
    if after is not None:
        ordered = [row for row in ordered if place(row) > (-after[0], after[1], after[2])]
    return ordered[:most], moved


def inventory_departments(
    connection: Connection, active: Active, *, store_id: str | None, category_id: str | None
) -> InventoryDepartments:
    """Stock of every department of every store that matches."""
    filters = filters_of(active, store_id, None, category_id)
    keys = [run_series.c[name] for name in ("store_id", "department_id", "category_id", "run_id")]
    policy, price = inventory_policy.c, run_series.c.price
    sums: dict[str, ColumnElement[Any]] = {
        "expected_demand": policy.expected_demand,
        "mean_stock": policy.mean_stock,
        "expected_short": policy.expected_short,
        "order_up_to": cast(policy.order_up_to, REAL),  # SQL Server's sum of integers overflows
        "stock_value": func.coalesce(_STOCK_VALUE, 0.0),
        "safety_stock_value": func.coalesce(policy.safety_stock * price, 0.0),
    }
    rows = (
        connection.execute(
            select(
                *keys,
                func.count().label("items"),
                func.sum(case((price.is_(None), 1), else_=0)).label("unpriced_items"),
                *(func.sum(column).label(name) for name, column in sums.items()),
            )
            .select_from(SERVED_POLICIES)
            .where(*filters)
            .group_by(*keys)
            .order_by(run_series.c.store_id, run_series.c.department_id)
        )
        .mappings()
        .all()
    )
    moved, added = _added_by_overrides(connection, active, filters)
    departments = []
    for row in rows:
        key = (row["store_id"], row["department_id"])
        model = {name: row[name] for name in sums} | {"order_up_to": round(row["order_up_to"])}
        if key not in moved:
            departments.append(InventoryDepartment(**{**row, **model}, model=None, overridden_items=0))
            continue
        final = {name: model[name] + added[key][name] for name in sums}
        final |= {name: max(0.0, final[name]) for name in sums if name != "safety_stock_value"}
        departments.append(
            InventoryDepartment(**{**row, **final}, model=StockFigures(**model), overridden_items=moved[key])
        )
    return InventoryDepartments(departments=departments)


def _added_by_overrides(
    connection: Connection, active: Active, filters: Sequence[ColumnElement[bool]]
) -> tuple[Mapping[tuple[str, str], int], Mapping[tuple[str, str], Mapping[str, float]]]:
    """By store and department: how many policies overrides move, and what they add to the sums of `StockFigures`."""
    if not active.effects:
        return {}, {}
    rows = connection.execute(select(*_POLICY).select_from(SERVED_POLICIES).where(*filters)).all()
    moved = moved_policies(connection, active, rows)
    counted: dict[tuple[str, str], int] = defaultdict(int)
    added: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: dict.fromkeys(StockFigures.model_fields, 0))
    for row in rows:
        change = moved.get((row.store_id, row.item_id))
        if change is None:
            continue
        key, figures = (row.store_id, row.department_id), change.figures
        counted[key] += 1
        for name in ("expected_demand", "order_up_to", "mean_stock", "expected_short"):
            added[key][name] += getattr(figures, name) - getattr(row, name)
        if row.price is not None:
            added[key]["stock_value"] += (figures.stock_value or 0.0) - row.stock_value
            added[key]["safety_stock_value"] += (figures.safety_stock - row.safety_stock) * row.price
    return counted, added
