"""Writes to the prediction store on separate connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Engine

from api.errors import ApiError
from api.settings import ApiSettings
from models_ml.prediction_store.engine import make_engine

T = TypeVar("T")

WRITERS = 1
"""Concurrent writes per worker: each locks the pointers, so a second one would only wait inside the database."""


class StoreWriter:
    """The prediction store for writers; opened at the first write."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._permits = anyio.CapacityLimiter(WRITERS)

    async def run(self, work: Callable[[Engine], T]) -> T:
        """Run `work` in a thread.

        Raises:
            ApiError: other writes took too long (kind `busy`).
            StoreError: the store cannot be written, or stayed locked for `write_timeout_seconds`.
        """
        borrower = object()
        try:
            with anyio.fail_after(self._settings.write_timeout_seconds):
                await self._permits.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise ApiError(
                "busy", "Other overrides are being written. Try again.", headers={"Retry-After": "1"}
            ) from None
        try:
            # not cancelled with the caller: the transaction is committed or rolled back, and counted until then
            return await anyio.to_thread.run_sync(lambda: work(self._store()))
        finally:
            self._permits.release_on_behalf_of(borrower)

    def _store(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = make_engine(
                    self._settings.effective_store_url,
                    pool_size=WRITERS,
                    pool_timeout_seconds=self._settings.pool_timeout_seconds,
                    busy_timeout_seconds=self._settings.write_timeout_seconds,
                )
            return self._engine

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
