"""A source's tables as DuckDB sees them: files by their readers, warehouse tables in place; and their fingerprint."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from models_ml.errors import InputError, WarehouseError
from models_ml.sources.faults import input_fault
from models_ml.sources.long.config import JSON_SUFFIXES, WORKBOOK_SUFFIXES, SourceConfig, Table
from models_ml.sources.long.files import registered, sheet_table, unzipped
from models_ml.sources.long.session import Session

_CHUNK_BYTES = 4 * 2**20


def quoted(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Relation:
    """One table that can be selected from.

    Attributes:
        name: as the user knows it: the file's name, or the table's.
        rows: what stands behind `from`, for all of its rows.
        columns: names of its columns.
        path: the file; None for a table of the warehouse.
        where: condition of the rows that count; None: all do.
        first_line: line of the file that its first row is on; None where rows have no lines.
        paths: of all its files.
    """

    name: str
    rows: str
    columns: tuple[str, ...]
    path: Path | None
    where: str | None = None
    first_line: int | None = None
    paths: tuple[Path, ...] = ()

    @property
    def sql(self) -> str:
        """What stands behind `from`, for the rows that count."""
        return self.rows if self.where is None else f"(select * from {self.rows} where ({self.where}))"

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

    def line(self, connection: Session, condition: str, value: str) -> tuple[int | None, object]:
        """The line (None in a warehouse table) and the value of the first row for which a condition holds."""
        if self.path is None:
            row = connection.execute(f"select {value} from {self.sql} where {condition} limit 1").fetchone()
            return None, None if row is None else row[0]
        above = (self.first_line or 2) - 1
        row = connection.execute(
            f"select line, found from (select row_number() over () + {above} as line, {value} as found,"
            f" ({condition}) and ({self.where or 'true'}) as is_fault from {self.rows})"
            " where is_fault order by line limit 1"
        ).fetchone()
        if row is None:
            return None, None
        return (row[0] if self.first_line is not None else None), row[1]


def open_relation(connection: Session, table: Table, folder: Path) -> Relation:
    """Find a table and its columns.

    Args:
        connection: to the warehouse.
        table: as configured.
        folder: that relative paths start from.

    Raises:
        InputError: no such file or table, it cannot be read, or its condition holds for none of its rows.
    """
    relation = _opened(connection, table, folder)
    if table.where is not None:
        _check_where(connection, relation)
    return relation


def _opened(connection: Session, table: Table, folder: Path) -> Relation:
    if not table.is_file:
        try:
            described = connection.execute(f"describe {table.from_}").fetchall()
        except (duckdb.Error, WarehouseError) as error:
            raise InputError(
                f"{table.from_}: there is no such table in the warehouse ({str(error).splitlines()[0]}). Name a table "
                "as schema.table, or database.schema.table of one of `databases`, or a file that ends in .csv or "
                ".parquet. Nothing was loaded."
            ) from None
        return Relation(table.from_, table.from_, tuple(columns_described(described)), None, table.where)
    if "*" in table.from_:
        paths = sorted(folder.glob(table.from_)) if not table.from_.startswith("/") else _absolute_glob(table.from_)
        if not paths:
            raise InputError(f"{table.from_}: no file matches. Correct it in the configuration. Nothing was loaded.")
        return _shaped(connection, _text_relation(connection, paths, table, table.from_), table)
    path = (folder / Path(table.from_).expanduser()).resolve()
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. Correct its path in the configuration. Nothing was loaded.")
    if path.suffix == ".zip":
        relation = _text_relation(connection, sorted(unzipped(path).iterdir()), table, path.name)
        return _shaped(connection, replace(relation, path=path, first_line=None), table)
    if path.suffix in WORKBOOK_SUFFIXES:
        if not isinstance(connection, duckdb.DuckDBPyConnection):
            raise InputError(f"{path} cannot be seen by Databricks. Load it into a table first.")
        rows, header, _ = sheet_table(path, table.sheet)
        name = registered(connection, path, rows)
        found = Relation(path.name, name, tuple(rows.column_names), path, table.where, header + 1)
        return _shaped(connection, found, table)
    return _shaped(connection, _text_relation(connection, [path], table, path.name), table)


def _absolute_glob(pattern: str) -> list[Path]:
    return sorted(Path("/").glob(pattern.lstrip("/")))


def _text_relation(connection: Session, paths: Sequence[Path], table: Table, name: str) -> Relation:
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    many = ", union_by_name = true" if len(paths) > 1 else ""
    if paths[0].suffix == ".parquet":
        sql = f"read_parquet([{listed}]{many})"
    elif any(paths[0].name.lower().endswith(suffix) for suffix in JSON_SUFFIXES):
        sql = f"read_json([{listed}], convert_strings_to_integers = false, auto_detect = true{many})"
    else:
        delimiter = "" if table.delimiter is None else f", delim = '{table.delimiter.replace(chr(39), chr(39) * 2)}'"
        sql = (
            f"read_csv([{listed}], all_varchar = true, header = true, null_padding = false, skip = {table.skip_lines},"
            f" encoding = '{table.encoding}'{delimiter}{many})"
        )
    try:
        described = connection.execute(f"describe select * from {sql}").fetchall()
    except duckdb.Error as error:
        raise unreadable(name, error) from None
    is_text = sql.startswith("read_csv") and len(paths) == 1
    first_line = table.skip_lines + 2 if is_text else None
    return Relation(name, sql, tuple(row[0] for row in described), paths[0], table.where, first_line, tuple(paths))


def _shaped(connection: Session, relation: Relation, table: Table) -> Relation:
    """A wide table as a long one: a row a cell."""
    wide = getattr(table, "wide", None)
    if wide is None:
        return relation
    for column in wide.keep:
        relation.require(column, "sales.wide.keep")
    kept = ", ".join(map(quoted, wide.keep))
    held = f" exclude ({kept})" if kept else ""
    name = f"long_{hashlib.sha256(str(relation.path).encode()).hexdigest()[:12]}"
    try:  # a table, because a file of hundreds of columns is slow to read for every question
        connection.execute(
            f"create or replace temp table {name} as select * from (select * from {relation.rows})"
            f" unpivot (units for {quoted(wide.into)} in (columns(*{held})))"
        )
        described = connection.execute(f"describe {name}").fetchall()
    except duckdb.Error as error:
        raise unreadable(relation.name, error) from None
    return replace(relation, rows=name, columns=tuple(row[0] for row in described), first_line=None)


def columns_described(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns of a table, without what Databricks adds after them of its partitions."""
    for name, *_ in rows:
        if not name or name.startswith("#"):
            return
        yield name


def _check_where(connection: Session, relation: Relation) -> None:
    try:
        row = connection.execute(
            f"select count(*), count(*) filter (where ({relation.where})) from {relation.rows}"
        ).fetchone()
    except (duckdb.Error, WarehouseError) as error:
        raise input_fault(
            relation.name,
            f"the condition `where: {relation.where}` cannot be evaluated: {str(error).splitlines()[0]}",
            remedy="Correct it. Values of a CSV file are texts: write cast(price as double) > 0, returned = 'no'.",
        ) from None
    if row is not None and row[0] and not row[1]:
        raise input_fault(
            relation.name,
            f"the condition `where: {relation.where}` holds for none of its {row[0]:,} rows",
            remedy="Correct it. Values of a CSV file are texts, with the case of the file: returned = 'False'.",
        )


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
        remedy="Save it as plain CSV in UTF-8 with a header, or as parquet; or say its `encoding`, latin-1 for one.",
    )


def fingerprint(connection: Session, config: SourceConfig, relations: dict[str, Relation]) -> str:
    """SHA-256 over the configuration and the contents of every table."""
    digest = hashlib.sha256(config.model_dump_json(by_alias=True).encode())
    for name, relation in relations.items():
        if relation.path is not None:
            part = " ".join(file_sha256(path) for path in relation.paths or (relation.path,))
        else:
            part = str(
                connection.execute(
                    f"select count(*), sum(cast(hash({', '.join(map(quoted, relation.columns))}) as decimal(38, 0)))"
                    f" from {relation.sql}"
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
