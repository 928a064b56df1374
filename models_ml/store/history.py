"""Actuals and calendar that serving shows beside the forecasts; shared by runs, so merged, not replaced."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, or_, select, update

from models_ml.store.records import RunRecord
from models_ml.store.schema import calendar_days, calendar_region_flags, sales_history, staged_sales_history

Calendar = dict[str, list[dict[str, Any]]]


def merge_sales(connection: Connection, run: RunRecord) -> None:
    """Make the run's staged sales the history of its stores, writing only the rows that differ.

    History goes forward only: a store whose history reaches past the run's origin keeps it, since readers cut
    what they show at the origin of the run they show.
    """
    staged, kept = staged_sales_history, sales_history
    for store in sorted(run.scope):
        latest = connection.execute(select(func.max(kept.c.date)).where(kept.c.store_id == store)).scalar_one_or_none()
        of_run = and_(staged.c.run_id == run.run_id, staged.c.store_id == store)
        sent = connection.execute(select(staged.c.item_id).where(of_run).limit(1)).first() is not None
        if sent and (latest is None or latest <= run.origin):
            same_key = _same_key()
            same_row = and_(
                same_key,
                kept.c.units == staged.c.units,
                or_(kept.c.price == staged.c.price, and_(kept.c.price.is_(None), staged.c.price.is_(None))),
            )
            connection.execute(
                delete(kept).where(kept.c.store_id == store, ~exists().where(staged.c.run_id == run.run_id, same_row))
            )
            columns = ["store_id", "item_id", "date", "units", "price"]
            connection.execute(
                insert(kept).from_select(
                    columns,
                    select(*(staged.c[name] for name in columns)).where(of_run, ~exists().where(same_key)),
                )
            )
        connection.execute(delete(staged).where(of_run))


def _same_key() -> ColumnElement[bool]:
    staged, kept = staged_sales_history, sales_history
    return and_(
        kept.c.store_id == staged.c.store_id,
        kept.c.item_id == staged.c.item_id,
        kept.c.date == staged.c.date,
    )


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
