"""Reads the prediction store in a bounded number of threads over a connection pool.

Pointers are looked up for every response, so the first request after a publish sees it. On a server this is one query;
on SQLite it is `PRAGMA data_version`, which changes when another connection commits.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
from sqlalchemy import Connection, Engine, Select, bindparam, make_url, select
from sqlalchemy.dialects import sqlite as sqlite_dialect

from api.active import Active, ActiveRun, read_active, with_final
from api.errors import ApiError
from api.settings import ApiSettings
from models_ml.errors import StoreError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.finals import Effect
from models_ml.prediction_store.override_effects import SERIES_ATTRIBUTES
from models_ml.prediction_store.schema import forecasts, run_series
from models_ml.prediction_store.transactions import reading

T = TypeVar("T")

LOOK_SECONDS = 0.05
"""How long a moved or replaced file may go unnoticed."""


@lru_cache(maxsize=1024)
def series_query(quantile_columns: tuple[str, ...]) -> Select[Any]:
    """Days of one series: target_date, mean and the quantile columns, oldest first."""
    return (
        select(forecasts.c.target_date, forecasts.c.mean, *(forecasts.c[name] for name in quantile_columns))
        .where(
            forecasts.c.run_id == bindparam("run_id"),
            forecasts.c.store_id == bindparam("store_id"),
            forecasts.c.item_id == bindparam("item_id"),
        )
        .order_by(forecasts.c.target_date)
    )


SELECT_ATTRIBUTES: Select[Any] = select(*(run_series.c[name] for name in SERIES_ATTRIBUTES)).where(
    run_series.c.run_id == bindparam("run_id"),
    run_series.c.store_id == bindparam("store_id"),
    run_series.c.item_id == bindparam("item_id"),
)
"""Attributes of one series by which overrides select."""


class StoreReader:
    """The prediction store behind a pool, for any database."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._lock = threading.RLock()
        # permits bound the work, so the number of threads needs no bound
        self._permits = anyio.CapacityLimiter(settings.threads)
        self._threads = anyio.CapacityLimiter(math.inf)

    def engine(self) -> Engine:
        """The pool, created on first use so that the API starts without a store.

        Raises:
            StoreError: no store exists at the URL, or its driver is missing.
        """
        with self._lock:
            if self._engine is None:
                self._engine = make_engine(
                    self._settings.effective_store_url,
                    pool_size=self._settings.threads,
                    pool_timeout_seconds=self._settings.pool_timeout_seconds,
                    busy_timeout_seconds=self._settings.lock_timeout_seconds,
                    read_only=True,
                )
            return self._engine

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection in a thread, in one transaction.

        Raises:
            ApiError: all connections stayed in use (kind `busy`).
        """
        borrower = object()
        try:
            with anyio.fail_after(self._settings.pool_timeout_seconds):
                await self._permits.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise ApiError(
                "busy", "All database connections are in use. Try again.", headers={"Retry-After": "1"}
            ) from None

        def in_thread() -> T:
            with reading(self.engine()) as connection:
                return work(connection)

        try:
            # if the caller gives up, the thread finishes; the pool still counts its connection
            return await anyio.to_thread.run_sync(in_thread, abandon_on_cancel=True, limiter=self._threads)
        finally:
            self._permits.release_on_behalf_of(borrower)

    async def active(self) -> Active:
        """The current pointers."""
        return await self.run(read_active)

    async def series(
        self, active: Active, run: ActiveRun, store_id: str, item_id: str, quantile_columns: tuple[str, ...]
    ) -> Sequence[Sequence[Any]]:
        """Days of a series, oldest first: ISO date, mean, quantiles of the final, final. None: unknown series."""
        key = {"run_id": run.run_id, "store_id": store_id, "item_id": item_id}
        statement = series_query(quantile_columns)

        def read(connection: Connection) -> list[tuple[Any, ...]]:
            rows = [(row[0].isoformat(), *row[1:]) for row in connection.execute(statement, key)]
            effects: tuple[Effect, ...] = ()
            if rows and run.run_id in active.effects:
                attributes = connection.execute(SELECT_ATTRIBUTES, key).mappings().one()
                effects = active.effects_on(run, dict(attributes))
            return [with_final(row, effects) for row in rows]

        return await self.run(read)

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


class SqliteReader(StoreReader):
    """A SQLite file: the event loop itself checks for commits and reads single series.

    Both take microseconds, less than a hand-over to a thread. The loop never waits for a lock: if the file is locked, a
    thread takes over.
    """

    def __init__(self, settings: ApiSettings, path: Path) -> None:
        super().__init__(settings)
        self._path = path
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._looked_at = 0.0
        self._version: int | None = None
        self._active = Active()
        self._rereading = asyncio.Lock()

    async def active(self) -> Active:
        """The current pointers; read again if `PRAGMA data_version` shows a commit."""
        if self._committed_since() is None:
            return self._active
        async with self._rereading:
            seen = self._committed_since()
            if seen is None:
                return self._active
            connection, version = seen
            active = await super().active()
            # equal pointers stay the same object, so that values cached on it are reused
            if active.token != self._active.token:
                self._active = active
            # a replaced file counts its commits from the start
            self._version = version if connection is self._connection else None
            return self._active

    def _committed_since(self) -> tuple[sqlite3.Connection, int | None] | None:
        """The connection and its version if the pointers must be read again, else None."""
        connection = self._connect()
        try:
            version = connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.OperationalError:  # locked
            return connection, None
        return None if version == self._version else (connection, version)

    async def series(
        self, active: Active, run: ActiveRun, store_id: str, item_id: str, quantile_columns: tuple[str, ...]
    ) -> Sequence[Sequence[Any]]:
        """As `StoreReader.series`."""
        if run.run_id not in active.effects:
            key = {"run_id": run.run_id, "store_id": store_id, "item_id": item_id}
            with contextlib.suppress(sqlite3.OperationalError):  # locked
                rows = self._connect().execute(_sqlite_text(quantile_columns), key).fetchall()
                return [with_final(row, ()) for row in rows]
        return await super().series(active, run, store_id, item_id, quantile_columns)

    def engine(self) -> Engine:
        """The pool of the current file."""
        with self._lock:
            self._connect()
            return super().engine()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            super().close()
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._file = None

    def _connect(self) -> sqlite3.Connection:
        """The loop's connection to the current file at the path; a replaced file is another store.

        Publishing never replaces the file; only people do, so a check twenty times a second is enough.

        Raises:
            StoreError: the file does not exist.
        """
        now = time.monotonic()
        if self._connection is not None and now - self._looked_at < LOOK_SECONDS:
            return self._connection
        with self._lock:
            try:
                status = self._path.stat()
            except OSError:
                self.close()
                raise StoreError(
                    f"No prediction store at {self._path}. Publish a run first (demand run), "
                    "or set DEMAND_HOME or DEMAND_STORE_URL."
                ) from None
            file = (status.st_dev, status.st_ino)
            if self._connection is None or file != self._file:
                self.close()
                connection = sqlite3.connect(
                    f"file:{quote(str(self._path))}?mode=ro",
                    uri=True,
                    timeout=0,
                    isolation_level=None,
                    check_same_thread=False,
                )
                with contextlib.suppress(sqlite3.OperationalError):  # locked: the smaller default cache will do
                    connection.execute("PRAGMA cache_size = -65536")
                self._connection, self._file, self._version = connection, file, None
            self._looked_at = now
            return self._connection


@lru_cache(maxsize=1024)
def _sqlite_text(quantile_columns: tuple[str, ...]) -> str:
    """`series_query` as SQLite takes it, with named parameters."""
    return str(series_query(quantile_columns).compile(dialect=sqlite_dialect.dialect(paramstyle="named")))


def make_reader(settings: ApiSettings) -> StoreReader:
    """The reader for the store's URL.

    Raises:
        StoreError: the URL is neither SQLite nor SQL Server.
    """
    try:
        url = make_url(settings.effective_store_url)
    except Exception:
        raise StoreError("DEMAND_STORE_URL is not a database URL.") from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return SqliteReader(settings, Path(url.database).resolve())
    return StoreReader(settings)
