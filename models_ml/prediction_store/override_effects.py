"""What overrides do to the runs that are served.

It is kept beside the runs (`override_effects`, `override_node_units`) and made anew in the transaction that changes
it: an override made or revoked, a pointer moved. The runs' own rows never change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from heapq import nlargest
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Unicode, and_, delete, func, insert, select, type_coerce, update

from models_ml.hierarchy.levels import AGGREGATE_LEVELS, node_name, parse_node
from models_ml.prediction_store.finals import Adjustment, DayEffect, Effect, Floats, SeriesBelow, adjust
from models_ml.prediction_store.schema import (
    active_runs,
    forecasts,
    model_runs,
    override_effects,
    override_node_units,
    overrides,
    run_nodes,
    run_series,
)

SERIES_ATTRIBUTES = ("store_id", "item_id", "department_id", "category_id", "region_id")
"""Attributes of a series that overrides select by."""


def in_force(connection: Connection, span: tuple[date, date]) -> list[Adjustment]:
    """Overrides that are not revoked and valid on a day from `span[0]` to `span[1]`, in order of creation."""
    columns = [overrides.c[name] for name in ("override_id", "node_id", "kind", "value", "valid_from", "valid_to")]
    found = connection.execute(
        select(*columns)
        .where(overrides.c.revoked_at.is_(None), overrides.c.valid_to >= span[0], overrides.c.valid_from <= span[1])
        .order_by(overrides.c.override_id)
    )
    return [Adjustment(*row) for row in found]


def served_span(connection: Connection) -> tuple[date, date] | None:
    """First and last day that runs which are served forecast; None when none is."""
    first, last, days = connection.execute(
        select(func.min(model_runs.c.origin), func.max(model_runs.c.origin), func.max(model_runs.c.horizon_days)).where(
            model_runs.c.run_id.in_(select(active_runs.c.run_id))
        )
    ).one()
    return None if first is None else (first + timedelta(days=1), last + timedelta(days=days))


def hold_pointers(connection: Connection) -> None:
    """Lock what is served for this transaction: of two that would change the finals, one waits for the other."""
    connection.execute(update(active_runs).values(run_id=active_runs.c.run_id))


MOST_OVERLAPS = 20


def overlapping(connection: Connection, asked: Sequence[Adjustment]) -> list[list[int]]:
    """For each of the overrides asked about, others in force that change one of its series on one of its days.

    Returns:
        Their ids, newest first, at most `MOST_OVERLAPS`.
    """
    span = served_span(connection)
    known = [] if span is None else in_force(connection, span)
    served = connection.execute(select(active_runs.c.run_id, active_runs.c.store_id)).tuples().all()
    rows_below = SeriesBelow(series_of_runs(connection, served, [one.node_id for one in asked]))
    of_node: dict[str, list[Adjustment]] = defaultdict(list)
    for one in reversed(known):
        of_node[one.node_id].append(one)
    nodes_of_row: dict[int, list[str]] = defaultdict(list)
    for node_id in of_node:
        for row in rows_below.node(node_id).tolist():
            nodes_of_row[row].append(node_id)

    @cache
    def changing(node_id: str, first: date, last: date) -> list[int]:
        nodes = {found for row in rows_below.node(node_id).tolist() for found in nodes_of_row[row]}
        others = (one for node in nodes for one in of_node[node])
        ids = (one.override_id for one in others if one.valid_from <= last and first <= one.valid_to)
        return nlargest(MOST_OVERLAPS + 1, ids)

    return [
        [found for found in changing(one.node_id, one.valid_from, one.valid_to) if found != one.override_id][
            :MOST_OVERLAPS
        ]
        for one in asked
    ]


def refresh(connection: Connection) -> None:
    """Make anew what the overrides in force do to the runs that are served; part of the caller's transaction."""
    hold_pointers(connection)
    served_runs = select(active_runs.c.run_id)
    for table in (override_effects, override_node_units):
        connection.execute(delete(table).where(table.c.run_id.in_(served_runs)))
    span = served_span(connection)
    adjustments = [] if span is None else in_force(connection, span)
    if span is None or not adjustments:
        return
    served = load_served(connection, span, adjustments)
    finals, done = adjust(served.series, served.means, served.days, served.adjustments)
    runs, rows_below, node_of = served.series["run_id"], SeriesBelow(served.series), served.node_of
    effects = [
        {
            "run_id": run_id,
            "override_id": override_id,
            "target_date": day,
            "factor": on.factor,
            "units_each": on.units_each,
        }
        for override_id, days in done.items()
        for run_id in np.unique(runs[rows_below.node(node_of[override_id])]).tolist()
        for day, on in days.items()
    ]
    if effects:
        connection.execute(insert(override_effects), effects)
        added = _node_units(connection, served, finals - served.means)
        if added:
            connection.execute(insert(override_node_units), added)


def _node_units(connection: Connection, served: Served, added: Floats) -> list[dict[str, Any]]:
    """Rows of `override_node_units`: what was added to the series, summed up to the nodes of levels 1 to 9."""
    added = np.nan_to_num(added)
    changed = np.flatnonzero(np.abs(added).max(axis=1, initial=0.0) > 0)
    runs = served.series["run_id"][changed]
    places = [{key: served.series[key][row] for key in SERIES_ATTRIBUTES} for row in changed]
    known = connection.execute(
        select(run_nodes.c.run_id, run_nodes.c.node_id).where(run_nodes.c.run_id.in_(select(active_runs.c.run_id)))
    )
    nodes = {tuple(row) for row in known}
    rows: list[dict[str, Any]] = []
    for level in AGGREGATE_LEVELS:
        names = [(run_id, node_name(level, place)) for run_id, place in zip(runs.tolist(), places, strict=True)]
        order = {name: n for n, name in enumerate(dict.fromkeys(names))}
        sums = np.zeros((len(order), len(served.days)))
        np.add.at(sums, [order[name] for name in names], added[changed])
        rows += [
            {"run_id": run_id, "node_id": node_id, "target_date": served.days[column], "added_units": units}
            for (run_id, node_id), row in order.items()
            if (run_id, node_id) in nodes
            for column, units in enumerate(sums[row].tolist())
            if units
        ]
    return rows


@dataclass(frozen=True)
class Served:
    """Series of the stores, each from the run it is served from, as far as overrides reach."""

    series: Mapping[str, NDArray[Any]]
    means: Floats
    days: tuple[date, ...]
    adjustments: Sequence[Adjustment]
    span: tuple[date, date]

    @property
    def node_of(self) -> dict[int, str]:
        """Node of each override."""
        return {one.override_id: one.node_id for one in self.adjustments}


def load_served(connection: Connection, span: tuple[date, date], adjustments: Sequence[Adjustment]) -> Served:
    """Served series below the adjustments' nodes, and their means on the days in their validity."""
    first, last = span
    start = max(first, min(one.valid_from for one in adjustments))
    end = min(last, max(one.valid_to for one in adjustments))
    days = tuple(start + timedelta(days=n) for n in range((end - start).days + 1))
    served = connection.execute(select(active_runs.c.run_id, active_runs.c.store_id)).tuples().all()
    series = series_of_runs(connection, served, [one.node_id for one in adjustments])
    means = means_of(connection, series, days) if days else np.empty((len(series["item_id"]), 0))
    return Served(series, means, days, adjustments, span)


def series_of_runs(
    connection: Connection, pairs: Iterable[tuple[str, str]], nodes: Iterable[str]
) -> dict[str, NDArray[Any]]:
    """Series of runs in stores (pairs of both) that are below any of the nodes, ordered by store and item.

    Returns:
        An array a column: run_id and the attributes of a series.
    """
    wanted_pairs = set(pairs)
    names = ("run_id", *SERIES_ATTRIBUTES)
    columns_read = [run_series.c[name] for name in names]
    # Stores are picked here: SQL Server takes no more than 2,100 parameters, and a retailer may have more stores.
    rows = [
        row
        for run_id in sorted({run_id for run_id, _ in wanted_pairs})
        for row in connection.execute(select(*columns_read).where(run_series.c.run_id == run_id))
        if (run_id, row.store_id) in wanted_pairs
    ]
    rows.sort(key=lambda row: (row.store_id, row.item_id))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    series = {name: np.array(column, dtype=object) for name, column in zip(names, columns, strict=True)}
    wanted = np.zeros(len(rows), dtype=bool)
    rows_below = SeriesBelow(series)
    for node_id in set(nodes):
        wanted[rows_below.node(node_id)] = True
    return {name: values[wanted] for name, values in series.items()}


MOST_NAMED = 500
"""Series of a store that are asked for by name; of more, the whole store is read."""


def means_of(connection: Connection, series: Mapping[str, NDArray[Any]], days: Sequence[date]) -> Floats:
    """Means of series x days; NaN where a series is not forecast."""
    means = np.full((len(series["item_id"]), len(days)), np.nan)
    of_store: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row, (run_id, store_id, item_id) in enumerate(
        zip(series["run_id"], series["store_id"], series["item_id"], strict=True)
    ):
        of_store[run_id, store_id][item_id] = row
    # SQLite has days as text, which is as good a key: making dates of them would take half of the time
    column_of = {form: column for column, day in enumerate(days) for form in (day, day.isoformat())}
    day_as_stored = type_coerce(forecasts.c.target_date, Unicode())
    for (run_id, store_id), row_of in of_store.items():
        where = and_(
            forecasts.c.run_id == run_id,
            forecasts.c.store_id == store_id,
            forecasts.c.target_date.between(days[0], days[-1]),
        )
        if len(row_of) <= MOST_NAMED:
            where &= forecasts.c.item_id.in_(sorted(row_of))
        query = select(forecasts.c.item_id, day_as_stored, forecasts.c.mean).where(where)
        found = connection.execute(query).all()
        if found:
            items, dates, values = zip(*found, strict=True)
            at = np.fromiter(map(row_of.get, items, repeat(-1)), dtype=np.intp, count=len(found))
            # of weekly sales a day between two steps is no column
            columns = np.fromiter(map(column_of.get, dates, repeat(-1)), dtype=np.intp, count=len(found))
            known = (at >= 0) & (columns >= 0)
            means[at[known], columns[known]] = np.array(values, dtype=np.float64)[known]
    return means


SELECT_EFFECTS = (
    select(
        override_effects.c.run_id,
        override_effects.c.override_id,
        overrides.c.node_id,
        override_effects.c.target_date,
        override_effects.c.factor,
        override_effects.c.units_each,
    )
    .join(overrides, overrides.c.override_id == override_effects.c.override_id)
    .order_by(override_effects.c.run_id, override_effects.c.override_id)
)
"""What overrides do, by run, in order of creation."""


def effects_by_run(rows: Sequence[Row[Any]] | Sequence[Sequence[Any]]) -> dict[str, tuple[Effect, ...]]:
    """From rows of `SELECT_EFFECTS`, dates as dates or as ISO text."""
    found: dict[str, dict[int, Effect]] = defaultdict(dict)
    for run_id, override_id, node_id, day, factor, units_each in rows:
        effect = found[run_id].get(override_id)
        if effect is None:
            effect = found[run_id][override_id] = Effect(override_id, parse_node(node_id)[1], {})
        assert isinstance(effect.days, dict)
        effect.days[str(day)] = DayEffect(factor, units_each)
    return {run_id: tuple(of_run.values()) for run_id, of_run in found.items()}
