"""What `databricks.sql.connect` gives, over a Spark session of this process instead of a warehouse far away.

dbt-databricks stays as it is: its DDL, its MERGE and its questions to the catalog reach Spark as it wrote them, but
for names that open Spark does not know.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from databricks.sql.exc import ServerOperationError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

CATALOG = "hive_metastore"
"""What dbt calls a catalog without Unity Catalog's `information_schema`; Spark's own is `spark_catalog`."""


class Cursor:
    """One statement at a time and its rows."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.query_id = str(uuid.uuid4())
        self.description: list[tuple[Any, ...]] | None = None
        self._result: DataFrame | None = None
        self._rows: Iterator[tuple[Any, ...]] | None = None

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> Cursor:
        """Run a statement; a query's rows are read when they are fetched."""
        self._run(open_spark(with_literals(sql, parameters)))
        return self

    def tables(self, catalog: str, schema: str) -> Cursor:
        """Tables and views of a schema, by the names that JDBC gives the columns. An unknown schema has none."""
        try:
            found = self._run(f"show tables in `{schema}`").collect()
            views = {row.viewName for row in self._run(f"show views in `{schema}`").collect()}
        except ServerOperationError as error:
            if "SCHEMA_NOT_FOUND" not in str(error):
                raise
            found, views = [], set()
        self.description = [
            (name, "string", *[None] * 5) for name in ("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE")
        ]
        names = (row.tableName for row in found if not row.isTemporary)
        self._rows = iter([(catalog, schema, name, "VIEW" if name in views else "TABLE") for name in names])
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return list(self._fetched())

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, if there is one."""
        return next(self._fetched(), None)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """At most `size` rows."""
        return [row for _, row in zip(range(size), self._fetched(), strict=False)]

    def cancel(self) -> None:
        """Nothing runs between two calls."""

    def close(self) -> None:
        """Forget the rows."""
        self._result = self._rows = None

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, sql: str) -> DataFrame:
        with _as_server_errors():
            self._result = self.connection.session.sql(sql)
            fields = self._result.schema.fields
        self._rows = None
        self.description = [(f.name, f.dataType.simpleString(), None, None, None, None, f.nullable) for f in fields]
        return self._result

    def _fetched(self) -> Iterator[tuple[Any, ...]]:
        if self._rows is None:
            assert self._result is not None, "nothing was executed"
            with _as_server_errors():
                self._rows = iter([tuple(row) for row in self._result.collect()])
        return self._rows


class Connection:
    """A session of its own (settings, current catalog, temporary views) over the tables that all share."""

    def __init__(self, spark: SparkSession, configuration: dict[str, Any] | None) -> None:
        self.session = spark.newSession()
        for name, value in (configuration or {}).items():
            self.session.conf.set(name, value)
        self._id = uuid.uuid4().hex

    def cursor(self) -> Cursor:
        """A cursor."""
        return Cursor(self)

    def get_session_id_hex(self) -> str:
        """What logs call the session."""
        return self._id

    def close(self) -> None:
        """Nothing to give back: the session goes with the object."""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@contextmanager
def connected_to(spark: SparkSession) -> Iterator[None]:
    """Let dbt-databricks connect to `spark`, and ask no host whether it is one of Databricks' own."""

    def connect(*, session_configuration: dict[str, Any] | None = None, **_elsewhere: Any) -> Connection:
        return Connection(spark, session_configuration)

    with (
        mock.patch("databricks.sql.connect", connect),
        mock.patch("dbt.adapters.databricks.connections.check_spog_preconditions", return_value=None),
    ):
        yield


def open_spark(sql: str) -> str:
    """A statement of dbt-databricks by the names that open Spark knows."""
    sql = re.sub(rf"`?\b{CATALOG}\b`?", "spark_catalog", sql)
    return re.sub(r"^\s*use catalog\b", "set catalog", sql, flags=re.IGNORECASE | re.MULTILINE)


def with_literals(sql: str, parameters: Sequence[Any] | None) -> str:
    """`sql` with a literal for each `%s`, as the connector does with inline parameters."""
    if not parameters:
        return sql
    parts = sql.split("%s")
    assert len(parts) == len(parameters) + 1, f"{len(parameters)} parameters for {len(parts) - 1} places"
    return parts[0] + "".join(f"{literal(value)}{rest}" for value, rest in zip(parameters, parts[1:], strict=True))


def literal(value: Any) -> str:
    """A Python value as Spark SQL writes it.

    Raises:
        TypeError: a type that dbt does not send.
    """
    if value is None:
        return "null"
    if isinstance(value, bool | int | float | decimal.Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    raise TypeError(f"no literal for {type(value).__name__}")


@contextmanager
def _as_server_errors() -> Iterator[None]:
    try:
        yield
    except PySparkException as error:
        raise ServerOperationError(str(error)) from error
