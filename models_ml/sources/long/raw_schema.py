"""The schema of the raw tables, and how one of them is written."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import datetime as dt

from models_ml.sources.long.session import Session, reads_in_place

SCHEMA = "raw_long"

LONGEST_HORIZON_DAYS = 84
"""Days after the last sale that can be forecast, and that the calendar has (`stg_long__calendar`)."""


def write(connection: Session, name: str, select: str) -> None:
    """Replace one raw table (in place: view) by the rows of a select, with the time of loading."""
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat()
    connection.execute(
        f"create or replace {'view' if reads_in_place(connection) else 'table'} {SCHEMA}.{name} as"
        f" select *, cast('{moment}' as timestamp) as loaded_at from ({select}) as mapped"
    )


def first(connection: Session, sql: str) -> tuple[object, ...] | None:
    """The first row of a query."""
    row: tuple[object, ...] | None = connection.execute(sql).fetchone()
    return row


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def day(date: object) -> str:
    """A day, or none, as an SQL literal."""
    return "cast(null as date)" if date is None else f"date '{date}'"
