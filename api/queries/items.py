"""Search among the served series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select

from api.active import Active
from api.paging import decode_cursor, encode_cursor
from api.queries.accuracy import error_values, newest_folds
from api.queries.series import SERVED_SERIES, run_of_store
from api.schemas.accuracy import SeriesBacktest
from api.schemas.items import ItemPage, Series
from models_ml.prediction_store.finals import Effect, final_mean
from models_ml.prediction_store.schema import backtest_series, forecasts, run_series
from models_ml.prediction_store.text import contains


def item_page(
    connection: Connection,
    active: Active,
    *,
    store_id: str | None,
    department_id: str | None,
    category_id: str | None,
    search: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> ItemPage:
    """Served series that match, sorted by item and store, by recent volume or by backtest error (largest first)."""
    if store_id is not None:
        run_of_store(active, store_id)
    filters: list[ColumnElement[bool]] = []
    if store_id is not None:
        filters.append(run_series.c.store_id == store_id)
        filters.append(run_series.c.run_id == active.by_store[store_id].run_id)
    if department_id is not None:
        filters.append(run_series.c.department_id == department_id)
    if category_id is not None:
        filters.append(run_series.c.category_id == category_id)
    if search is not None:
        filters.append(contains(run_series.c.item_id, search))
    total = connection.execute(select(func.count()).select_from(SERVED_SERIES).where(*filters)).scalar_one()

    asked = [store_id, department_id, category_id, search, sort]
    fingerprint = "|".join((active.token[:12], *("" if part is None else part for part in asked)))
    of_fold = [
        and_(backtest_series.c.run_id == run.run_id, backtest_series.c.fold == fold, backtest_series.c.model == model)
        for run, fold, model in newest_folds(connection, active.runs)
    ]
    joined = SERVED_SERIES.outerjoin(
        backtest_series,
        and_(
            *(backtest_series.c[key] == run_series.c[key] for key in ("run_id", "store_id", "item_id")),
            or_(*of_fold) if of_fold else literal(0) == 1,
        ),
    )
    errors = [backtest_series.c[name] for name in _ERRORS]
    statement = select(run_series, *errors).select_from(joined).where(*filters)
    statement = _sorted_after(statement, sort, decode_cursor(cursor, fingerprint, _KEY_KINDS[sort]))
    rows = connection.execute(statement.limit(limit + 1)).all()
    page = rows[:limit]
    sums = _horizon_units(connection, active, page)
    last = page[-1] if len(rows) > limit else None
    return ItemPage(
        items=[
            Series(
                item_id=row.item_id,
                store_id=row.store_id,
                department_id=row.department_id,
                category_id=row.category_id,
                region_id=row.region_id,
                run_id=row.run_id,
                price=row.price,
                units_last_28=row.units_last_28,
                forecast_units=sums[row.store_id, row.item_id][0],
                final_units=sums[row.store_id, row.item_id][1],
                demand_class=row.demand_class,
                launch_date=row.launch_date,
                backtest=None if row.fold is None else SeriesBacktest(fold=row.fold, **error_values(row)),
            )
            for row in page
        ],
        total=total,
        next_cursor=None if last is None else encode_cursor(fingerprint, _sort_key(sort, last)),
    )


_ERRORS = ("fold", "rmsse", "actual_units", "forecast_units", "absolute_error_units")
_NO_ERROR = -1.0
"""Sorts series without an RMSSE last."""

_KEY_KINDS: dict[str, tuple[type, ...]] = {
    "name": (str, str),
    "volume": (float, str, str),
    "error": (float, str, str),
}


def _sort_key(sort: str, row: Any) -> tuple[str | float, ...]:
    if sort == "name":
        return row.item_id, row.store_id
    largest = row.units_last_28 if sort == "volume" else _NO_ERROR if row.rmsse is None else row.rmsse
    return largest, row.item_id, row.store_id


def _sorted_after(statement: Select[Any], sort: str, after: tuple[str | float, ...] | None) -> Select[Any]:
    """Order by the sort key, from the row after `after` on (spelt out: SQL Server has no row values)."""
    item, store = run_series.c.item_id, run_series.c.store_id
    if sort == "name":
        if after is not None:
            last_item, last_store = after
            statement = statement.where(or_(item > last_item, and_(item == last_item, store > last_store)))
        return statement.order_by(item, store)
    largest: ColumnElement[float] = run_series.c.units_last_28
    if sort == "error":
        largest = func.coalesce(backtest_series.c.rmsse, literal(_NO_ERROR))
    if after is not None:
        last, last_item, last_store = after
        statement = statement.where(
            or_(
                largest < last,
                and_(largest == last, item > last_item),
                and_(largest == last, item == last_item, store > last_store),
            )
        )
    return statement.order_by(largest.desc(), item, store)


def _horizon_units(
    connection: Connection, active: Active, page: Sequence[Any]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Sums of the mean and of the final over the horizon, by store and item; `page` has rows of `run_series`."""
    sums = dict.fromkeys(((row.store_id, row.item_id) for row in page), (0.0, 0.0))
    of_store: dict[tuple[str, str], dict[str, tuple[Effect, ...]]] = defaultdict(dict)
    for row in page:
        effects = active.effects_on(active.by_store[row.store_id], row._mapping)
        of_store[row.run_id, row.store_id][row.item_id] = effects
    for (run_id, store_id), effects_of in of_store.items():
        rows = connection.execute(
            select(forecasts.c.item_id, forecasts.c.target_date, forecasts.c.mean).where(
                forecasts.c.run_id == run_id,
                forecasts.c.store_id == store_id,
                forecasts.c.item_id.in_(list(effects_of)),
            )
        )
        for item_id, target, mean in rows:
            before, after = sums[store_id, item_id]
            final = final_mean(effects_of[item_id], target.isoformat(), mean)
            sums[store_id, item_id] = before + mean, after + final
    return sums
