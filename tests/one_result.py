"""A SQLite connection that behaves as SQL Server without MARS: one result at a time.

SQL Server refuses a statement while rows of another one on the same connection are unread ("Connection is busy with
results for another command"). SQLite does not mind, so a test on SQLite would pass. Connections of this class mind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event
from sqlalchemy import create_engine as plain_create_engine


class UnreadResultError(AssertionError):
    """A statement was started while another one's rows were unread."""


class OneResultCursor(sqlite3.Cursor):
    """A cursor that owns its connection from `execute` until its last row is read or it is closed."""

    connection: OneResultConnection  # type: ignore[assignment]

    def execute(self, sql: str, *parameters: Any) -> OneResultCursor:
        """Run a statement, if no other cursor of the connection has rows to give."""
        busy = self.connection.busy
        if busy is not None and busy[0] is not self:
            raise UnreadResultError(f"{sql[:200]!r} starts while the rows of {busy[1][:200]!r} are unread")
        super().execute(sql, *parameters)
        self.connection.busy = (self, sql) if self.description is not None else None
        return self

    def _read(self, at_end: bool) -> None:
        if at_end and self.connection.busy is not None and self.connection.busy[0] is self:
            self.connection.busy = None

    def fetchone(self) -> Any:
        """The next row."""
        row = super().fetchone()
        self._read(row is None)
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        rows = super().fetchmany(self.arraysize if size is None else size)
        self._read(not rows)
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows = super().fetchall()
        self._read(True)
        return rows

    def close(self) -> None:
        """Give the connection back."""
        self._read(True)
        super().close()


class OneResultConnection(sqlite3.Connection):
    """A connection whose cursors are `OneResultCursor`."""

    busy: tuple[OneResultCursor, str] | None = None

    def cursor(self, *_factory: Any) -> OneResultCursor:  # type: ignore[override]
        """A cursor of the guarded kind."""
        return super().cursor(OneResultCursor)

    def rollback(self) -> None:
        """End the transaction, and with it what is unread."""
        self.busy = None
        super().rollback()


def _create_engine(*arguments: Any, **options: Any) -> Engine:
    engine = plain_create_engine(*arguments, **options)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "do_connect")
        def guarded(_dialect: Any, _record: Any, _arguments: Any, keywords: dict[str, Any]) -> None:
            keywords["factory"] = OneResultConnection

    return engine


@contextmanager
def guarded_stores() -> Iterator[None]:
    """Every SQLite engine that the store's code makes meanwhile is guarded."""
    with patch("models_ml.prediction_store.engine.create_engine", _create_engine):
        yield
