"""What kind of fault a database error is: by SQLite's result codes, and by SQL Server's SQLSTATEs and error numbers.

Wording is no evidence: "Connection is busy with results for another command" is a mistake of the client, not a lock.
"""

from __future__ import annotations

import re
import sqlite3
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError

from models_ml.errors import StoreError


class Fault(Enum):
    """What a caller can do something about."""

    LOCKED = auto()
    FULL = auto()
    FORBIDDEN = auto()
    DAMAGED = auto()
    OUTDATED = auto()
    UNREACHABLE = auto()
    OTHER = auto()


_OF_SQLITE = {
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_IOERR: Fault.FULL,
    sqlite3.SQLITE_CANTOPEN: Fault.FORBIDDEN,
    sqlite3.SQLITE_READONLY: Fault.FORBIDDEN,
    sqlite3.SQLITE_PERM: Fault.FORBIDDEN,
    sqlite3.SQLITE_AUTH: Fault.FORBIDDEN,
    sqlite3.SQLITE_CORRUPT: Fault.DAMAGED,
    sqlite3.SQLITE_NOTADB: Fault.DAMAGED,
}
"""Primary result codes (sqlite.org/rescode.html)."""

_OF_NUMBER = {
    1205: Fault.LOCKED,  # deadlock
    1222: Fault.LOCKED,  # lock request time-out
    1105: Fault.FULL,  # filegroup
    9002: Fault.FULL,  # transaction log
    40544: Fault.FULL,  # Azure SQL's size quota
    229: Fault.FORBIDDEN,  # permission on an object
    230: Fault.FORBIDDEN,  # permission on a column
    262: Fault.FORBIDDEN,  # permission in the database
    916: Fault.FORBIDDEN,  # no user in the database
    18456: Fault.FORBIDDEN,  # login failed
    207: Fault.OUTDATED,  # invalid column name
    208: Fault.OUTDATED,  # invalid object name
}
"""SQL Server's error numbers that call for something else than another try."""

# Microsoft's list for Azure SQL (throttling, fail-over, resource limits), plus deadlock (1205), lock time-out
# (1222) and the socket errors that a cut connection gives (64, 121, 233, 10053, 10054, 10060).
TRANSIENT_NUMBERS = frozenset(
    {
        64, 121, 233, 615, 926, 1205, 1222, 4060, 4221, 10053, 10054, 10060, 10928, 10929, 11001, 40143,
        40166, 40197, 40501, 40540, 40613, 42108, 42109, 49918, 49919, 49920,
    }
)  # fmt: skip
# Connection lost, not established, timed out; serialisation failure.
TRANSIENT_STATES = frozenset({"08001", "08003", "08004", "08007", "08S01", "HYT00", "HYT01", "40001"})
_NUMBER = re.compile(r"\((\d{1,5})\)(?=\s*(?:\(SQL\w+\)|;|$))")
"""ODBC ends each message with the server's number, then the name of the call."""


def fault_of(error: BaseException) -> Fault:
    """The kind of a driver's error, also inside SQLAlchemy's or a StoreError made of it."""
    original = _original(error)
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_ERROR and re.match(r"no such (table|column)\b", str(original)):
            return Fault.OUTDATED  # SQLite has no code for it
        return Fault.OTHER if code is None else _OF_SQLITE.get(code & 0xFF, Fault.OTHER)
    state, numbers = _state_and_numbers(original)
    for number in numbers:
        if number in _OF_NUMBER:
            return _OF_NUMBER[number]
    if state == "28000":
        return Fault.FORBIDDEN
    return Fault.UNREACHABLE if state in TRANSIENT_STATES or numbers & TRANSIENT_NUMBERS else Fault.OTHER


def is_transient(error: BaseException) -> bool:
    """Whether the server may accept the same transaction a moment later (never true of SQLite)."""
    if not isinstance(error, DBAPIError):
        return False
    state, numbers = _state_and_numbers(error.orig)
    return state in TRANSIENT_STATES or bool(numbers & TRANSIENT_NUMBERS)


def _original(error: BaseException) -> BaseException | None:
    if isinstance(error, StoreError):
        return _original(error.__cause__) if error.__cause__ is not None else None
    return error.orig if isinstance(error, DBAPIError) else error


def _state_and_numbers(error: BaseException | None) -> tuple[str | None, frozenset[int]]:
    """SQLSTATE and error numbers of an error as pyodbc raises it: `Error(state, text)`."""
    arguments = () if error is None else error.args
    if len(arguments) < 2 or not isinstance(arguments[0], str) or not re.fullmatch(r"[0-9A-Z]{5}", arguments[0]):
        return None, frozenset()
    return arguments[0], frozenset(int(number) for number in _NUMBER.findall(str(arguments[1])))
