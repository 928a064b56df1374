"""What a person said of a source on the command line, and the tables that it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from models_ml.errors import InputError
from models_ml.sources.loading import connected
from models_ml.sources.long.config import TEXT_SUFFIXES, Table
from models_ml.sources.long.guesses import encoding_of, words
from models_ml.sources.long.ingest import refuse_unseen
from models_ml.sources.long.layout import text_layout
from models_ml.sources.long.relations import Relation, attach
from models_ml.sources.long.session import DatabricksSession, Session


@dataclass(frozen=True)
class Wishes:
    """What a person said of a source; the rest is guessed.

    Attributes:
        columns: columns of the sales by field.
        tables: files (relative to the working folder) or warehouse tables by the name of the configuration.
        where: SQL condition of the sales that count.
        hierarchy: columns that are department, category or region.
        regressors: `column=availability` each.
        rules: top-level fields: grain, missing_dates, duplicates, date_format, decimal, last_day and so on.
        layout: fields of the table of sales: wide, sheet.
        accept: findings that are right as they are, each with its reason.
        databases: `name=file` each: DuckDB files whose tables may be named.
    """

    columns: Mapping[str, str]
    tables: Mapping[str, str]
    where: str | None
    hierarchy: Mapping[str, str]
    regressors: Sequence[str]
    rules: Mapping[str, str]
    databases: Sequence[str]
    layout: Mapping[str, str] = field(default_factory=dict)
    accept: Mapping[str, str] = field(default_factory=dict)


def located(table: str) -> dict[str, object]:
    """A table's fields: a file by its whole path, so that the configuration may lie anywhere; and how it is read.

    A folder is all files in it of its most frequent suffix.
    """
    path = Path(table).expanduser()
    if path.is_dir():
        suffixes = Counter("".join(file.suffixes[-2:]) for file in path.iterdir() if not file.name.startswith("."))
        usual = [suffix for suffix, _ in suffixes.most_common() if suffix in (*TEXT_SUFFIXES, ".parquet")]
        if not usual:
            raise InputError(f"{path}: the folder holds no {', '.join(TEXT_SUFFIXES)} or .parquet files.")
        return {"from": str(path.resolve() / f"*{usual[0]}")}
    if not path.is_file():
        return {"from": table}
    fields: dict[str, object] = {"from": str(path.resolve())}
    if path.name.lower().endswith(TEXT_SUFFIXES):
        encoding = encoding_of(path)
        layout = text_layout(path, encoding)
        fields |= {} if encoding == "utf-8" else {"encoding": encoding}
        fields |= {"skip_lines": layout.skip_lines} if layout.skip_lines else {}
        fields |= {"delimiter": layout.delimiter} if layout.delimiter else {}
    return fields


def database(text: str) -> tuple[str, str]:
    """Name and whole path of a database given as `name=file`.

    Raises:
        InputError: the text has no `=`.
    """
    name, equals, file = text.partition("=")
    if not equals:
        raise InputError(f"--database {text!r}: write it as name=file.duckdb.")
    return name, str(Path(file).expanduser().resolve())


@contextmanager
def connection_to(
    path: Path, tables: Collection[Table], databases: Mapping[str, str], warehouse: Path | DatabricksSession
) -> Iterator[Session]:
    """A connection that sees the tables: to a DuckDB warehouse only where one of them is a table of it."""
    if isinstance(warehouse, DatabricksSession):
        refuse_unseen(path, tables, databases)
        yield warehouse
    elif all(table.is_file or table.catalog in databases for table in tables):
        with duckdb.connect() as connection:
            attach(connection, databases, Path.cwd())
            yield connection
    else:
        with connected(warehouse, 4.0, 2) as connection:
            attach(connection, databases, Path.cwd())
            yield connection


def regressor(text: str, relations: Mapping[str, Relation]) -> tuple[str, dict[str, str]]:
    """Name and fields of a regressor given as `column=availability`; a static one is of items or stores.

    Raises:
        InputError: the text has no `=`, or there is no such column.
    """
    column, equals, availability = text.partition("=")
    if not equals:
        raise InputError(f"--regressor {text!r}: write it as column=known, column=past_only or column=static.")
    name = words(column)[:40]
    name = name if name[0].isalpha() else f"column_{name}"
    if availability != "static":
        relations["sales"].require(column, "--regressor")
        return name, {"column": column, "availability": availability}
    for table in ("items", "stores"):
        if table in relations and column in relations[table].columns:
            return name, {"column": column, "availability": availability, "from": table}
    raise InputError(f"--regressor {text!r}: neither --items nor --stores names a table with that column.")
