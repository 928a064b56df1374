"""Where a source's SQL runs: DuckDB as it is, or a Databricks SQL warehouse, for which it is translated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import uuid4

from models_ml.errors import WarehouseError
from models_ml.warehouse.connection import DatabricksWarehouse, databricks_login, first_line


class Session(Protocol):
    """What mapping, checks and loading ask of a database; a DuckDB connection is one."""

    def execute(self, query: str, /) -> Session:
        """Run a statement of DuckDB's SQL."""
        ...

    def fetchone(self) -> Any:
        """The next row of the last statement, or None."""
        ...

    def fetchall(self) -> Any:
        """The rows of the last statement that are left."""
        ...


def reads_in_place(session: Session) -> bool:
    """Whether raw tables are views of the retailer's tables, which are in the same warehouse."""
    return isinstance(session, DatabricksSession)


class DatabricksSession:
    """A cursor of a Databricks SQL warehouse that takes DuckDB's SQL.

    Args:
        cursor: of the warehouse.
        schemas: other names that schemas of statements have there.
    """

    def __init__(self, cursor: Any, schemas: Mapping[str, str] | None = None) -> None:
        self.cursor, self.schemas = cursor, schemas or {}

    def execute(self, query: str, /) -> DatabricksSession:
        """Translate a statement and run it.

        Raises:
            WarehouseError: the warehouse refuses it.
        """
        from databricks.sql.exc import Error

        try:
            self.cursor.execute(translated(query, self.schemas))
        except Error as error:
            raise WarehouseError(f"Databricks: {first_line(error)}") from error
        return self

    def fetchone(self) -> Any:
        """The next row, or None."""
        row = self.cursor.fetchone()
        return None if row is None else tuple(row)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return [tuple(row) for row in self.cursor.fetchall()]


def translated(query: str, schemas: Mapping[str, str] | None = None) -> str:
    """A statement of DuckDB's SQL as Databricks says it, with other names of schemas."""
    import sqlglot
    from sqlglot import exp

    def date_of_text(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "TRY_STRPTIME":
            text, shape = node.expressions
            strict = sqlglot.parse_one(f"strptime(x, {shape.sql('duckdb')})", read="duckdb")
            java = sqlglot.parse_one(strict.sql("databricks"), read="databricks").find(exp.StrToTime)
            assert java is not None
            form = java.sql("databricks").split(", ", 1)[1].removesuffix(")")
            return exp.Anonymous(this="TRY_TO_TIMESTAMP", expressions=[text, exp.Literal.string(form.strip("'"))])
        return node

    [tree] = sqlglot.parse(query, read="duckdb")
    assert tree is not None
    for table in tree.find_all(exp.Table):
        if not table.catalog and table.db in (schemas or {}):
            table.set("db", exp.to_identifier((schemas or {})[table.db]))
    return tree.transform(date_of_text).sql("databricks")


@contextmanager
def databricks_session(warehouse: DatabricksWarehouse) -> Iterator[DatabricksSession]:
    """A session of a SQL warehouse.

    Raises:
        WarehouseError: it cannot be reached, or the extra `databricks` is not installed.
    """
    try:
        from databricks import sql
    except ImportError:
        raise WarehouseError(
            "Reading Databricks needs the extra `databricks`: pip install 'retail-demand[databricks]'."
        ) from None
    try:
        connection = sql.connect(
            server_hostname=warehouse.host,
            http_path=warehouse.http_path,
            **databricks_login(warehouse.host),
            catalog=warehouse.catalog,
        )
    except sql.exc.Error as error:
        raise WarehouseError(f"{warehouse.host} cannot be reached: {first_line(error)}") from error
    with connection, connection.cursor() as cursor:
        yield DatabricksSession(cursor)


@contextmanager
def scratch(session: DatabricksSession, schema: str) -> Iterator[DatabricksSession]:
    """A session whose statements find another, empty schema under a schema's name; it is dropped in the end."""
    other = f"{schema}_check_{uuid4().hex[:12]}"
    try:
        yield DatabricksSession(session.cursor, {schema: other})
    finally:
        session.execute(f"drop schema if exists {other} cascade")
