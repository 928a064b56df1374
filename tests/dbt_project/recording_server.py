"""Runs dbt against a stand-in for SQL Server that keeps every statement it is sent.

dbt-sqlserver is the real one, and so are its macros and materialisations; only `pyodbc.connect` is replaced. The
stand-in executes nothing. It answers what the adapter asks of the catalogue (from the manifest's contracts and the
store's schema), finds no failing row in any test, and writes the statements to a file, one JSON object a line.

    python -m tests.dbt_project.recording_server STATEMENTS [--existing] build --target azure_sql ...

`--existing`: every relation of the project is there already, so tables are refreshed and not made.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path
from typing import Any

import pyodbc
from dbt.cli.main import cli
from sqlalchemy.dialects import mssql

from models_ml.prediction_store.schema import metadata

TYPES: dict[str, type] = {
    "nvarchar": str,
    "varchar": str,
    "float": float,
    "int": int,
    "integer": int,
    "smallint": int,
    "date": dt.date,
    "datetime2": dt.datetime,
}
"""What pyodbc reads a type of SQL Server as; a type that is not here is none of SQL Server's, or none of ours."""

CONTRACT = {"string": "nvarchar(256)", "double": "float", "timestamp": "datetime2(6)", "integer": "int", "date": "date"}

Rows = list[tuple[Any, ...]]


class Catalogue:
    """Columns of what the project has in the database, from the manifest that this very invocation has written."""

    def __init__(self, target_path: Path) -> None:
        self._file = target_path / "manifest.json"

    def columns(self, name: str, node_id: str) -> dict[str, str]:
        """Column -> T-SQL type of a relation; a temporary one has the columns of the model being built or tested."""
        if name in metadata.tables:
            dialect = mssql.dialect()  # type: ignore[no-untyped-call]
            table = metadata.tables[name]
            return {c.name: c.type.compile(dialect=dialect).split(" COLLATE")[0].lower() for c in table.columns}
        manifest = json.loads(self._file.read_text())
        unit_test = manifest["unit_tests"].get(node_id)
        model = unit_test["model"] if unit_test and name.endswith("__dbt_tmp") else re.sub(r"__dbt_\w+$", "", name)
        for node in manifest["nodes"].values():
            if node["resource_type"] == "model" and node["name"] == model:
                return {column: CONTRACT[of["data_type"]] for column, of in node["columns"].items()}
        raise AssertionError(f"{node_id} asks for the columns of {name}, which nothing here makes")

    def relations(self) -> dict[str, str]:
        """Every relation of the serving zone and its kind."""
        nodes = json.loads(self._file.read_text())["nodes"].values()
        return {n["name"]: n["config"]["materialized"] for n in nodes if n["config"].get("tags") == ["serving"]}


class Cursor:
    """Keeps statements, and answers questions about the catalogue."""

    def __init__(self, server: Connection) -> None:
        self._server = server
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self._rows: Rows = []

    def execute(self, sql: str, *_parameters: Any) -> None:
        header = re.match(r"/\* (\{.*?\}) \*/", sql)
        node = json.loads(header.group(1)).get("node_id", "") if header else ""
        with self._server.statements.open("a") as file:
            file.write(json.dumps({"node": node, "sql": sql}) + "\n")
        names, self._rows = self._answer(sql, node)
        self.description = [(n, *_rest(t)) for n, t in names.items()] if names else None

    def _answer(self, sql: str, node: str) -> tuple[dict[str, type], Rows]:
        catalogue = self._server.catalogue
        if "name as [schema]" in sql:
            return {"schema": str}, [("dbo",)]
        if "'table' as table_type" in sql:
            found = catalogue.relations() if self._server.existing else {}
            names = dict.fromkeys(("database", "name", "schema", "table_type"), str)
            return names, [("prediction_store", name, "dbo", kind) for name, kind in found.items() if kind != "test"]
        if "object_definition(" in sql:
            return {"definition": str, "needs_refresh": int}, [("create view x as select 1 as old", 0)]
        if "select is_hidden, name, system_type_name" in sql:
            described = catalogue.columns(node.split(".")[2], node)
            names = {"is_hidden": int, "name": str, "type": str, "error_number": int, "error_message": str}
            return names, [(0, name, kind, None, None) for name, kind in described.items()]
        if "from sys.columns c" in sql:
            relation = re.search(r"""object_id\('[^']*"([^"]+)"'\)""", sql)
            assert relation, sql
            kinds = catalogue.columns(relation.group(1), node)
            names = {"column_name": str, "data_type": str, "length": int, "precision": int, "scale": int}
            return names, [(name, *_type(kind), 0, 0) for name, kind in kinds.items()]
        casts = re.findall(r"cast\(null as ([\w()]+)\)\s+as (\w+)", sql)
        if casts and "dbt_sbq_tmp" in sql:
            return {name: TYPES[kind.partition("(")[0]] for kind, name in casts}, []
        if "as should_warn" in sql:
            return {"failures": int, "should_warn": str, "should_error": str}, [(0, "false", "false")]
        if "dbt_internal_unit_test_actual" in sql:
            return {"actual_or_expected": str}, []
        if "sys.sql_expression_dependencies" in sql:
            return {"schema_name": str, "view_name": str}, []
        return {}, []

    def fetchall(self) -> Rows:
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int) -> Rows:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def nextset(self) -> bool:
        return False

    def close(self) -> None:
        pass


def _rest(kind: type) -> tuple[Any, ...]:
    """What follows the name in a column's description."""
    return kind, None, None, None, None, None


def _type(kind: str) -> tuple[str, int]:
    name, _, length = kind.rstrip(")").partition("(")
    return name, -1 if length == "max" else int(length or 0)


class Connection:
    """A connection of the stand-in."""

    autocommit = True

    def __init__(self, statements: Path, catalogue: Catalogue, existing: bool) -> None:
        self.statements, self.catalogue, self.existing = statements, catalogue, existing

    def cursor(self) -> Cursor:
        return Cursor(self)

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        pass


def main() -> None:
    """Replace the driver's way in, then be dbt."""
    statements, arguments = Path(sys.argv[1]), sys.argv[2:]
    existing = arguments[0] == "--existing"
    arguments = arguments[1:] if existing else arguments
    catalogue = Catalogue(Path(arguments[arguments.index("--target-path") + 1]))
    pyodbc.connect = lambda *_a, **_k: Connection(statements, catalogue, existing)  # type: ignore[assignment]
    cli(arguments)


if __name__ == "__main__":
    main()
