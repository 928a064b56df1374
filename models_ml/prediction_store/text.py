"""Comparison of text that means the same on SQLite and on SQL Server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Unicode, literal, select
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

KEY_COLLATION = "Latin1_General_100_BIN2"
SEARCH_COLLATION = "Latin1_General_100_CI_AS_KS_WS"
"""Ignores case, and nothing else."""
LIKE_ESCAPE = "/"
_LAST_CHARACTER = "\uffff"
_NO_KEY = "\ufffd"


class ExactKey(TypeDecorator[str]):
    """Key of SQL Server that equals its own text alone.

    The collation tells cases apart, but SQL Server pads the shorter side of a comparison with blanks: `a` = `a `.
    No key ends in a blank (see `frames.check`), so a value that does is sent with a mark behind it and equals no key.
    """

    impl = mssql.NVARCHAR
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length, collation=KEY_COLLATION)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The value as it is sent."""
        return value + _NO_KEY if value is not None and value.endswith(" ") else value


class _folded(FunctionElement[str]):  # noqa: N801 - as SQLAlchemy names functions
    """Text without its case."""

    type = Unicode()
    inherit_cache = True


@compiles(_folded, "sqlite")
def _folded_on_sqlite(element: _folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"casefold({compiler.process(element.clauses, **options)})"  # `engine` gives SQLite Python's casefold


@compiles(_folded, "mssql")
def _folded_on_sql_server(element: _folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE {SEARCH_COLLATION}"


def escape_like(text: str) -> str:
    """Text as a part of a LIKE pattern that matches itself (`ESCAPE '/'`): `[` is a wildcard on SQL Server."""
    return "".join(LIKE_ESCAPE + character if character in "%_[/" else character for character in text)


def contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a text contains another one, whatever the case of either, in any alphabet."""
    return _folded(column).like(f"%{escape_like(text.casefold())}%", escape=LIKE_ESCAPE)


class json_rows(FunctionElement[str]):  # noqa: N801
    """Rows of a JSON array."""

    name = "json_each"
    inherit_cache = True


@compiles(json_rows, "mssql")
def _json_rows_on_sql_server(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"OPENJSON({compiler.process(element.clauses, **options)})"


@compiles(json_rows, "sqlite")
def _json_rows_on_sqlite(element: json_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


class _key_value(FunctionElement[str]):  # noqa: N801
    """A text that is compared as keys are."""

    type = Unicode()
    inherit_cache = True


@compiles(_key_value)
def _key_value_plain(element: _key_value, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_key_value, "mssql")
def _key_value_on_sql_server(element: _key_value, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE {KEY_COLLATION}"


def one_of(key: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a key is one of any number of values, which are one parameter: SQL Server takes 2,100 of them."""
    listed = json.dumps([value for value in sorted(values) if not value.endswith(" ")])
    rows = json_rows(literal(listed, Unicode())).table_valued("value")
    return key.in_(select(_key_value(rows.c.value)))


def begins_with(key: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a key begins with a text, case told apart (SQLite's LIKE does not): a range, which an index serves."""
    return key.between(text, text + _LAST_CHARACTER)
