"""The warehouse as the model sees it: one relation at a time, as Arrow, with columns and rows pushed down."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack

import pyarrow as pa

from models_ml.errors import InputError, WarehouseError
from models_ml.settings import Settings

BATCH_ROWS = 1_000_000
"""Rows of a batch: some tens of megabytes, released before the next batch is read."""


class Rows(TypedDict, total=False):
    """Which rows of a relation are read; without any of these, all.

    Attributes:
        stores: only rows of these stores; empty: all.
        date_column: the column that `since`, `until` (both inclusive) and `dates` filter; by default `date`.
        since: earliest date.
        until: latest date.
        dates: only these dates.
    """

    stores: Sequence[str]
    date_column: str
    since: date | None
    until: date | None
    dates: Sequence[date] | None


class Warehouse(Protocol):
    """The reads that a forecaster may make."""

    def read(self, relation: str, columns: Sequence[str], **rows: Unpack[Rows]) -> pa.Table:
        """Read one relation.

        Args:
            relation: `schema.table`, e.g. `core.fct_daily_sales`.
            columns: the columns to read, in this order.
            rows: see `Rows`.

        Raises:
            WarehouseError: the relation or a column does not exist, or the warehouse is locked or unreachable.
        """
        ...

    def batches(self, relation: str, columns: Sequence[str], **rows: Unpack[Rows]) -> Iterator[pa.Table]:
        """Read one relation in one pass, some rows at a time, so that memory does not grow with it; as `read`."""
        yield self.read(relation, columns, **rows)


MOST_MARKERS = 100
"""Values of a list that are a parameter each; Databricks takes 255 parameters."""


def _one_of(column: str, values: list[Any]) -> tuple[str, list[Any]]:
    """A condition and its parameters: a marker a value, or all values as the lines of one."""
    if len(values) <= MOST_MARKERS:
        return f"{column} in ({', '.join('?' * len(values))})", values
    return f"array_contains(split(?, chr(10)), cast({column} as string))", ["\n".join(map(str, values))]


def select_statement(
    relation: str,
    columns: Sequence[str],
    *,
    stores: Sequence[str] = (),
    date_column: str = "date",
    since: date | None = None,
    until: date | None = None,
    dates: Sequence[date] | None = None,
) -> tuple[str, list[Any]]:
    """The SELECT for a read, in the SQL that DuckDB and Databricks share, with positional parameters."""
    quoted = ", ".join(columns)
    conditions: list[str] = []
    parameters: list[Any] = []
    if stores:
        condition, given = _one_of("store_id", list(stores))
        conditions.append(condition)
        parameters += given
    for operator, bound in ((">=", since), ("<=", until)):
        if bound is not None:
            conditions.append(f"{date_column} {operator} ?")
            parameters.append(bound)
    if dates is not None:
        condition, given = _one_of(date_column, list(dates)) if dates else ("1 = 0", [])
        conditions.append(condition)
        parameters += given
    where = f" where {' and '.join(conditions)}" if conditions else ""
    # Names come from this package's own code, and values are bound: no user input enters the SQL text.
    return f"select {quoted} from {relation}{where}", parameters  # noqa: S608


class DuckDBWarehouse(Warehouse):
    """A DuckDB file, opened read-only for each read so that dbt can write between reads."""

    def __init__(self, path: Path, *, threads: int = 2, memory_limit_gb: float = 8.0) -> None:
        self.path = path
        self._config = {"threads": threads, "memory_limit": f"{memory_limit_gb}GB"}

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        import duckdb

        if not self.path.exists():
            raise WarehouseError(
                f"There is no warehouse at {self.path}. "
                "Run `demand ingest` and `demand build` first, or set DEMAND_HOME."
            )
        try:
            connection = duckdb.connect(str(self.path), read_only=True, config=self._config)
        except duckdb.IOException as error:
            remedy = (
                "Another process writes it (DuckDB has one writer): wait for it, or stop it."
                if "lock" in str(error)
                else "If it is no DuckDB file, or a damaged one, move it away and run again."
            )
            raise WarehouseError(
                f"The warehouse {self.path} cannot be opened. {remedy} ({first_line(error)})"
            ) from None
        try:
            yield connection
        finally:
            connection.close()

    def refuse_unreadable(self) -> None:
        """Open the file and close it.

        Raises:
            WarehouseError: it is missing, locked or no DuckDB file.
        """
        with self._connection():
            pass

    @contextmanager
    def _executed(self, relation: str, columns: Sequence[str], rows: Rows) -> Iterator[Any]:
        import duckdb

        statement, parameters = select_statement(relation, columns, **rows)
        with self._connection() as connection:
            try:
                yield connection.execute(statement, parameters)
            except duckdb.CatalogException as error:
                raise WarehouseError(
                    f"{self.path} has no relation {relation}. Run `demand build`. ({first_line(error)})"
                ) from None
            except duckdb.BinderException as error:
                raise WarehouseError(
                    f"{relation} lacks a column that the model reads. Run `demand build` with this version. "
                    f"({first_line(error)})"
                ) from None

    def read(self, relation: str, columns: Sequence[str], **rows: Unpack[Rows]) -> pa.Table:
        """See `Warehouse.read`."""
        with self._executed(relation, columns, rows) as answer:
            result: pa.Table = answer.to_arrow_table()
        return result

    def batches(self, relation: str, columns: Sequence[str], **rows: Unpack[Rows]) -> Iterator[pa.Table]:
        """See `Warehouse.batches`."""
        with self._executed(relation, columns, rows) as answer:
            for batch in answer.to_arrow_reader(BATCH_ROWS):
                yield pa.Table.from_batches([batch])


class DatabricksWarehouse(Warehouse):
    """A Databricks SQL warehouse; token or Entra credentials come from the URL or `DATABRICKS_TOKEN`.

    URL: `databricks://<host>/<http_path>?catalog=<catalog>&schema=<prefix>`; the prefix of the schemas is that of the
    dbt target (`DATABRICKS_SCHEMA`) that built them, and may be left out.
    """

    def __init__(self, url: str) -> None:
        from urllib.parse import parse_qs, urlsplit

        parts = urlsplit(url)
        query = parse_qs(parts.query)
        if not parts.hostname or not parts.path.strip("/"):
            raise InputError(
                "DEMAND_WAREHOUSE_URL must be databricks://<host>/<http_path>?catalog=<catalog>, "
                "e.g. databricks://adb-1.2.azuredatabricks.net/sql/1.0/warehouses/abc?catalog=retail."
            )
        self.host = parts.hostname
        self.http_path = parts.path
        self.catalog = query.get("catalog", [None])[0]
        self.schema_prefix = f"{query['schema'][0]}_" if "schema" in query else ""

    def connect(self) -> Any:
        """A new connection of the Databricks driver, signed in.

        Raises:
            WarehouseError: the driver is not installed.
        """
        return _databricks_sql().connect(
            server_hostname=self.host, http_path=self.http_path, **databricks_login(self.host), catalog=self.catalog
        )

    @contextmanager
    def _executed(self, relation: str, columns: Sequence[str], rows: Rows) -> Iterator[Any]:
        relation = f"{self.schema_prefix}{relation}"
        statement, parameters = select_statement(relation, columns, **rows)
        try:
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                yield cursor
        except _databricks_sql().exc.Error as error:
            raise WarehouseError(f"Reading {relation} from {self.host} failed: {first_line(error)}") from error

    def read(self, relation: str, columns: Sequence[str], **rows: Unpack[Rows]) -> pa.Table:
        """See `Warehouse.read`."""
        with self._executed(relation, columns, rows) as cursor:
            result: pa.Table = cursor.fetchall_arrow()
        return result

    def batches(self, relation: str, columns: Sequence[str], **rows: Unpack[Rows]) -> Iterator[pa.Table]:
        """See `Warehouse.batches`."""
        with self._executed(relation, columns, rows) as cursor:
            while (batch := cursor.fetchmany_arrow(BATCH_ROWS)).num_rows:
                yield batch


def _databricks_sql() -> Any:
    try:
        from databricks import sql
    except ImportError:
        raise WarehouseError(
            "Reading Databricks needs the extra `databricks`: pip install 'retail-demand[databricks]'."
        ) from None
    return sql


DATABRICKS_SCOPE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""Azure Databricks as Entra knows it, the same in every tenant."""


def databricks_login(host: str) -> dict[str, Any]:
    """How to sign in to a workspace: `DATABRICKS_TOKEN`, or whatever identity this process has.

    The identity is found by Databricks' own order: a service principal's variables, the Azure command line, or the job
    that this process is. It knows no managed identity of Azure, so azure-identity is asked where it finds nothing.
    """
    token = os.environ.get("DATABRICKS_TOKEN")
    if token:
        return {"access_token": token}
    return {"credentials_provider": lambda: _headers(host)}


def access_token(host: str) -> str:
    """A token for a workspace, for another process: of the identity that `databricks_login` signs in with.

    Raises:
        WarehouseError: this process has no identity that the workspace could know.
    """
    return os.environ.get("DATABRICKS_TOKEN") or _headers(host)()["Authorization"].removeprefix("Bearer ")


def _headers(host: str) -> Callable[[], dict[str, str]]:
    """Gives the headers of a request; asked anew for each, since tokens expire."""
    from databricks.sdk.core import Config

    try:
        return Config(host=f"https://{host}").authenticate
    except ValueError as unknown:
        cause = first_line(unknown)
    try:
        from azure.identity import DefaultAzureCredential

        credential = DefaultAzureCredential()
        credential.get_token(DATABRICKS_SCOPE)
    except Exception as error:
        raise WarehouseError(
            f"Nobody is signed in to {host} ({cause}; Azure: {first_line(error)}). Set DATABRICKS_TOKEN, sign in by "
            "`az login`, or give the process a managed identity that the workspace knows."
        ) from None
    return lambda: {"Authorization": f"Bearer {credential.get_token(DATABRICKS_SCOPE).token}"}


def open_warehouse(url: str, *, threads: int = 2, memory_limit_gb: float = 8.0) -> Warehouse:
    """The warehouse that a URL names.

    Raises:
        InputError: the URL has an unknown scheme.
    """
    if url.startswith("duckdb:///"):
        return DuckDBWarehouse(Path(url.removeprefix("duckdb:///")), threads=threads, memory_limit_gb=memory_limit_gb)
    if url.startswith("databricks://"):
        return DatabricksWarehouse(url)
    raise InputError(f"DEMAND_WAREHOUSE_URL {url!r} is neither duckdb:///<file> nor databricks://<host>/<http_path>.")


def warehouse_of(settings: Settings) -> Warehouse:
    """The configured warehouse, with the configured threads and memory."""
    return open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's text: enough to name the cause."""
    return str(error).strip().split("\n", 1)[0]


def install_sqlite_extension() -> None:
    """Install DuckDB's SQLite extension from its Python package, which works without a network; safe to repeat."""
    import duckdb
    import duckdb_extension_sqlite

    root = Path(duckdb_extension_sqlite.__file__).parent
    [file] = root.glob(f"extensions/v{duckdb.__version__}/sqlite.duckdb_extension")
    with duckdb.connect() as connection:
        connection.execute(f"install '{str(file).replace(chr(39), chr(39) * 2)}'")
