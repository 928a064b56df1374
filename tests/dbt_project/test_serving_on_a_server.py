"""The serving zone on the SQL Server that DEMAND_STORE_URL names, in a schema of its own (see CI's job `sql-server`)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from models_ml.warehouse import dbt
from models_ml.settings import Settings
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import downgrade
from tests.dbt_project.project import publish_runs

SERVER_URL = os.environ.get("DEMAND_STORE_URL", "")

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.slow,
    pytest.mark.skipif(not SERVER_URL.startswith("mssql"), reason="DEMAND_STORE_URL names no SQL Server"),
]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a store with two runs, in a schema that goes with the test."""
    schema = "demand_dbt_" + uuid.uuid4().hex[:12]
    plain = make_engine(SERVER_URL)
    with plain.begin() as connection:
        connection.execute(text(f"create schema {schema}"))
    settings = Settings(home=tmp_path, store_url=SERVER_URL, store_schema=schema)
    engine = make_engine(settings.effective_store_url)
    try:
        publish_runs(engine)
        yield settings
    finally:
        drop_models(plain, schema)
        downgrade(engine, "base")
        engine.dispose()
        with plain.begin() as connection:
            connection.execute(text(f"drop table if exists {schema}.store_schema_version"))
            connection.execute(text(f"drop schema {schema}"))
        plain.dispose()


def drop_models(engine: Engine, schema: str) -> None:
    """Drop what dbt has made."""
    with engine.begin() as connection:
        found = inspect(connection)
        views, tables = found.get_view_names(schema), found.get_table_names(schema)
        for view in views:
            connection.execute(text(f"drop view {schema}.{view}"))
        for table in tables:
            if table.startswith("rpt_"):
                connection.execute(text(f"drop table {schema}.{table}"))


def test_reports_are_built_tested_and_refreshed(settings: Settings) -> None:
    for _ in range(2):  # made, then refreshed in place
        counts = dbt.build(settings, "serving").counts
        assert set(counts) <= {"success", "pass", "no-op"}
        assert counts["pass"] >= 150
    engine = make_engine(settings.effective_store_url)
    with engine.connect() as connection:
        rows = {
            name: connection.execute(text(f"select count(*) from {settings.store_schema}.{name}")).scalar_one()  # noqa: S608
            for name in ("rpt_run_ledger", "rpt_bias_tracking", "rpt_forecast_value_added", "rpt_department_summary")
        }
    engine.dispose()
    assert rows["rpt_run_ledger"] == 2
    assert min(rows.values()) > 0


def test_freshness_is_asked_of_published_runs(settings: Settings) -> None:
    dbt.run(settings, ["source", "freshness", "--select", "source:predictions"], target="azure_sql")
