"""Reading the prediction store: a bounded number of threads over a pool, and a short way for SQLite.

The pointers are looked up for every answer, so a publish is seen by the next request. On SQLite that costs
`PRAGMA data_version`, which changes whenever another connection has committed: the event loop
does it itself on a connection of its own that never waits for a lock. On a server it is one query.
"""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
from sqlalchemy import Connection, Engine, Select, bindparam, make_url, select
from sqlalchemy.dialects import sqlite as sqlite_dialect

from api.active import SELECT_ACTIVE, SELECT_SERVED_EFFECTS, Active, ActiveRun, has_overrides, read_active
from api.errors import ApiError
from api.settings import ApiSettings
from models_ml.errors import StoreError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.finals import Effect, final_mean
from models_ml.prediction_store.schema import forecasts, run_series
from models_ml.prediction_store.transactions import reading

T = TypeVar("T")

_LOCK_POLL_SECONDS = 0.01
LOOK_SECONDS = 0.05
"""How long a file that was moved away, or replaced by another, may go unseen."""


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


SELECT_GROUPS: Select[Any] = select(run_series.c.department_id, run_series.c.category_id, run_series.c.region_id).where(
    run_series.c.run_id == bindparam("run_id"),
    run_series.c.store_id == bindparam("store_id"),
    run_series.c.item_id == bindparam("item_id"),
)
"""Groups of one series."""


def with_finals(rows: Sequence[Sequence[Any]], effects: Sequence[Effect]) -> list[tuple[Any, ...]]:
    """Rows of `series_query` (dates as ISO text) with the final after the last column."""
    return [(*row, final_mean(effects, row[0], row[1]) if effects else row[1]) for row in rows]


def _named(store_id: str, item_id: str, groups: Sequence[Any]) -> Mapping[str, Any]:
    names = ("store_id", "item_id", "department_id", "category_id", "region_id")
    return dict(zip(names, (store_id, item_id, *groups), strict=True))


class StoreReader:
    """The prediction store behind a pool, for any database."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        # permits bound the work; the threads themselves need no second bound
        self._permits = anyio.CapacityLimiter(settings.threads)
        self._threads = anyio.CapacityLimiter(math.inf)

    def engine(self) -> Engine:
        """The pool, made at the first use so that the API starts without a store.

        Raises:
            StoreError: there is no store at the URL, or its driver is missing.
        """
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
        """Do `work` on a connection in a thread; all its reads are one transaction.

        Raises:
            ApiError: every connection stayed in use (kind `busy`).
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
            # a caller that gives up leaves the thread to finish; the pool still counts its connection
            return await anyio.to_thread.run_sync(in_thread, abandon_on_cancel=True, limiter=self._threads)
        finally:
            self._permits.release_on_behalf_of(borrower)

    async def active(self) -> Active:
        """The pointers as they are now."""
        return await self.run(read_active)

    async def series(
        self, active: Active, run: ActiveRun, store_id: str, item_id: str, quantile_columns: tuple[str, ...]
    ) -> Sequence[Sequence[Any]]:
        """Rows of `series_query`, dates as ISO text, and the final last; none when the run has no such series."""
        values = {"run_id": run.run_id, "store_id": store_id, "item_id": item_id}
        statement = series_query(quantile_columns)

        def read(connection: Connection) -> list[tuple[Any, ...]]:
            rows = [(row[0].isoformat(), *row[1:]) for row in connection.execute(statement, values)]
            effects: tuple[Effect, ...] = ()
            if rows and run.run_id in active.effects:
                groups = connection.execute(SELECT_GROUPS, values).one()
                effects = active.effects_on(run, _named(store_id, item_id, groups))
            return with_finals(rows, effects)

        return await self.run(read)

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


class _Statement:
    """A SQLAlchemy statement as SQLite text with its parameters in order."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=sqlite_dialect.dialect(paramstyle="qmark"))
        self.text = str(compiled)
        self.order: tuple[str, ...] = tuple(getattr(compiled, "positiontup", None) or ())


class SqliteReader(StoreReader):
    """A SQLite file: pointers and single series are read on the event loop, the rest in threads."""

    def __init__(self, settings: ApiSettings, path: Path) -> None:
        super().__init__(settings)
        self._path = path
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._looked_at = 0.0
        self._version: int | None = None
        self._active = Active()
        self._select_active = _Statement(SELECT_ACTIVE)
        self._select_effects = _Statement(SELECT_SERVED_EFFECTS)
        self._select_groups = _Statement(SELECT_GROUPS)
        assert self._select_groups.order == ("run_id", "store_id", "item_id")
        self._select_series: dict[tuple[str, ...], str] = {}

    async def active(self) -> Active:
        """The pointers as they are now; waits as long as the settings say when the file is locked."""
        return await self._patiently(self._read_active)

    async def series(
        self, active: Active, run: ActiveRun, store_id: str, item_id: str, quantile_columns: tuple[str, ...]
    ) -> Sequence[Sequence[Any]]:
        """Rows of `series_query`, dates as ISO text, and the final last; none when the run has no such series."""
        return await self._patiently(lambda: self.series_at_once(active, run, store_id, item_id, quantile_columns))

    def series_at_once(
        self, active: Active, run: ActiveRun, store_id: str, item_id: str, quantile_columns: tuple[str, ...]
    ) -> list[tuple[Any, ...]]:
        """As `series`, without waiting.

        Raises:
            sqlite3.Error: the file is locked or not a store.
        """
        text = self._select_series.get(quantile_columns)
        if text is None:
            statement = _Statement(series_query(quantile_columns))
            assert statement.order == ("run_id", "store_id", "item_id")
            text = self._select_series[quantile_columns] = statement.text
        connection, named = self._connect(), (run.run_id, store_id, item_id)
        rows = connection.execute(text, named).fetchall()
        effects: tuple[Effect, ...] = ()
        if rows and run.run_id in active.effects:
            groups = connection.execute(self._select_groups.text, named).fetchone()
            effects = active.effects_on(run, _named(store_id, item_id, groups))
        return with_finals(rows, effects)

    def active_at_once(self) -> Active:
        """As `active`, without waiting.

        Raises:
            sqlite3.Error: the file is locked or not a store.
            StoreError: there is no file.
        """
        return self._read_active()

    def engine(self) -> Engine:
        """The pool of the file that is there now."""
        self._connect()
        return super().engine()

    def close(self) -> None:
        """Close all connections."""
        super().close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._file = None

    async def _patiently(self, read: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._settings.lock_timeout_seconds
        while True:
            try:
                return read()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_LOCK_POLL_SECONDS)

    def _connect(self) -> sqlite3.Connection:
        """The loop's connection to the file that is at the path: a replaced file is another store.

        Publishing never replaces the file, a person does: looking for it twenty times a second is enough.
        """
        now = time.monotonic()
        if self._connection is not None and now - self._looked_at < LOOK_SECONDS:
            return self._connection
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
            connection.execute("PRAGMA cache_size = -65536")
            self._connection, self._file, self._version = connection, file, None
        self._looked_at = now
        return self._connection

    def _read_active(self) -> Active:
        connection = self._connect()
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            active = self._read_at_one_moment(connection)
            # the same pointers stay the same object, so what hangs on it is not made again
            if active.token != self._active.token:
                self._active = active
            self._version = version
        return self._active

    def _read_at_one_moment(self, connection: sqlite3.Connection) -> Active:
        connection.execute("BEGIN")
        try:
            rows = [_typed(row) for row in connection.execute(self._select_active.text)]
            effects = connection.execute(self._select_effects.text).fetchall() if has_overrides(rows) else ()
        finally:
            connection.execute("COMMIT")
        return Active.of(rows, effects)


def _typed(row: Sequence[Any]) -> tuple[Any, ...]:
    """A row of `SELECT_ACTIVE` as SQLite keeps it, with Python values."""
    store_id, run_id, activated_at, model, origin, horizon_days, published_at, scope, *others = row
    return (
        store_id,
        run_id,
        datetime.fromisoformat(activated_at),
        model,
        date.fromisoformat(origin),
        horizon_days,
        None if published_at is None else datetime.fromisoformat(published_at),
        json.loads(scope),
        *others,
    )


def make_reader(settings: ApiSettings) -> StoreReader:
    """The reader that fits the store's URL.

    Raises:
        StoreError: the URL is not one of SQLite or SQL Server.
    """
    try:
        url = make_url(settings.effective_store_url)
    except Exception:
        raise StoreError("DEMAND_STORE_URL is no database URL.") from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return SqliteReader(settings, Path(url.database).resolve())
    return StoreReader(settings)
