"""Transactions on the store: one snapshot to read, one lock to write, retried whole on transient errors."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from models_ml.errors import StoreError
from models_ml.prediction_store.engine import WRITE_OPTION, store_name
from models_ml.prediction_store.faults import Fault, fault_of, is_transient

T = TypeVar("T")

FIRST_WAIT_SECONDS = 0.5


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


def run_transaction(
    engine: Engine,
    work: Callable[[Connection], T],
    *,
    write: bool = True,
    attempts: int = 6,
    repeat_on: tuple[type[DBAPIError], ...] = (),
) -> T:
    """`work` in one transaction; after a transient error, or one of `repeat_on`, all of it again.

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
                if attempt == attempts or not (is_transient(error) or isinstance(error, repeat_on)):
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


_SAID = {
    Fault.LOCKED: "{store} is locked by another writer. Wait until that publish has ended, then try again.",
    Fault.FULL: "{store} cannot be written: {text}. Free space on its disk, then run the same command again.",
    Fault.FORBIDDEN: "{store} cannot be opened or written: {text}. Check the path, the sign-in and the permissions.",
    Fault.DAMAGED: "{store} is damaged or no SQLite file: {text}. Restore it, or publish to a new file.",
    Fault.OUTDATED: "{store} lacks a table or column of this version: {text}. Run: demand store upgrade.",
    Fault.UNREACHABLE: "{store} cannot be reached: {text}. Check server, network and sign-in, then try again.",
    Fault.OTHER: "{store}: {text}",
}


def _explain(engine: Engine, error: DBAPIError) -> str:
    text = " ".join(str(error.orig).split())[:400]
    return _SAID[fault_of(error)].format(store=store_name(engine.url), text=text)
