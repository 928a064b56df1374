"""The ledger of overrides, and what they do to the runs that are served.

What overrides come to is kept beside the runs (`override_effects`, `override_node_units`) and made anew in the
transaction that changes it: an override made or revoked, a pointer moved. The runs' own rows never change.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, select, update

from models_ml.errors import InputError
from models_ml.hierarchy.levels import AGGREGATE_LEVELS, node_name, parse_node
from models_ml.prediction_store.bounds import MAX_PERCENT, MAX_UNITS, MIN_PERCENT
from models_ml.prediction_store.finals import Adjustment, DayEffect, Effect, Floats, Mask, adjust, below
from models_ml.prediction_store.records import utc_now
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
from models_ml.prediction_store.transactions import run_transaction

LONGEST_VALIDITY_DAYS = 366
_ATTRIBUTES = ("store_id", "item_id", "department_id", "category_id", "region_id")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NEW = -1
"""Id of an override that is not stored (yet)."""


class OverrideError(InputError):
    """An override that cannot be made; `field` is what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class UnknownOverrideError(InputError):
    """There is no override of this id."""


class AlreadyRevokedError(InputError):
    """Somebody has revoked the override before."""


@dataclass(frozen=True)
class NewOverride:
    """An override as a planner asks for it; `author` is who asks."""

    node_id: str
    kind: str
    value: float
    valid_from: date
    valid_to: date
    reason: str
    author: str

    def check(self) -> None:
        """Refuse what no override can be, whatever is served.

        Raises:
            OverrideError: a value out of bounds, a period that ends before it begins, no reason, no author.
        """
        try:
            parse_node(self.node_id)
        except InputError as error:
            raise OverrideError("node_id", str(error)) from None
        low, high = (MIN_PERCENT, MAX_PERCENT) if self.kind == "percent" else (0, MAX_UNITS)
        if self.kind not in ("percent", "absolute"):
            raise OverrideError("kind", f"'{self.kind[:40]}' is not known; give percent or absolute.")
        if not low <= self.value <= high:
            raise OverrideError("value", f"{self.value:g} is out of bounds; {self.kind} is from {low} to {high:g}.")
        if self.valid_to < self.valid_from:
            raise OverrideError("valid_to", f"{self.valid_to} is before valid_from, {self.valid_from}.")
        if (self.valid_to - self.valid_from).days >= LONGEST_VALIDITY_DAYS:
            raise OverrideError("valid_to", f"give a period of at most {LONGEST_VALIDITY_DAYS} days.")
        _check_text("reason", self.reason, 1000)
        _check_text("author", self.author, 200)

    def adjustment(self, override_id: int = _NEW) -> Adjustment:
        """What it asks for."""
        return Adjustment(override_id, self.node_id, self.kind, self.value, self.valid_from, self.valid_to)


@dataclass(frozen=True)
class Preview:
    """A node by day: the model's units, the final as it is, and as it would be."""

    days: tuple[date, ...]
    model: tuple[float, ...]
    final: tuple[float, ...]
    changed: tuple[float, ...]
    series: int


def _check_text(field: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest or _CONTROL.search(text):
        raise OverrideError(field, f"give 1 to {longest} characters, none of them a control character.")


# --- the ledger -----------------------------------------------------------------------------------------


def make(engine: Engine, new: NewOverride) -> int:
    """Store an override and what it does to the runs that are served, in one transaction.

    Returns:
        Its id.

    Raises:
        OverrideError: it is out of bounds, nothing is served below its node, or nothing of it is on sale then.
        StoreError: the store cannot be written, or is locked by another writer.
    """
    new.check()
    key = uuid.uuid4().hex

    def work(connection: Connection) -> int:
        stored = connection.execute(select(overrides.c.override_id).where(overrides.c.creation_key == key)).scalar()
        if stored is not None:
            return int(stored)  # a repeat: the first commit reached the server, its answer did not reach us
        hold_pointers(connection)
        _refuse_without_sales(_load(connection, _span_of_served(connection), [new.adjustment()]), new)
        made = connection.execute(
            insert(overrides).values(
                creation_key=key,
                node_id=new.node_id,
                level=parse_node(new.node_id)[0].number,
                kind=new.kind,
                value=float(new.value),
                valid_from=new.valid_from,
                valid_to=new.valid_to,
                reason=new.reason.strip(),
                author=new.author.strip(),
                created_at=utc_now(),
            )
        )
        refresh(connection)
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])

    return run_transaction(engine, work)


def revoke(engine: Engine, override_id: int, *, author: str, reason: str) -> None:
    """Take an override back: it stays in the ledger and changes forecasts no more.

    Raises:
        OverrideError: no author, no reason.
        UnknownOverrideError, AlreadyRevokedError: there is nothing to revoke.
        StoreError: the store cannot be written, or is locked by another writer.
    """
    _check_text("reason", reason, 1000)
    _check_text("author", author, 200)
    now = utc_now()
    given = {"revoked_at": now, "revoked_by": author.strip(), "revoked_reason": reason.strip()}

    def work(connection: Connection) -> None:
        hold_pointers(connection)
        of_id = overrides.c.override_id == override_id
        stored = connection.execute(select(overrides).where(of_id)).one_or_none()
        if stored is None:
            raise UnknownOverrideError(f"There is no override {override_id}.")
        if stored.revoked_at is not None:
            if {name: getattr(stored, name) for name in given} == given:
                return  # a repeat: the first commit reached the server, its answer did not reach us
            raise AlreadyRevokedError(
                f"Override {override_id} was revoked by {stored.revoked_by} at {stored.revoked_at:%Y-%m-%d %H:%M} UTC."
            )
        connection.execute(update(overrides).where(of_id).values(**given))
        refresh(connection)

    run_transaction(engine, work)


def preview(connection: Connection, new: NewOverride) -> Preview:
    """What an override would change of its node, without storing it.

    Raises:
        OverrideError: as `make`.
    """
    new.check()
    span = _span_of_served(connection)
    served = _load(connection, span, [*in_force(connection, span), new.adjustment()])
    rows = _refuse_without_sales(served, new)
    known, _ = adjust(served.series, served.means, served.days, served.adjustments[:-1])
    changed, _ = adjust(served.series, served.means, served.days, served.adjustments)
    on_sale = np.any(~np.isnan(served.means[rows]), axis=0)

    def total(units: Floats) -> tuple[float, ...]:
        return tuple(np.nansum(units[rows], axis=0)[on_sale].tolist())

    days = tuple(served.days[column] for column in np.flatnonzero(on_sale))
    return Preview(days, total(served.means), total(known), total(changed), int(rows.sum()))


def _span_of_served(connection: Connection) -> tuple[date, date]:
    span = served_span(connection)
    if span is None:
        raise OverrideError("node_id", "no run is served, so there is no forecast to change.")
    return span


def _refuse_without_sales(served: _Served, new: NewOverride) -> Mask:
    """Rows of the series below the node; refused when there are none, or none is forecast in the period."""
    rows = below(served.series, new.node_id)
    if not rows.any():
        raise OverrideError("node_id", f"no item below {new.node_id[:80]} is on sale in a store that is served.")
    inside = np.array([new.valid_from <= day <= new.valid_to for day in served.days], dtype=bool)
    if np.isnan(served.means[np.ix_(rows, inside)]).all():
        raise OverrideError(
            "valid_from",
            f"nothing below {new.node_id[:80]} is forecast from {new.valid_from} to {new.valid_to}; forecasts that are "
            f"served reach from {served.span[0]} to {served.span[1]}.",
        )
    return rows


# --- what overrides come to -----------------------------------------------------------------------------


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
    served = _load(connection, span, adjustments)
    finals, done = adjust(served.series, served.means, served.days, served.adjustments)
    runs = served.series["run_id"]
    effects = [
        {
            "run_id": run_id,
            "override_id": override_id,
            "target_date": day,
            "factor": on.factor,
            "units_each": on.units_each,
        }
        for override_id, days in done.items()
        for run_id in np.unique(runs[below(served.series, served.node_of[override_id])]).tolist()
        for day, on in days.items()
    ]
    if effects:
        connection.execute(insert(override_effects), effects)
        added = _node_units(connection, served, finals - served.means)
        if added:
            connection.execute(insert(override_node_units), added)


def _node_units(connection: Connection, served: _Served, added: Floats) -> list[dict[str, Any]]:
    """Rows of `override_node_units`: what was added to the series, summed up to the nodes of levels 1 to 9."""
    added = np.nan_to_num(added)
    changed = np.flatnonzero(np.abs(added).max(axis=1, initial=0.0) > 0)
    runs = served.series["run_id"][changed]
    places = [{key: served.series[key][row] for key in _ATTRIBUTES} for row in changed]
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
class _Served:
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


def _load(connection: Connection, span: tuple[date, date], adjustments: Sequence[Adjustment]) -> _Served:
    """Served series below the adjustments' nodes, and their means on the days in their validity."""
    first, last = span
    start = max(first, min(one.valid_from for one in adjustments))
    end = min(last, max(one.valid_to for one in adjustments))
    days = tuple(start + timedelta(days=n) for n in range((end - start).days + 1))
    served = connection.execute(select(active_runs.c.run_id, active_runs.c.store_id)).tuples().all()
    series = series_of_runs(connection, served, [one.node_id for one in adjustments])
    means = means_of(connection, series, days) if days else np.empty((len(series["item_id"]), 0))
    return _Served(series, means, days, adjustments, span)


def series_of_runs(
    connection: Connection, pairs: Iterable[tuple[str, str]], nodes: Iterable[str]
) -> dict[str, NDArray[Any]]:
    """Series of runs in stores (pairs of both) that are below any of the nodes, ordered by store and item.

    Returns:
        An array a column: run_id and the attributes of a series.
    """
    wanted_pairs = set(pairs)
    names = ("run_id", *_ATTRIBUTES)
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
    for node_id in nodes:
        wanted |= below(series, node_id)
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
    column_of = {day: column for column, day in enumerate(days)}
    for (run_id, store_id), row_of in of_store.items():
        where = and_(
            forecasts.c.run_id == run_id,
            forecasts.c.store_id == store_id,
            forecasts.c.target_date.between(days[0], days[-1]),
        )
        if len(row_of) <= MOST_NAMED:
            where &= forecasts.c.item_id.in_(sorted(row_of))
        found = connection.execute(select(forecasts.c.item_id, forecasts.c.target_date, forecasts.c.mean).where(where))
        known = [(row_of[item], column_of[day], mean) for item, day, mean in found if item in row_of]
        if known:
            at, columns, values = zip(*known, strict=True)
            means[list(at), list(columns)] = values
    return means


# --- reading them back ----------------------------------------------------------------------------------

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
