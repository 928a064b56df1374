"""What planners decide about order proposals: written once, never changed; of an order the last decision counts."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, insert, select

from models_ml.errors import InputError
from models_ml.inventory.proposals import KEYS, OrderQuestion, read_proposals
from models_ml.prediction_store.bounds import MAX_UNITS
from models_ml.prediction_store.override_effects import hold_pointers
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.replenishment import RowError, RowsError
from models_ml.prediction_store.schema import order_decisions
from models_ml.prediction_store.transactions import run_transaction


@dataclass(frozen=True)
class NewDecision:
    """A decision about an item's proposal; `units` are those that the planner saw (accepted) or wants (changed)."""

    store_id: str
    item_id: str
    decision: str
    units: int | None


class ReusedDecisionKeyError(InputError):
    """The key of a request was used before, for other decisions."""


def decide(
    engine: Engine,
    asked: Sequence[NewDecision],
    *,
    author: str,
    lead_time_days: int | None = None,
    service_level: float | None = None,
    key: str | None = None,
) -> list[int]:
    """Write decisions about the proposals as they are now, in one transaction: all of them or none.

    Args:
        engine: of the store.
        asked: one an item at most.
        author: who decides.
        lead_time_days, service_level: with which the proposals were read, if not those stored.
        key: of the request; asked again under the same key, nothing is written twice.

    Returns:
        Their ids.

    Raises:
        RowsError: of an item there is no proposal, or it is another one by now.
        ReusedDecisionKeyError: other decisions were written under the key.
        StoreError: the store cannot be written, or is locked by another writer.
    """
    # a transaction that is sent again after a cut connection finds what its first commit stored
    key = key or uuid.uuid4().hex
    keys = [hashlib.sha256(f"{key}|{number}".encode()).hexdigest()[:40] for number in range(len(asked))]

    def work(connection: Connection) -> list[int]:
        hold_pointers(connection)  # neither the forecast nor another decision changes meanwhile
        stored = _stored_under(connection, keys, asked)
        if stored:
            return stored
        stores = {one.store_id for one in asked}
        question = OrderQuestion(
            store_id=stores.pop() if len(stores) == 1 else None,
            lead_time_days=lead_time_days,
            service_level=service_level,
        )
        proposed = read_proposals(connection, question).rows
        rows = _rows(proposed, asked)
        now = utc_now()
        connection.execute(
            insert(order_decisions),
            [
                {**row, "creation_key": one, "author": author, "decided_at": now}
                for one, row in zip(keys, rows, strict=True)
            ],
        )
        return _stored_under(connection, keys, asked)

    return run_transaction(engine, work)


def _rows(proposed: pd.DataFrame, asked: Sequence[NewDecision]) -> list[dict[str, Any]]:
    by_key = {(str(row.store_id), str(row.item_id)): row for row in proposed.itertuples()}
    errors, rows, seen = [], [], set()
    for number, one in enumerate(asked):
        series = (one.store_id, one.item_id)
        row: Any = by_key.get(series)
        units = 0 if row is None else int(row.order_units)
        if row is None:
            field, message = "item_id", "there is no order proposal of this item in this store"
        elif series in seen:
            field, message = "item_id", "the item is given twice"
        elif one.decision == "changed" and (one.units is None or not 0 <= one.units <= MAX_UNITS):
            field, message = "units", "say how many units to order instead"
        elif one.decision == "rejected" and one.units:
            field, message = "units", "of a rejected order there are none"
        elif one.decision == "accepted" and one.units is not None and one.units != units:
            field, message = "units", f"{units} units are proposed by now, not {one.units}; read the proposals again"
        else:
            seen.add(series)
            wanted = {"accepted": units, "changed": one.units, "rejected": 0}[one.decision]
            rows.append(_row(row, one.decision, units, int(wanted or 0)))
            continue
        errors.append(RowError(number, field, message))
    if errors:
        raise RowsError(errors)
    return rows


def _row(proposal: Any, decision: str, proposed: int, units: int) -> dict[str, Any]:
    return {
        "run_id": proposal.run_id,
        "store_id": proposal.store_id,
        "item_id": proposal.item_id,
        "supplier_id": None if pd.isna(proposal.supplier_id) else proposal.supplier_id,
        "decision": decision,
        "proposed_units": proposed,
        "units": units,
        "price": None if pd.isna(proposal.price) else float(proposal.price),
        "order_date": proposal.order_date.date(),
        "delivery_date": pd.Timestamp(proposal.delivery_date).date(),
    }


def _stored_under(connection: Connection, keys: Sequence[str], asked: Sequence[NewDecision]) -> list[int]:
    """Ids of the decisions that were written under keys; none when they are new."""
    found: dict[str, Any] = {}
    names = ("creation_key", "decision_id", *KEYS, "decision", "units")
    for start in range(0, len(keys), 1000):
        query = select(*(order_decisions.c[name] for name in names))
        query = query.where(order_decisions.c.creation_key.in_(keys[start : start + 1000]))
        found |= {row.creation_key: row for row in connection.execute(query)}
    if not found:
        return []
    for key, one in zip(keys, asked, strict=True):
        row = found.get(key)
        wanted = (one.store_id, one.item_id, one.decision)
        if (
            row is None
            or (row.store_id, row.item_id, row.decision) != wanted
            or (one.units is not None and one.units != row.units)
        ):
            raise ReusedDecisionKeyError(
                "The key of this request was used before, for other decisions. Give it a new one."
            )
    return [int(found[key].decision_id) for key in keys]
