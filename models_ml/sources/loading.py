"""How every source writes raw tables: one DuckDB connection, one transaction, clear errors for disk faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from models_ml.errors import InputError, WarehouseError

# Errors of a full disk or of too little memory: while rows are written, at the commit, and after it.
_WRITE_ERRORS = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.FatalException,
)


def asked_for(stores: Sequence[str] | None, as_of: dt.date | None) -> str:
    """The loaded part of a source as text; the same part is not loaded again."""
    return ",".join(sorted(set(stores or ()))) + (f" as of {as_of}" if as_of is not None else "")


def refuse_unsold_day(as_of: dt.date, first_day: dt.date, last_day: dt.date) -> None:
    """Validate `--as-of`: it must be a day within the sales.

    Raises:
        InputError: the day is outside the sales.
    """
    if not first_day <= as_of <= last_day:
        raise InputError(
            f"--as-of: {as_of} is outside the sales, which range from {first_day} to {last_day}. Choose a day in "
            f"between. Nothing was loaded."
        )


@contextmanager
def connected(warehouse: Path, memory_limit_gb: float, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse's file, which is created if missing.

    Raises:
        WarehouseError: the file is in use or damaged, or the disk is full.
    """
    try:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"{warehouse.parent} cannot be created: {error.strerror}. Choose another DEMAND_HOME."
        ) from None
    config = {"memory_limit": f"{memory_limit_gb}GB", "threads": threads}
    try:
        connection = duckdb.connect(str(warehouse), config=config)
    except duckdb.Error as error:
        message = str(error).splitlines()[0]
        remedy = (
            "Another process has it open; wait until it exits."
            if "lock" in message
            else "If it is not a DuckDB file, or is damaged, move it away and run again."
        )
        raise WarehouseError(f"{warehouse} cannot be opened: {message}. {remedy}") from None
    connection.execute("set enable_progress_bar = false")  # it would be drawn into the caller's output
    try:
        yield connection
    except _WRITE_ERRORS as error:
        message = str(error).splitlines()[0]
        raise WarehouseError(
            f"{warehouse} cannot be written: {message}. Make room on the disk (or raise DEMAND_MEMORY_LIMIT_GB "
            "if memory ran out) and run again; the raw tables did not change."
        ) from None
    finally:
        connection.close()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction: rolled back on any error."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        # A failed commit has already ended the transaction; a fatal error has ended the connection.
        try:
            connection.rollback()
        except duckdb.Error:
            connection.close()
        raise
