"""Forecasts of many series, in portions that each hold a connection for a moment only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, select

from api.active import Active
from api.errors import ApiError
from api.queries.series import SERVED_SERIES, run_of_store
from api.series import quantile_columns
from models_ml.prediction_store.blocks import Block, read_block, step_dates
from models_ml.prediction_store.schema import run_series

SERIES_PER_PORTION = 500
"""500 series are some 14,000 rows: large enough to be fast, a few MB of memory."""

Portion = tuple[str, str, list[str]]
"""run_id, store_id and items."""


def matching_series(connection: Connection, filters: Mapping[str, str], most: int) -> list[tuple[str, str, str]]:
    """Run, store and item of the served series that match, in that order of store and item.

    Raises:
        ApiError: more than `most` (kind `too-many-series`).
    """
    where: list[ColumnElement[bool]] = [run_series.c[key] == value for key, value in filters.items()]
    rows = connection.execute(
        select(run_series.c.run_id, run_series.c.store_id, run_series.c.item_id)
        .select_from(SERVED_SERIES)
        .where(*where)
        .order_by(run_series.c.store_id, run_series.c.item_id)
        .limit(most + 1)
    ).all()
    if len(rows) > most:
        raise too_many(most)
    return [(row.run_id, row.store_id, row.item_id) for row in rows]


def named_series(
    connection: Connection, active: Active, keys: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """The served ones among (store, item) pairs, and those that are not served.

    Raises:
        ApiError: a store is not served (kind `unknown-store`).
    """
    found: set[tuple[str, str]] = set()
    ordered = sorted(set(keys))
    for store_id, group in groupby(ordered, key=lambda key: key[0]):
        run = run_of_store(active, store_id)
        items = [item_id for _, item_id in group]
        for start in range(0, len(items), 500):
            rows = connection.execute(
                select(run_series.c.item_id).where(
                    run_series.c.run_id == run.run_id,
                    run_series.c.store_id == store_id,
                    run_series.c.item_id.in_(items[start : start + 500]),
                )
            )
            found |= {(store_id, item_id) for (item_id,) in rows}
    served = [(active.by_store[store].run_id, store, item) for store, item in ordered if (store, item) in found]
    return served, [key for key in ordered if key not in found]


def too_many(most: int) -> ApiError:
    """More series than one answer may have."""
    return ApiError("too-many-series", f"At most {most} series in one answer. Ask by store_id or department_id.")


def portions(series: Sequence[tuple[str, str, str]]) -> Iterator[Portion]:
    """Series of one store at a time, at most `SERIES_PER_PORTION` of them."""
    for (run_id, store_id), group in groupby(series, key=lambda one: one[:2]):
        items = [item_id for _, _, item_id in group]
        for start in range(0, len(items), SERIES_PER_PORTION):
            yield run_id, store_id, items[start : start + SERIES_PER_PORTION]


def read_portion(connection: Connection, active: Active, portion: Portion, quantiles: Sequence[str]) -> Block:
    """Forecasts of a portion: means, and what overrides make of them.

    Rows of a run never change, and `active` holds the overrides: portions read one after the other belong together.
    """
    run_id, store_id, items = portion
    run = active.by_store[store_id]
    columns = quantile_columns(tuple(quantiles))
    dates = step_dates(run.origin, run.horizon_days, run.step_days)
    return read_block(connection, run_id, store_id, items, dates, columns, active.effects.get(run_id, ()))
