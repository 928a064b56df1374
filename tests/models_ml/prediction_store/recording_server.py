"""A stand-in for SQL Server under SQLAlchemy's own dialect: it keeps what it is sent, and executes nothing.

Only the connection is replaced. Connecting, versions, schemas and transactions go the dialect's own way; the stand-in
answers what the dialect and Alembic ask of the catalogue, and keeps the one row of Alembic's version table.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Engine, event

from models_ml.prediction_store.engine import make_engine

_ANSWERS = {
    "ProductVersion": [("16.0.4000.1",)],
    "schema_name()": [("dbo",)],
    "transaction_isolation_level": [("READ COMMITTED",)],
}


class RecordingServer:
    """Statements with their parameters, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.version: str | None = None
        self.has_version_table = False

    def engine(self, schema: str | None = None) -> Engine:
        """An engine of the store over this server, as `make_engine` makes it."""
        engine = make_engine(
            "mssql+pyodbc://loader:x@recorded/db?driver=none", schema=schema
        )  # pragma: allowlist secret
        event.listen(engine, "do_connect", lambda *_connect: Connection(self))
        return engine

    def changes(self) -> list[str]:
        """What was sent to change tables or their rows, spaces made single."""
        statements = [" ".join(sql.split()) for sql, _ in self.sent]
        return [
            sql for sql in statements if re.match(r"(?i)(create|alter|drop|insert|update|delete|declare|exec)", sql)
        ]

    def answer(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        """Rows for what is asked of the catalogue."""
        text = " ".join(sql.split())
        self.sent.append((text, parameters))
        if re.match(r"INSERT INTO \S*store_schema_version", text) or re.match(r"UPDATE \S*store_schema_version", text):
            self.version = re.findall(r"'(\d+)'", text)[0]
        elif re.match(r"DELETE FROM \S*store_schema_version", text):
            self.version = None
        elif re.match(r"CREATE TABLE \S*store_schema_version", text):
            self.has_version_table = True
        elif re.match(r"SELECT \S*version_num", text):
            return [(self.version,)] if self.version else []
        elif "INFORMATION_SCHEMA" in text or "sys.all_objects" in text or "sys.tables" in text:
            return [("store_schema_version",)] if self.has_version_table else []
        return next((rows for sign, rows in _ANSWERS.items() if sign in text), [])


class Connection:
    """What `pyodbc.connect` gives."""

    autocommit = False

    def __init__(self, server: RecordingServer) -> None:
        self._server = server

    def cursor(self) -> Any:
        return Cursor(self._server)

    def commit(self) -> None:
        self._server.sent.append(("COMMIT", None))

    def rollback(self) -> None:
        self._server.sent.append(("ROLLBACK", None))

    def close(self) -> None:
        pass

    def add_output_converter(self, *_arguments: Any) -> None:
        pass

    def getinfo(self, _number: int) -> str:
        return "16.00.4000"


class Cursor:
    """Keeps statements; gives the server's answers."""

    arraysize = 1
    fast_executemany = False

    def __init__(self, server: RecordingServer) -> None:
        self._server = server
        self._rows: list[tuple[Any, ...]] = []
        self.description: Any = None
        self.rowcount = 1

    def execute(self, sql: str, *parameters: Any) -> Cursor:
        self._rows = list(self._server.answer(sql, parameters))
        asked = re.search(r"(?is)^\s*(select|with)\b| output inserted\.", sql) is not None
        width = len(self._rows[0]) if self._rows else 1
        self.description = [(f"c{n}", str, None, None, None, None, True) for n in range(width)] if asked else None
        return self

    def executemany(self, sql: str, rows: Any) -> None:
        rows = list(rows)
        self.rowcount = len(rows)
        self._server.answer(sql, rows)
        self.description = None

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> Any:
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int = 1) -> Any:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def nextset(self) -> bool:
        return False

    def setinputsizes(self, *_arguments: Any) -> None:
        pass

    def close(self) -> None:
        pass
