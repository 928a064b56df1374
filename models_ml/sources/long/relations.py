"""A source's tables as DuckDB sees them: files by their readers, warehouse tables in place; and their fingerprint."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from models_ml.errors import InputError
from models_ml.sources.faults import input_fault
from models_ml.sources.long.config import SourceConfig, Table

_CHUNK_BYTES = 4 * 2**20


def quoted(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Relation:
    """One table that can be selected from.

    Attributes:
        name: as the user knows it: the file's name, or the table's.
        sql: what stands behind `from`.
        columns: names of its columns.
        path: the file; None for a table of the warehouse.
    """

    name: str
    sql: str
    columns: tuple[str, ...]
    path: Path | None

    def require(self, column: str, field: str) -> str:
        """The identifier of a column that the configuration names.

        Raises:
            InputError: the table has no such column.
        """
        if column not in self.columns:
            raise input_fault(
                self.name,
                f"there is no such column, which {field} of the configuration names",
                line=1 if self.path is not None else None,
                column=column,
                remedy=f"Its columns are: {', '.join(self.columns[:40])}. Correct {field}.",
            )
        return quoted(column)

    def line(self, connection: duckdb.DuckDBPyConnection, condition: str, value: str) -> tuple[int | None, object]:
        """The line (None in a warehouse table) and the value of the first row for which a condition holds."""
        row = connection.execute(
            f"select line, found from (select row_number() over () + 1 as line, {value} as found,"
            f" {condition} as is_fault from {self.sql}) where is_fault order by line limit 1"
        ).fetchone()
        if row is None:
            return None, None
        is_text = self.path is not None and self.path.suffix != ".parquet"
        return (row[0] if is_text else None), row[1]


def open_relation(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> Relation:
    """Find a table and its columns.

    Args:
        connection: to the warehouse.
        table: as configured.
        folder: that relative paths start from.

    Raises:
        InputError: no such file or table, or it cannot be read.
    """
    if not table.is_file:
        try:
            described = connection.execute(f"describe {table.from_}").fetchall()
        except duckdb.Error as error:
            raise InputError(
                f"{table.from_}: there is no such table in the warehouse ({str(error).splitlines()[0]}). Name a table "
                "as schema.table, or database.schema.table of one of `databases`, or a file that ends in .csv or "
                ".parquet. Nothing was loaded."
            ) from None
        return Relation(table.from_, table.from_, tuple(row[0] for row in described), None)
    path = (folder / Path(table.from_).expanduser()).resolve()
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. Correct its path in the configuration. Nothing was loaded.")
    literal = "'" + str(path).replace("'", "''") + "'"
    if path.suffix == ".parquet":
        sql = f"read_parquet({literal})"
    else:
        sql = f"read_csv({literal}, all_varchar = true, header = true, null_padding = false)"
    try:
        described = connection.execute(f"describe select * from {sql}").fetchall()
    except duckdb.Error as error:
        raise unreadable(path.name, error) from None
    return Relation(path.name, sql, tuple(row[0] for row in described), path)


def attach(connection: duckdb.DuckDBPyConnection, databases: Mapping[str, str], folder: Path) -> None:
    """Open the databases that a configuration names, to be read and never written.

    Args:
        connection: to the warehouse.
        databases: DuckDB files by the name that they are given.
        folder: that relative paths start from.

    Raises:
        InputError: no such file, or no database that can be read.
    """
    for name, file in databases.items():
        path = (folder / Path(file).expanduser()).resolve()
        if not path.is_file():
            raise InputError(f"databases.{name}: there is no file {path}. Correct its path. Nothing was loaded.")
        literal = str(path).replace("'", "''")
        try:
            connection.execute(f"attach if not exists '{literal}' as {quoted(name)} (read_only)")
        except duckdb.Error as error:
            raise InputError(
                f"databases.{name}: {path} cannot be read as a DuckDB database ({str(error).splitlines()[0]}). "
                "Nothing was loaded."
            ) from None


def unreadable(name: str, error: duckdb.Error) -> InputError:
    """A file that is no table at all."""
    return input_fault(
        name,
        f"the file cannot be read: {' '.join(str(error).split())[:300]}",
        remedy="Save it as plain CSV in UTF-8 with a header, or as parquet.",
    )


def fingerprint(connection: duckdb.DuckDBPyConnection, config: SourceConfig, relations: dict[str, Relation]) -> str:
    """SHA-256 over the configuration and the contents of every table."""
    digest = hashlib.sha256(config.model_dump_json(by_alias=True).encode())
    for name, relation in relations.items():
        if relation.path is not None:
            part = file_sha256(relation.path)
        else:
            part = str(
                connection.execute(
                    f"select count(*), sum(cast(hash(t) as hugeint)) from {relation.sql} as t"
                ).fetchone()
            )
        digest.update(f"{name} {part}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
