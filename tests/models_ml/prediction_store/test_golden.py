"""The SQL that SQL Server is given, as files to review: tests/models_ml/prediction_store/golden.

After an intended change, run this file with DEMAND_WRITE_GOLDEN=1 and review the difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlfluff
from sqlalchemy import Connection, event
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement

from models_ml.errors import PublishError
from models_ml.prediction_store import migrate, read, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.export import export
from models_ml.prediction_store.frames import insert_sql
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import metadata
from models_ml.prediction_store.transactions import reading

from .recording_server import RecordingServer

GOLDEN = Path(__file__).parent / "golden"


def sql_server() -> MSDialect_pyodbc:
    """The dialect as it is after it has met SQL Server 2022 or Azure SQL."""
    dialect = MSDialect_pyodbc(paramstyle="qmark")
    dialect.server_version_info = (16, 0)
    dialect._setup_version_attributes()
    return dialect


def ddl() -> list[str]:
    """CREATE statements of every table and index, parents first."""
    dialect = sql_server()
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements.extend(
            str(CreateIndex(index).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        )
    return [re.sub(r"\s*\n\s*", "\n    ", statement.strip()) for statement in statements]


class Recorder:
    """Every distinct statement that goes through a connection, as SQL Server would be given it."""

    def __init__(self) -> None:
        self.dialect = sql_server()
        self.statements: dict[str, None] = {}

    def __call__(self, _connection: Any, element: Any, multiple: Any, single: Any, _options: Any) -> None:
        if isinstance(element, ClauseElement):
            keys = list((multiple[0] if multiple else single) or {}) or None
            compiled = element.compile(
                dialect=self.dialect, column_keys=keys, compile_kwargs={"render_postcompile": True}
            )
            self.statements[re.sub(r"\s*\n\s*", "\n    ", str(compiled).strip())] = None


@pytest.fixture
def dml(sqlite_url: str, tmp_path: Path, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All statements of a life in the store: publishes, one refused, promotion, rollback, reads, retention."""
    engine = make_engine(sqlite_url)
    recorder = Recorder()
    event.listen(engine, "before_execute", recorder)

    def recorded_insert(connection: Connection, table: Any) -> str:
        recorder(None, table.insert(), None, {column.name: None for column in table.columns}, None)
        return insert_sql(connection, table)

    monkeypatch.setattr("models_ml.prediction_store.publish.insert_sql", recorded_insert)
    monkeypatch.setattr("models_ml.prediction_store.publish.stages_sales", lambda _engine: True)
    ids = []
    for seed in (1, 2, 3):
        run, frames = made(seed, origin=date(2016, 5, 22) + timedelta(days=seed))
        publish(engine, run, frames)
        ids.append(run.run_id)
    publish(engine, run, frames)
    bad, frames = made(4, origin=run.origin)
    with pytest.raises(PublishError):
        publish(engine, bad, replace(frames, forecasts=frames.forecasts.slice(1)))
    runs.rollback(engine, ["CA_1"], reason="x")
    runs.promote(engine, ids[2])
    runs.list_runs(engine, status="published")
    runs.compare(engine, ids[0], ids[0])
    with reading(engine) as connection:
        read.series(connection, ids[2])
        read.nodes(connection, ids[2], level=9)
        read.series_forecast(connection, ids[2], "CA_1", "FOODS_1_00000")
        read.node_forecast(connection, ids[2], "total")
        read.history(connection, "CA_1", "FOODS_1_00000", origin=run.origin, days=7)
        read.history_of_node(connection, ids[2], "total")
        read.metrics(connection, ids[2])
        read.calendar(connection, run.origin, run.origin)
        read.region_flags(connection, "CA", run.origin, run.origin)
    export(engine, ids[2], tmp_path / "x.csv", stores=("CA_1",))
    runs.prune(engine, keep=1, idle=timedelta(0))
    engine.dispose()
    return list(recorder.statements)


def agree(name: str, statements: list[str]) -> None:
    """The file has these statements; written anew when asked for."""
    path = GOLDEN / name
    text = ";\n\n".join(statements) + ";\n"
    if os.environ.get("DEMAND_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{name} differs from the code; see this module's first lines"


def test_tables_of_sql_server() -> None:
    agree("mssql_ddl.sql", ddl())


def test_statements_of_sql_server(dml: list[str]) -> None:
    agree("mssql_dml.sql", dml)


def migrations(schema: str | None) -> list[str]:
    """What every revision sends to a SQL Server, up and then down."""
    server = RecordingServer()
    engine = server.engine(schema)
    for revision in migrate.revisions():
        migrate.upgrade(engine, revision)
        assert server.version == revision
    migrate.downgrade(engine, "base")
    assert server.version is None
    engine.dispose()
    return server.changes()


def test_23_01_every_migration_names_the_schema_of_the_store() -> None:
    placed = migrations("forecasting")
    agree("mssql_migrations.sql", placed)
    after = r"(?:TABLE|INTO|UPDATE|FROM|REFERENCES|INDEX \w+ ON|object_id\(') ?"
    for statement in placed:
        named = re.findall(rf"{after}((?:\w+\.)*\w+)", re.sub(r"from sys\.\w+", "", statement))
        assert named, statement
        assert all(name.startswith("forecasting.") for name in named), statement
    # Without a schema the same statements go to the login's default schema.
    assert [statement.replace("forecasting.", "") for statement in placed] == migrations(None)


def test_no_statement_holds_a_value(dml: list[str]) -> None:
    """Every value is a parameter."""
    for statement in dml:
        assert re.findall(r"'[^']*'", statement) == [], statement


@pytest.mark.parametrize("name", ["mssql_ddl.sql", "mssql_dml.sql"])
def test_a_t_sql_parser_accepts_them(name: str) -> None:
    text = (GOLDEN / name).read_text(encoding="utf-8").replace("?", "@p")
    assert sqlfluff.parse(text, dialect="tsql")
