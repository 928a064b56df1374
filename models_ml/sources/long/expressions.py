"""SQL expressions over a user's columns: ids, numbers and flags stored as text."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from models_ml.sources.long.config import Columns
from models_ml.sources.long.relations import quoted

ALL = "all"
"""Id of the single store, item, department, category or region where the data has no column for it."""

FIRST_SERIAL, LAST_SERIAL = 18264, 73050
"""Days since 1899-12-30, as spreadsheets count them: 1950 to 2099."""

NO_VALUE = ("na", "n/a", "nan", "null")
"""Spellings of a missing number or flag."""


def text(column: str) -> str:
    """A value as text; blank is null."""
    return f"nullif(trim(cast({column} as varchar)), '')"


def key(column: str | None) -> str:
    """An id as text, or `ALL` where there is no column."""
    return f"'{ALL}'" if column is None else text(quoted(column))


def joined(columns: Columns | None) -> str:
    """Values of several columns joined to one id; null if one of them is null."""
    if columns is None:
        return f"'{ALL}'"
    return " || '_' || ".join(text(quoted(column)) for column in columns)


def value(column: str) -> str:
    """A number or a flag as text, or null."""
    return f"(case when lower({text(column)}) not in {NO_VALUE} then {text(column)} end)"


def number(column: str) -> str:
    """A finite number, or null."""
    found = f"try_cast({text(column)} as double)"
    return f"(case when abs({found}) <= {sys.float_info.max!r} then {found} end)"


def flag(column: str) -> str:
    """1 or 0, or null for anything else."""
    said = f"lower({text(column)})"
    return (
        f"(case when {said} in ('0', '0.0', 'false', 'f', 'no', 'n') then 0"
        f" when {said} in ('1', '1.0', 'true', 't', 'yes', 'y') then 1 end)"
    )


def in_stores(store: str, stores: Sequence[str], word: str) -> str:
    """Condition that keeps the requested stores."""
    if not stores:
        return ""
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in stores)
    return f" {word} {store} in ({listed})"


def empty(**columns: str) -> str:
    """A select without rows."""
    return "select " + ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns.items()) + " where 1 = 0"
