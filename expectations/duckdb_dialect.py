"""SQLAlchemy dialect `duckdb+eager` for Great Expectations: read-only, and rows are fetched when a query runs.

Great Expectations returns from `execute_query` after it has closed the connection and fetches afterwards.
Most drivers hold the rows by then; DuckDB's cursor is the connection itself, so nothing is left to fetch.
A cursor that fetches at once mends it. It suits checks, whose answers are a few rows, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, CursorWrapper
from duckdb_engine import Dialect as DuckDBDialect
from sqlalchemy.dialects import registry

DRIVER = "duckdb+eager"


class EagerCursor(CursorWrapper):  # type: ignore[misc]
    """A cursor that holds its rows, so that they outlive the connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, wrapper: EagerConnection) -> None:
        super().__init__(connection, wrapper)
        self._rows: list[tuple[Any, ...]] = []
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run the statement and fetch all that it answers."""
        super().execute(statement, parameters, context)
        described = super().__getattr__("description")
        self.description = list(described) if described else None
        self._rows = list(super().__getattr__("fetchall")()) if described else []

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next `size` rows (1 if None)."""
        taken = 1 if size is None else size
        rows, self._rows = self._rows[:taken], self._rows[taken:]
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, None after the last."""
        rows = self.fetchmany(1)
        return rows[0] if rows else None


class EagerConnection(ConnectionWrapper):  # type: ignore[misc]
    """A connection whose cursors are eager."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self._connection = connection

    def cursor(self) -> EagerCursor:
        """An eager cursor of its own, so that two results never share one."""
        return EagerCursor(self._connection.cursor(), self)


class EagerDuckDBDialect(DuckDBDialect):  # type: ignore[misc]
    """duckdb_engine's dialect with eager cursors on a file that is opened read-only (DuckDB has one writer)."""

    driver = "eager"
    supports_statement_cache = False

    def connect(self, *, database: str, config: dict[str, Any] | None = None, **_: Any) -> EagerConnection:
        """Open the file read-only, with the limits of `config`."""
        return EagerConnection(duckdb.connect(database, read_only=True, config=config or {}))

    def get_indexes(self, *_arguments: Any, **_keywords: Any) -> list[Any]:
        """None: the marts have no indexes (the parent class warns instead)."""
        return []

    def get_multi_indexes(self, *_arguments: Any, **_keywords: Any) -> Sequence[Any]:
        """None, as `get_indexes`."""
        return []


def register() -> None:
    """Make `duckdb+eager:///file` known to SQLAlchemy."""
    registry.register("duckdb.eager", "expectations.duckdb_dialect", "EagerDuckDBDialect")
