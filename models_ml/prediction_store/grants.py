"""Users and rights of the store on a SQL Server, from a file of SQL with the names of the identities left open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from models_ml.errors import InputError, StoreError

_VARIABLE = re.compile(r"\$\((\w+)\)")
_VALUE = re.compile(r"[\w.-]+")
"""Names of identities and their ids: nothing that could end a text in SQL."""


def parse(values: Sequence[str]) -> dict[str, str]:
    """`name=value` words as a mapping.

    Raises:
        InputError: a word is not of this form, or a value has other characters than letters, digits, `_`, `-` and `.`.
    """
    found = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier() or not _VALUE.fullmatch(value):
            raise InputError(f"{word!r} is no name=value with a value of letters, digits, _, - and . only.")
        found[name] = value
    return found


def filled(sql: str, values: Mapping[str, str]) -> str:
    """The SQL with a value for each `$(name)`.

    Raises:
        InputError: a name has no value, or a value is asked for by nothing.
    """
    asked = set(_VARIABLE.findall(sql))
    if asked != set(values):
        missing, unknown = sorted(asked - set(values)), sorted(set(values) - asked)
        raise InputError(f"The file asks for {', '.join(sorted(asked))}: missing {missing}, not asked for {unknown}.")
    return _VARIABLE.sub(lambda found: values[found[1]], sql)


def run(engine: Engine, sql: str, values: Mapping[str, str]) -> None:
    """Run the file as one batch and commit it.

    Raises:
        StoreError: the store is no SQL Server, or the server refuses it.
    """
    if engine.dialect.name != "mssql":
        raise StoreError("Grants are of a SQL Server; a SQLite store belongs to whoever can read its file.")
    batch = filled(sql, values)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(batch)
    except SQLAlchemyError as error:
        raise StoreError(f"The grants were refused, and none was given: {error}") from error
