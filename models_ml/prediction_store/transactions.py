"""Transactions on the store: one snapshot to read, one lock to write, retried whole on transient errors."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from models_ml.errors import StoreError
from models_ml.prediction_store.engine import WRITE_OPTION, store_name
from models_ml.prediction_store.mssqlpython import is_lost

T = TypeVar("T")

# Microsoft's list for Azure SQL (throttling, fail-over, resource limits), plus deadlock (1205), lock time-out
# (1222) and the socket errors that a cut connection gives (64, 121, 233, 10053, 10054, 10060).
TRANSIENT_ERRORS = frozenset(
    {
        64, 121, 233, 615, 926, 1205, 1222, 4060, 4221, 10053, 10054, 10060, 10928, 10929, 11001, 40143,
        40166, 40197, 40501, 40540, 40613, 42108, 42109, 49918, 49919, 49920,
    }
)  # fmt: skip
FIRST_WAIT_SECONDS = 0.5
# Connection lost, not established, timed out; serialisation failure.
TRANSIENT_STATES = frozenset({"08001", "08003", "08004", "08007", "08S01", "HYT00", "HYT01", "40001"})


def is_transient(error: BaseException) -> bool:
    """Whether the server may accept the same transaction a moment later (never true of SQLite)."""
    if not isinstance(error, DBAPIError):
        return False
    text = str(error.orig)
    if error.orig is not None and (is_lost(error.orig) or "deadlock" in text.lower()):
        return True
    if "SQL Server" not in text and "mssql" not in type(error.orig).__module__.lower():
        return False
    states = set(re.findall(r"\b(08\w{3}|HYT0[01]|40001)\b", " ".join(str(a) for a in error.orig.args)))  # type: ignore[union-attr]
    numbers = {int(number) for number in re.findall(r"\((\d{2,5})\)", text)}
    return bool(states & TRANSIENT_STATES or numbers & TRANSIENT_ERRORS)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One read transaction; on SQLite all its statements see the same state of the store.

    SQL Server shows each statement the newest committed state. An answer is still from one run there: it reads
    the pointer first, a published run's rows never change, and retention leaves runs alone that were served until
    a moment ago.

    Raises:
        StoreError: the store cannot be reached, has no tables, or is locked.
    """
    with _translated(engine), _connection(engine, False) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed when the block ends, rolled back when it raises.

    Raises:
        StoreError: as `reading`; also when the disk is full.
    """
    with _translated(engine), _connection(engine, True) as connection, connection.begin():
        yield connection


def run_transaction(engine: Engine, work: Callable[[Connection], T], *, write: bool = True, attempts: int = 6) -> T:
    """`work` in one transaction; on a transient error the whole of it again, after a growing wait.

    `work` must bear being called again after its first commit was lost or reached the server unheard.
    Waits double from half a second to at most 30 s, each shortened by up to half at random.

    Raises:
        StoreError: the last attempt failed, or the error is not a transient one.
    """
    with _translated(engine):
        for attempt in range(1, attempts + 1):
            try:
                with _connection(engine, write) as connection, connection.begin():
                    return work(connection)
            except DBAPIError as error:
                if attempt == attempts or not is_transient(error):
                    raise
                wait = min(30.0, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
                time.sleep(wait * (1 - random.random() / 2))  # noqa: S311 - jitter, no secret
    raise AssertionError("unreachable: the last attempt returns or raises")


def _connection(engine: Engine, write: bool) -> Connection:
    return engine.connect().execution_options(**{WRITE_OPTION: write})


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """Database errors as StoreError that names the store and the remedy; other errors pass."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_explain(engine, error)) from error


def _explain(engine: Engine, error: DBAPIError) -> str:
    shown = store_name(engine.url)
    text = " ".join(str(error.orig).split())[:400]
    lowered = text.lower()
    if "database is locked" in lowered:
        return f"{shown} is locked by another writer. Wait until that publish has ended, then try again."
    if "disk is full" in lowered or "disk i/o error" in lowered:
        return f"{shown} cannot be written: {text}. Free space on its disk, then run the same command again."
    if "unable to open database" in lowered or "readonly" in lowered or "query_only" in lowered:
        return f"{shown} cannot be opened or written: {text}. Check the path and its permissions."
    if "malformed" in lowered or "not a database" in lowered:
        return f"{shown} is damaged or no SQLite file: {text}. Restore it, or publish to a new file."
    if "no such table" in lowered or "no such column" in lowered or "invalid object name" in lowered:
        return f"{shown} lacks a table or column of this version: {text}. Run: demand store upgrade."
    if isinstance(error, OperationalError | ProgrammingError) and is_transient(error):
        return f"{shown} cannot be reached: {text}. Check server, network and sign-in, then try again."
    return f"{shown}: {text}"
