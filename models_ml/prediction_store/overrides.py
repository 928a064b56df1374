"""The ledger of overrides: made, revoked, previewed. Nothing is ever deleted.

What they do to the runs that are served is in `override_effects`.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, insert, select, update

from models_ml.errors import InputError
from models_ml.hierarchy.levels import parse_node
from models_ml.prediction_store.bounds import MAX_PERCENT, MAX_UNITS, MIN_PERCENT
from models_ml.prediction_store.finals import Adjustment, Floats, SeriesBelow, adjust
from models_ml.prediction_store.override_effects import (
    Served,
    hold_pointers,
    in_force,
    load_served,
    overlapping,
    refresh,
    served_span,
)
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import overrides
from models_ml.prediction_store.transactions import run_transaction

KEYS_A_QUERY = 1000
"""SQL Server takes at most 2,100 parameters."""
LONGEST_VALIDITY_DAYS = 366
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
    overlaps: tuple[int, ...]


def _check_text(field: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest or _CONTROL.search(text):
        raise OverrideError(field, f"give 1 to {longest} characters, none of them a control character.")


class OverridesError(InputError):
    """Overrides of one request that cannot be made; `errors` has the position of each and what is wrong with it."""

    def __init__(self, errors: Sequence[tuple[int, OverrideError]]) -> None:
        super().__init__("; ".join(f"{number}: {error}" for number, error in errors[:5]))
        self.errors = list(errors)


class ReusedKeyError(InputError):
    """The key of a request was used before, for something else."""


def make(engine: Engine, new: NewOverride, key: str | None = None) -> int:
    """Store an override and what it does to the runs that are served, in one transaction.

    Returns:
        Its id.

    Raises:
        OverrideError: it is out of bounds, nothing is served below its node, or nothing of it is on sale then.
        ReusedKeyError: another override was made under the key.
        StoreError: the store cannot be written, or is locked by another writer.
    """
    try:
        return make_all(engine, [new], key)[0]
    except OverridesError as error:
        raise error.errors[0][1] from None


def make_all(engine: Engine, asked: Sequence[NewOverride], key: str | None = None) -> list[int]:
    """Store overrides and what they do, in one transaction: all of them or none.

    Args:
        engine: of the store.
        asked: in the order in which they act.
        key: of the request; asked again under the same key, nothing is stored twice.

    Returns:
        Their ids.

    Raises:
        OverridesError: at least one cannot be made.
        ReusedKeyError: other overrides were made under the key.
        StoreError: the store cannot be written, or is locked by another writer.
    """
    _refuse({number: new.check for number, new in enumerate(asked)})
    # a transaction that is sent again after a cut connection finds what its first commit stored
    key = key or uuid.uuid4().hex
    rows = [
        {
            "creation_key": hashlib.sha256(f"{key}|{number}".encode()).hexdigest()[:40],
            "node_id": new.node_id,
            "level": parse_node(new.node_id)[0].number,
            "kind": new.kind,
            "value": float(new.value),
            "valid_from": new.valid_from,
            "valid_to": new.valid_to,
            "reason": new.reason.strip(),
            "author": new.author.strip(),
        }
        for number, new in enumerate(asked)
    ]

    def work(connection: Connection) -> list[int]:
        hold_pointers(connection)
        stored = _stored_under(connection, rows)
        if stored:
            return stored
        served = load_served(connection, _span_of_served(connection), [new.adjustment() for new in asked])
        rows_below = SeriesBelow(served.series)
        _refuse({n: partial(_refuse_without_sales, served, rows_below, new) for n, new in enumerate(asked)})
        now = utc_now()
        connection.execute(insert(overrides), [{**row, "created_at": now} for row in rows])
        refresh(connection)
        return _stored_under(connection, rows)

    return run_transaction(engine, work)


def _refuse(checks: Mapping[int, Callable[[], object]]) -> None:
    errors = []
    for number, check in checks.items():
        try:
            check()
        except OverrideError as error:
            errors.append((number, error))
    if errors:
        raise OverridesError(errors)


def _stored_under(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Ids of the overrides that were made of these rows; none when their keys are new."""
    columns = [overrides.c[name] for name in ("override_id", *rows[0])]
    found: dict[str, Any] = {}
    for start in range(0, len(rows), KEYS_A_QUERY):
        keys = [row["creation_key"] for row in rows[start : start + KEYS_A_QUERY]]
        query = select(*columns).where(overrides.c.creation_key.in_(keys))
        found |= {row.creation_key: row._asdict() for row in connection.execute(query)}
    if not found:
        return []
    same = [found.get(row["creation_key"], {}) for row in rows]
    if any({**one, "override_id": None} != {**row, "override_id": None} for one, row in zip(same, rows, strict=True)):
        raise ReusedKeyError("The key of this request was used before, for other overrides. Give it a new one.")
    return [int(one["override_id"]) for one in same]


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
    served = load_served(connection, span, [*in_force(connection, span), new.adjustment()])
    rows = _refuse_without_sales(served, SeriesBelow(served.series), new)
    known, _ = adjust(served.series, served.means, served.days, served.adjustments[:-1])
    changed, _ = adjust(served.series, served.means, served.days, served.adjustments)
    on_sale = np.any(~np.isnan(served.means[rows]), axis=0)

    def total(units: Floats) -> tuple[float, ...]:
        return tuple(np.nansum(units[rows], axis=0)[on_sale].tolist())

    days = tuple(served.days[column] for column in np.flatnonzero(on_sale))
    overlaps = overlapping(connection, [new.adjustment()])[0]
    return Preview(days, total(served.means), total(known), total(changed), len(rows), tuple(overlaps))


def _span_of_served(connection: Connection) -> tuple[date, date]:
    span = served_span(connection)
    if span is None:
        raise OverrideError("node_id", "no run is served, so there is no forecast to change.")
    return span


def _refuse_without_sales(served: Served, rows_below: SeriesBelow, new: NewOverride) -> NDArray[np.intp]:
    """Rows of the series below the node; refused when there are none, or none is forecast in the period."""
    rows = rows_below.node(new.node_id)
    if not len(rows):
        raise OverrideError("node_id", f"no item below {new.node_id[:80]} is on sale in a store that is served.")
    inside = np.array([new.valid_from <= day <= new.valid_to for day in served.days], dtype=bool)
    if np.isnan(served.means[np.ix_(rows, inside)]).all():
        raise OverrideError(
            "valid_from",
            f"nothing below {new.node_id[:80]} is forecast from {new.valid_from} to {new.valid_to}; forecasts that are "
            f"served reach from {served.span[0]} to {served.span[1]}.",
        )
    return rows
