"""The serving zone on the SQL Server that DEMAND_STORE_URL names, in a schema of its own (see CI's job `sql-server`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from models_ml.prediction_store.engine import make_engine
from models_ml.settings import Settings
from models_ml.warehouse import dbt
from tests.dbt_project.project import publish_runs
from tests.models_ml.prediction_store.arena import HAS_SERVER, SERVER_URL, schema_on_server

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_SERVER, reason="DEMAND_STORE_URL names no SQL Server"),
]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a store with two runs, in a schema that goes with the test, and all that dbt has made there."""
    with schema_on_server() as schema:
        settings = Settings(home=tmp_path, store_url=SERVER_URL, store_schema=schema)
        engine = make_engine(settings.effective_store_url)
        publish_runs(engine)
        yield settings
        engine.dispose()


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
