"""How the checks reach the databases of Azure: whose connections they use, how these sign in, and what is sent.

Only the drivers' `connect` is replaced. Great Expectations and SQLAlchemy's own dialects run as they would there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from expectations import record
from expectations.checks import CheckResult, Dataset, limits
from expectations.connection import add_source, open_engine
from expectations.data_docs import open_context
from expectations.run import run_zones
from expectations.sql import Sql
from expectations.suites import store_datasets
from models_ml.prediction_store.engine import access_token_bytes
from models_ml.settings import REPOSITORY, Settings
from tests.models_ml.prediction_store.recording_server import Connection, Cursor, RecordingServer

SQL_COPT_SS_ACCESS_TOKEN = 1256
RUN = "run_1"
RUNS = (["run_id", "origin", "horizon_days"], [(RUN, date(2016, 5, 22), 28)])
Answers = Mapping[str, tuple[list[str], list[tuple[Any, ...]]]]


def terraform_url(file: str, name: str) -> str:
    """A URL as a Terraform output gives it, with made-up hosts in place of the modules' attributes."""
    found = re.search(
        rf'{name}"?\s*(?:\{{[^}}]*?value)?\s*=\s*"([^\n]+)"', (REPOSITORY / "infra/terraform" / file).read_text()
    )
    assert found is not None
    known = {
        "fully_qualified_domain_name": "retail.database.windows.net",
        "prediction_store.name": "predictions",
        "workspace_url": "adb-1.2.azuredatabricks.net",
        "warehouse_http_path": "/sql/1.0/warehouses/abc",
        "unity_catalog.catalog": "retail",
    }
    return re.sub(r"\$\{[^}]*\}", lambda part: next(v for k, v in known.items() if k in part[0]), found[1])


class Server(RecordingServer):
    """A SQL Server that also answers queries by their text, with names of columns."""

    def __init__(self, answers: Answers | None = None) -> None:
        super().__init__()
        self.answers = answers or {}
        self.has_version_table = True
        self.connected: list[tuple[str, dict[str, Any]]] = []

    def connect(self, connection_string: str, **options: Any) -> Connection:
        """In place of `pyodbc.connect`."""
        self.connected.append((connection_string, options))
        server = self

        class Opened(Connection):
            def cursor(self) -> Any:
                return AnsweringCursor(server)

        return Opened(self)


class AnsweringCursor(Cursor):
    """Gives the answers of the server, which `Cursor` does not know."""

    _server: Server

    def execute(self, sql: str, *parameters: Any) -> Cursor:
        super().execute(sql, *parameters)
        query = " ".join(sql.split())
        answer = RUNS if query.startswith("SELECT forecasts.model_runs.run_id") else self._server.answers.get(query)
        if answer is not None:
            names, rows = answer
            self._rows = list(rows)
            self.description = [(name, str, None, None, None, None, True) for name in names]
        return self


def within_limits(datasets: list[Dataset], sql: Sql) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """For each query of the checks, a row that passes them."""
    answers: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {}
    for dataset in datasets:
        columns = sql.placed(f"select * from {dataset.relation} where 1 = 0")
        answers[columns] = (list(dataset.columns), [])
        bounds = limits(dataset.name)
        for profile in dataset.profiles:
            row = []
            for measure in profile.measures:
                limit = bounds[measure.name]
                row.append(0 if limit is None else next(b for b in (limit.min, limit.max, 0) if b is not None))
            answers[" ".join(sql.placed(profile.query).split())] = ([m.name for m in profile.measures], [tuple(row)])
    return answers


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """An Entra token of this process."""

    class Credential:
        def get_token(self, scope: str) -> Any:
            assert scope == "https://database.windows.net/.default"
            return type("Token", (), {"token": "entra"})()

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Credential)
    return "entra"


def test_18_14_checks_sign_in_at_sql_server_by_entra_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    server = Server()
    monkeypatch.setattr("pyodbc.connect", server.connect)
    url = terraform_url("modules/sql/outputs.tf", "store_url")
    assert url == "mssql+pyodbc://@retail.database.windows.net/predictions"
    engine, sql = open_engine(Settings(home=tmp_path, store_url=url), "store")
    source = add_source(open_context(), "store", engine)
    source.get_execution_engine().execute_query(text("select 1"))
    assert sql.dialect == "mssql"
    assert "select 1" in [statement for statement, _ in server.sent]
    for connection_string, options in server.connected:
        assert "Server=retail.database.windows.net" in connection_string
        assert "Trusted_Connection" not in connection_string
        assert options["attrs_before"] == {SQL_COPT_SS_ACCESS_TOKEN: access_token_bytes(token)}


def test_18_14_checks_sign_in_at_databricks_as_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, Any]] = []

    class Config:
        def __init__(self, host: str) -> None:
            self.host = host

        def authenticate(self) -> dict[str, str]:
            return {"Authorization": f"Bearer of {self.host}"}

    class Warehouse(Connection):
        def cursor(self) -> Any:
            return Cursor(server)

    server = RecordingServer()

    def connect(**options: Any) -> Warehouse:
        opened.append(options)
        return Warehouse(server)

    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    monkeypatch.setattr("databricks.sdk.core.Config", Config)
    monkeypatch.setattr("databricks.sql.connect", connect)
    url = terraform_url("outputs.tf", "DEMAND_WAREHOUSE_URL")
    engine, sql = open_engine(Settings(home=tmp_path, warehouse_url=url), "marts")
    source = add_source(open_context(), "marts", engine)
    source.get_execution_engine().execute_query(text("select 1"))
    sent = [statement for statement, _ in server.sent]
    assert sql.dialect == "databricks"
    assert "select 1" in sent
    assert opened
    for options in opened:
        assert options["server_hostname"] == "adb-1.2.azuredatabricks.net"
        assert options["http_path"] == "/sql/1.0/warehouses/abc"
        assert options["catalog"] == "retail"
        assert "access_token" not in options
        authenticate = options["credentials_provider"]()
        assert authenticate() == {"Authorization": "Bearer of https://adb-1.2.azuredatabricks.net"}


def test_23_02_checks_of_a_store_in_a_schema_pass_on_sql_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    settings = Settings(
        home=tmp_path, store_url=terraform_url("modules/sql/outputs.tf", "store_url"), store_schema="forecasts"
    )
    monkeypatch.setattr("expectations.served.last_sale_day", lambda _settings: date(2016, 5, 22))
    server = Server()
    monkeypatch.setattr("pyodbc.connect", server.connect)
    sql = Sql("mssql", "forecasts")
    datasets = store_datasets(sql, settings, [RUN], fresh=True)
    server.answers = within_limits(datasets, sql)
    summary = run_zones(settings, "store", run_ids=[RUN])
    assert [r.sentence for r in summary.results if not r.success] == []
    assert sum(r.expectation == "expected_columns" for r in summary.results) == 7
    sent = " ".join(" ".join(statement.split()) for statement, _ in server.sent)
    assert not re.search(
        r"(?i)(from|join|into) (model_runs|forecasts|run_series|active_runs|quality_results)\b[^.]", sent
    )
    assert "INSERT INTO forecasts.quality_results" in sent


def test_18_13_results_are_recorded_in_the_stores_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr("pyodbc.connect", server.connect)
    url = "mssql+pyodbc://loader:x@recorded/db?driver=none"  # pragma: allowlist secret
    failed = CheckResult("raw.x", "x", "rows", "There are rows.", "error", False, "0", "Load it again.")
    record.record(Settings(home=tmp_path, store_url=url, store_schema="forecasts"), [failed])
    asked = [
        parameters for statement, parameters in server.sent if "INFORMATION_SCHEMA" in statement or "sys." in statement
    ]
    assert any("forecasts" in str(parameters) for parameters in asked)
    assert any(statement.startswith("INSERT INTO forecasts.quality_results") for statement in server.changes())
