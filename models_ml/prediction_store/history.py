"""Actuals and calendar that serving shows beside the forecasts; shared by runs, so merged, not replaced.

Of a year of sales a day is new. So the store keeps a checksum of each store's day, and a publish sends the days that
the store has not, or has otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, delete, func, insert, select, update

from models_ml.prediction_store.frames import ARROW_SCHEMAS, Frame, check_columns
from models_ml.prediction_store.records import RunRecord
from models_ml.prediction_store.schema import (
    calendar_days,
    calendar_region_flags,
    sales_history,
    sales_history_days,
)
from models_ml.prediction_store.text import one_of

Calendar = dict[str, list[dict[str, Any]]]

InsertRows = Callable[[Connection, str], None]
"""Inserts the sales of a store."""

Checksums = Mapping[tuple[str, date], int]
"""Checksum by store and day."""


@dataclass(frozen=True)
class SalesDays:
    """The store's days whose sales a run knows.

    Attributes:
        checksums: of all its days.
        sent: days that are missing from the store, or stored with different values.
    """

    checksums: Checksums
    sent: frozenset[tuple[str, date]]

    def of(self, store: str) -> set[date]:
        """The days of one store."""
        return {day for of, day in self.checksums if of == store}


def stored_days(connection: Connection, run: RunRecord) -> Checksums:
    """Checksums of the days that are stored for the stores of a run."""
    table = sales_history_days
    rows = connection.execute(
        select(table.c.store_id, table.c.date, table.c.checksum).where(one_of(table.c.store_id, run.scope))
    )
    return {(store, day): checksum for store, day, checksum in rows}


def changed(frame: Frame, stored: Checksums) -> tuple[pa.Table, SalesDays]:
    """Rows of the days that are missing from the store, or stored with different values.

    Args:
        frame: rows of `sales_history`, read whole.
        stored: from `stored_days`.

    Returns:
        The rows, and all days.

    Raises:
        PublishError: columns are missing or unknown.
    """
    check_columns("sales_history", frame.schema.names)
    whole = frame if isinstance(frame, pa.Table) else frame.read_all()
    rows = whole.select(ARROW_SCHEMAS["sales_history"].names).unify_dictionaries()
    for position, name in enumerate(("store_id", "item_id")):
        if not pa.types.is_dictionary(rows.schema.field(name).type):
            rows = rows.set_column(position, name, rows[name].dictionary_encode())
    table = rows.to_pandas(date_as_object=False)
    # A sum does not depend on the order of the rows; unsigned numbers wrap around.
    table["checksum"] = pd.util.hash_pandas_object(table, index=False).to_numpy()
    group = table.groupby(["store_id", "date"], observed=True, sort=False)
    sums = group["checksum"].sum().astype("uint64")
    keys = [(str(store), day.date()) for store, day in sums.index]
    checksums = dict(zip(keys, sums.to_numpy().view(np.int64).tolist(), strict=True))
    sent = frozenset(key for key, checksum in checksums.items() if stored.get(key) != checksum)
    # Rows without a store or a day are in no group; they are sent, and refused by name.
    chosen = np.array([*(key in sent for key in keys), True])
    groups = group.ngroup().fillna(len(keys)).to_numpy(dtype=np.int64)
    return rows.filter(pa.array(chosen[groups])), SalesDays(checksums, sent)


def merge_sales(connection: Connection, run: RunRecord, days: SalesDays, insert_rows: InsertRows) -> None:
    """Make the run's sales the history of its stores: its days and no others.

    Args:
        connection: of the transaction that shows the run.
        run: the run.
        days: of its sales.
        insert_rows: puts the rows of a store into `sales_history`.

    History goes forward only: a store whose history reaches past the run's origin keeps it, since readers cut
    what they show at the origin of the run they show. A day that was not sent, because the store had it, stays as it is
    now, even if another publisher has corrected it since.
    """
    kept, known = sales_history, sales_history_days
    for store in sorted(run.scope):
        latest = connection.execute(select(func.max(kept.c.date)).where(kept.c.store_id == store)).scalar_one_or_none()
        own = days.of(store)
        if own and (latest is None or latest <= run.origin):
            there = connection.execute(select(known).where(known.c.store_id == store)).mappings().all()
            stays = [dict(row) for row in there if row["date"] in own and (store, row["date"]) not in days.sent]
            sent = [
                {"store_id": store, "date": day, "checksum": days.checksums[store, day]}
                for day in sorted(own)
                if (store, day) in days.sent
            ]
            _replace(connection, store, stays)
            days_that_stay = select(known.c.date).where(known.c.store_id == store)
            connection.execute(delete(kept).where(kept.c.store_id == store, kept.c.date.not_in(days_that_stay)))
            insert_rows(connection, store)
            _replace(connection, store, [*stays, *sent])


def _replace(connection: Connection, store: str, rows: list[dict[str, Any]]) -> None:
    """Make these the days that a store has."""
    connection.execute(delete(sales_history_days).where(sales_history_days.c.store_id == store))
    if rows:
        connection.execute(insert(sales_history_days), rows)


def merge_calendar(connection: Connection, calendar: Calendar) -> None:
    """Add the run's calendar days and flags, and correct those that changed."""
    _merge(connection, calendar_days, calendar.get("calendar_days", []))
    _merge(connection, calendar_region_flags, calendar.get("calendar_region_flags", []))


def _merge(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    dates = [row["date"] for row in rows]
    stored = {
        tuple(row[key] for key in keys): dict(row)
        for row in connection.execute(select(table).where(table.c.date.between(min(dates), max(dates)))).mappings()
    }
    added = []
    for row in rows:
        key = tuple(row[name] for name in keys)
        if key not in stored:
            added.append(row)
            stored[key] = row
        elif stored[key] != row:
            connection.execute(update(table).where(*(table.c[name] == row[name] for name in keys)).values(**row))
    if added:
        connection.execute(insert(table), added)
