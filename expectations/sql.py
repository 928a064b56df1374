"""The few places where the checks' SQL differs between DuckDB, Databricks, SQLite and SQL Server."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from models_ml.prediction_store.schema import metadata

DialectName = Literal["duckdb", "databricks", "sqlite", "mssql"]

_WAREHOUSE_TABLE = re.compile(r"(\b(?:from|join)\s+)(\w+\.\w)")
_STORE_TABLE = re.compile(rf"(\b(?:from|join)\s+)({'|'.join(metadata.tables)})\b")


@dataclass(frozen=True)
class Sql:
    """SQL fragments of one database. The warehouse is `duckdb` or `databricks`, the store `sqlite` or `mssql`.

    Attributes:
        dialect: of the database.
        schema: SQL Server schema that holds the store's tables; None is the login's default schema.
        prefix: of every schema of the warehouse (a developer's own, on Databricks).
    """

    dialect: DialectName
    schema: str | None = None
    prefix: str = ""

    def placed(self, query: str) -> str:
        """A query whose tables are read from the schemas where they are."""
        if self.schema is not None:
            quoted = "[" + self.schema.replace("]", "]]") + "]"
            return _STORE_TABLE.sub(lambda found: f"{found[1]}{quoted}.{found[2]}", query)
        return _WAREHOUSE_TABLE.sub(rf"\g<1>{self.prefix}\g<2>", query) if self.prefix else query

    def date(self, day: date) -> str:
        """A literal date."""
        text = f"'{day.isoformat()}'"
        if self.dialect == "sqlite":
            return text  # the store keeps dates as ISO text there
        return f"cast({text} as date)"

    def text(self, value: str) -> str:
        """A literal text."""
        quoted = value.replace("'", "''")
        return f"N'{quoted}'" if self.dialect == "mssql" else f"'{quoted}'"

    def texts(self, values: Iterable[str]) -> str:
        """Literal texts for `in (...)`; never empty, which SQL does not allow."""
        return ", ".join(self.text(value) for value in values) or "null"

    def days_between(self, earlier: str, later: str) -> str:
        """Whole days from one date expression to another."""
        if self.dialect == "sqlite":
            return f"cast(julianday({later}) - julianday({earlier}) as integer)"
        if self.dialect == "databricks":
            return f"datediff({later}, {earlier})"
        if self.dialect == "mssql":
            return f"datediff(day, {earlier}, {later})"
        return f"date_diff('day', {earlier}, {later})"

    def add_days(self, expression: str, days: int) -> str:
        """A date expression, `days` later."""
        if self.dialect == "sqlite":
            return f"date({expression}, '{days:+d} days')"
        if self.dialect == "databricks":
            return f"date_add({expression}, {days})"
        if self.dialect == "mssql":
            return f"dateadd(day, {days}, {expression})"
        return f"cast({expression} as date) + ({days})"

    def concat(self, *expressions: str) -> str:
        """Texts joined; null if one of them is."""
        return (" + " if self.dialect == "mssql" else " || ").join(expressions)

    def count_if(self, condition: str) -> str:
        """How many rows meet a condition; 0 without rows. 64-bit, which T-SQL's count of 59 M rows needs."""
        number = "bigint" if self.dialect != "sqlite" else "integer"
        return f"coalesce(sum(cast(case when {condition} then 1 else 0 end as {number})), 0)"

    def double(self, expression: str) -> str:
        """A 64-bit floating-point number."""
        kind = "float" if self.dialect == "mssql" else "real" if self.dialect == "sqlite" else "double"
        return f"cast({expression} as {kind})"

    def ratio(self, part: str, whole: str) -> str:
        """A quotient in floating point; null where the whole is 0."""
        return f"{self.double(part)} / nullif({whole}, 0)"

    def first_rows(self, query: str, rows: int) -> str:
        """The first rows of a query (one that has no `with` and no `order by`)."""
        if self.dialect == "mssql":
            return f"select top {rows} * from ({query}) as failing"  # noqa: S608 - a query of this package
        return f"select * from ({query}) as failing limit {rows}"  # noqa: S608 - as above

    def unpivot(self, relation: str, columns: Iterable[str], label: str, value: str) -> str:
        """Columns to rows, nulls included (warehouse only)."""
        listed = ", ".join(columns)
        return f"{relation} unpivot include nulls ({value} for {label} in ({listed}))"
