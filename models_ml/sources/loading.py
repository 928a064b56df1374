"""How every source writes raw tables: one DuckDB connection, one transaction, faults of the disk said plainly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from models_ml.errors import InputError, WarehouseError

# What a full disk or too little memory looks like: while rows are written, at the commit, and after it.
_WRITE_ERRORS = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.FatalException,
)


def asked_for(stores: Sequence[str] | None, as_of: dt.date | None) -> str:
    """Which part of a source was loaded, as text to compare with: the same part is not loaded again."""
    return ",".join(sorted(set(stores or ()))) + (f" as of {as_of}" if as_of is not None else "")


def refuse_unsold_day(as_of: dt.date, first_day: dt.date, last_day: dt.date) -> None:
    """A past day to load as of must be one of the days of sales.

    Raises:
        InputError: it is not.
    """
    if not first_day <= as_of <= last_day:
        raise InputError(
            f"--as-of: {as_of} is no day of sales; they reach from {first_day} to {last_day}. "
            "Choose a day between them. Nothing was loaded."
        )


@contextmanager
def connected(warehouse: Path, memory_limit_gb: float, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse's file, made if it is not there.

    Raises:
        WarehouseError: it is in use or damaged, or there is no room on the disk.
    """
    try:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"{warehouse.parent} cannot be made: {error.strerror}. Choose another DEMAND_HOME."
        ) from None
    config = {"memory_limit": f"{memory_limit_gb}GB", "threads": threads}
    try:
        connection = duckdb.connect(str(warehouse), config=config)
    except duckdb.Error as error:
        message = str(error).splitlines()[0]
        remedy = (
            "Another process has it open; wait until it ends."
            if "lock" in message
            else "If it is no DuckDB file, or a damaged one, move it away and run again."
        )
        raise WarehouseError(f"{warehouse} cannot be opened: {message}. {remedy}") from None
    connection.execute("set enable_progress_bar = false")  # it would be drawn into the caller's output
    try:
        yield connection
    except _WRITE_ERRORS as error:
        message = str(error).splitlines()[0]
        raise WarehouseError(
            f"{warehouse} cannot be written: {message}. Make room on the disk (or raise DEMAND_MEMORY_LIMIT_GB "
            "if memory ran out) and run again; the raw tables are those of before."
        ) from None
    finally:
        connection.close()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        # A failed commit has ended the transaction already, and a fatal error the whole connection.
        try:
            connection.rollback()
        except duckdb.Error:
            connection.close()
        raise
