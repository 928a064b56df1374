"""Forecasts of many series, in portions that each hold a connection for a moment only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from api.active import Active, with_final
from api.errors import ApiError
from api.queries.series import SERVED_SERIES, run_of_store, value_columns
from models_ml.prediction_store.finals import Effect
from models_ml.prediction_store.override_effects import SERIES_ATTRIBUTES
from models_ml.prediction_store.schema import forecasts, run_series

SERIES_PER_PORTION = 100
"""100 series are some 3,000 rows: large enough to be fast, small enough for SQL Server's 2,100 parameters."""

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


def portion_rows(
    connection: Connection, active: Active, portion: Portion, quantiles: Sequence[str]
) -> Sequence[Sequence[Any]]:
    """item_id, target_date, mean, the final's quantiles and the final of a portion, in order of item and date.

    Rows of a run never change, and `active` holds the overrides: portions read one after the other belong together.
    """
    run_id, store_id, items = portion
    effects = _effects(connection, active, portion)
    rows = connection.execute(
        select(forecasts.c.item_id, forecasts.c.target_date, *value_columns(forecasts.c, quantiles))
        .where(forecasts.c.run_id == run_id, forecasts.c.store_id == store_id, forecasts.c.item_id.in_(items))
        .order_by(forecasts.c.item_id, forecasts.c.target_date)
    ).all()
    if not effects:
        return [(*row, row[2]) for row in rows]
    return [(row[0], row[1], *with_final((row[1].isoformat(), *row[2:]), effects.get(row[0], ()))[1:]) for row in rows]


def _effects(connection: Connection, active: Active, portion: Portion) -> dict[str, tuple[Effect, ...]]:
    """Overrides on each item of a portion that has any."""
    run_id, store_id, items = portion
    if run_id not in active.effects:
        return {}
    rows = connection.execute(
        select(*(run_series.c[name] for name in SERIES_ATTRIBUTES)).where(
            run_series.c.run_id == run_id, run_series.c.store_id == store_id, run_series.c.item_id.in_(items)
        )
    ).mappings()
    found = {row["item_id"]: active.effects_on(active.by_store[store_id], dict(row)) for row in rows}
    return {item_id: effects for item_id, effects in found.items() if effects}
