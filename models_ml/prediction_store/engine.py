"""Engines for the prediction store: SQLite files and SQL Server, set up the same way everywhere."""

from __future__ import annotations

import importlib
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from models_ml.errors import StoreError
from models_ml.warehouse.odbc import TOKEN_SCOPE, odbc_driver

WRITE_OPTION = "store_write"
"""Execution option of a connection whose transaction will write (SQLite then takes its lock at BEGIN)."""

_ACCESS_TOKEN_ATTRIBUTE = 1256  # SQL_COPT_SS_ACCESS_TOKEN of msodbcsql.h
_EXAMPLES = "sqlite:///data/prediction_store.sqlite or mssql+pyodbc://user@server/database"


def make_engine(
    url: str | URL,
    *,
    pool_size: int = 5,
    pool_timeout_seconds: float = 10.0,
    busy_timeout_seconds: float = 30.0,
    login_timeout_seconds: int = 15,
    read_only: bool = False,
    schema: str | None = None,
) -> Engine:
    """Engine of a prediction store.

    Args:
        url: `sqlite:///file` or `mssql+pyodbc://...`. A SQL Server URL without user name signs in
            with an Entra token (azure-identity's default chain).
        pool_size: connections at most; a further caller waits `pool_timeout_seconds`, then fails.
        busy_timeout_seconds: how long SQLite waits for another writer.
        login_timeout_seconds: how long SQL Server may take to let a connection in.
        read_only: for readers: the SQLite file must exist, and no statement can change it.
        schema: SQL Server schema that holds the tables; None is the one that the URL names (`?schema=...`), or the
            login's default schema.

    Raises:
        StoreError: the URL is not one of these, the SQLite file's folder (or file, if read_only) is not
            there, or the driver is not installed. The server itself is first asked by the first transaction.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(f"DEMAND_STORE_URL is no database URL. Give one such as {_EXAMPLES}.") from None
    shown = store_name(parsed)
    backend = parsed.get_backend_name()
    named = parsed.query.get("schema")
    parsed = parsed.difference_update_query(["schema"])
    schema = schema or (named if isinstance(named, str) else None)
    if backend == "sqlite":
        if schema is not None:
            raise StoreError(f"{shown}: SQLite has no schemas; leave schema out and unset DEMAND_STORE_SCHEMA.")
        return _sqlite_engine(parsed, shown, pool_size, pool_timeout_seconds, busy_timeout_seconds, read_only)
    if backend == "mssql":
        return _mssql_engine(parsed, shown, pool_size, pool_timeout_seconds, login_timeout_seconds, schema)
    raise StoreError(f"DEMAND_STORE_URL: {shown} is neither SQLite nor SQL Server. Give one such as {_EXAMPLES}.")


def named_schema(engine: Engine) -> str | None:
    """The SQL Server schema that `make_engine` was given; None is the login's default schema."""
    schema: str | None = engine.get_execution_options().get("schema_translate_map", {}).get(None)
    return schema


def store_name(url: URL) -> str:
    """The URL as messages show it: without password and driver options."""
    return url.set(query={}).render_as_string(hide_password=True)


def _sqlite_engine(
    url: URL, shown: str, pool_size: int, pool_timeout: float, busy_timeout: float, read_only: bool
) -> Engine:
    if url.get_driver_name() != "pysqlite":
        raise StoreError(f"{shown}: use the built-in driver, sqlite:///file.")
    if not url.database or url.database == ":memory:":
        raise StoreError(f"{shown}: the store needs a file, such as sqlite:///data/prediction_store.sqlite.")
    path = Path(url.database)
    if read_only and not path.is_file():
        raise StoreError(f"No prediction store at {path}. Publish a run first (demand run), or set DEMAND_STORE_URL.")
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent} is no folder. Create it, or set DEMAND_HOME or DEMAND_STORE_URL.")

    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        connect_args={"timeout": busy_timeout},
    )

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own BEGIN comes too late for snapshots and not at all for DDL: we send our own (below).
        connection.isolation_level = None
        # SQLite's lower() and LIKE know the letters of ASCII alone.
        connection.create_function("casefold", 1, _casefold, deterministic=True)
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -65536")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode = WAL")
            # With WAL, NORMAL keeps the file sound through a power cut; only last commits may be undone.
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        cursor.close()

    def begun(connection: Connection) -> None:
        # A writer takes the lock at once: a read that turns into a write later can fail without waiting.
        write = connection.get_execution_options().get(WRITE_OPTION, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _casefold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _mssql_engine(
    url: URL, shown: str, pool_size: int, pool_timeout: float, login_timeout: int, schema: str | None
) -> Engine:
    driver = url.get_driver_name()
    if driver != "pyodbc":
        raise StoreError(f"{shown}: the driver {driver} is not supported; use mssql+pyodbc://...")
    _require_pyodbc(shown)
    url, token_sign_in = _with_odbc_defaults(url)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_pre_ping=True,
        pool_recycle=1500,  # Azure's gateway drops idle connections after 30 minutes
        connect_args={"timeout": login_timeout},
        fast_executemany=True,
    )
    if token_sign_in:
        event.listen(engine, "do_connect", _entra_sign_in(shown))
    if schema is not None:
        engine = engine.execution_options(schema_translate_map={None: schema})
    return engine


def _require_pyodbc(shown: str) -> None:
    try:
        importlib.import_module("pyodbc")
    except ImportError as error:
        raise StoreError(
            f"{shown}: the driver pyodbc cannot be loaded ({error}). "
            "Install the extra: pip install 'retail-demand[azure]', and Debian's package unixodbc."
        ) from None


def _with_odbc_defaults(url: URL) -> tuple[URL, bool]:
    """The URL with driver and encryption named, and whether it has to sign in with an Entra token."""
    query = {key.lower(): value for key, value in url.query.items()}
    if "odbc_connect" in query:
        return url, False
    added: dict[str, str] = {}
    if "driver" not in query:
        added["driver"] = odbc_driver()
    if "encrypt" not in query:
        added["Encrypt"] = "yes"
    named = bool(url.username) or "trusted_connection" in query or "authentication" in query
    return url.update_query_dict(added), not named


def _entra_sign_in(shown: str) -> Callable[[Any, Any, list[Any], dict[str, Any]], None]:
    try:
        identity = importlib.import_module("azure.identity")
    except ImportError:
        raise StoreError(
            f"{shown} has no user name, so it signs in with an Entra token, which needs azure-identity. "
            "Install the extra: pip install 'retail-demand[azure]', or give user and password."
        ) from None
    credential = identity.DefaultAzureCredential()

    def sign_in(_dialect: Any, _record: Any, arguments: list[Any], keywords: dict[str, Any]) -> None:
        try:
            token = credential.get_token(TOKEN_SCOPE).token
        except Exception as error:
            raise StoreError(
                f"{shown}: no Entra token ({type(error).__name__}). Sign in (az login), give the service a "
                "managed identity with a user in the database, or give user and password in the URL."
            ) from error
        # SQLAlchemy asks for Windows sign-in when no user is given; it excludes the token.
        arguments[0] = arguments[0].replace(";Trusted_Connection=Yes", "")
        keywords["attrs_before"] = {_ACCESS_TOKEN_ATTRIBUTE: access_token_bytes(token)}

    return sign_in


def access_token_bytes(token: str) -> bytes:
    """An access token as the ODBC driver wants it: its length in 4 bytes, then UTF-16 little endian."""
    encoded = token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded)
