"""One setting says where the store is: the engine, dbt's target and its connection all follow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.adapters.sqlserver.sqlserver_backend import (
    build_pyodbc_connection_string,
)
from dbt.adapters.sqlserver.sqlserver_credentials import SQLServerCredentials
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context

from models_ml.errors import StepError, StoreError
from models_ml.job import builds
from models_ml.prediction_store.engine import make_engine
from models_ml.settings import REPOSITORY, Settings
from models_ml.warehouse import dbt

SERVER = "mssql+pyodbc://loader:p%40ss@db.example.com:1444/forecasts?driver=/some/driver.so"  # pragma: allowlist secret


def credentials(variables: dict[str, str]) -> SQLServerCredentials:
    """What dbt-sqlserver makes of profiles.yml under some variables."""
    set_invocation_context(variables)
    profiles = yaml.safe_load((REPOSITORY / "profiles" / "profiles.yml").read_text())
    output: dict[str, Any] = ProfileRenderer({}).render_data(profiles["retail_demand"]["outputs"]["azure_sql"])
    output.pop("type")
    return SQLServerCredentials.from_dict(SQLServerCredentials.translate_aliases(output))


def test_the_store_s_schema_is_in_its_address() -> None:
    settings = Settings(store_url=SERVER, store_schema="mine")
    assert make_engine(settings.effective_store_url).get_execution_options()["schema_translate_map"] == {None: "mine"}
    assert dbt.environment(settings)["DEMAND_STORE_SCHEMA"] == "mine"
    child = Settings(store_url=settings.effective_store_url, store_schema="mine")
    assert child.effective_store_url == settings.effective_store_url


def test_a_schema_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unset DEMAND_STORE_SCHEMA"):
        make_engine(Settings(home=tmp_path, store_schema="mine").effective_store_url)


def test_serving_models_are_built_where_the_store_is() -> None:
    assert dbt.target_of(Settings(), "serving") == "local"
    assert dbt.target_of(Settings(store_url=SERVER), "serving") == "azure_sql"
    assert dbt.target_of(Settings(store_url=SERVER, dbt_target="databricks"), "warehouse") == "databricks"


def test_dbt_signs_in_as_the_store_s_url_says() -> None:
    settings = Settings(store_url=SERVER, store_schema="mine")
    given = credentials(dbt.sql_server_variables(settings))
    assert given.schema == "mine"
    text = build_pyodbc_connection_string(given)
    for part in ("DRIVER={/some/driver.so}", "SERVER=db.example.com,1444", "Database=forecasts", "UID={loader}",
                 "PWD={p@ss}", "encrypt=Yes", "TrustServerCertificate=No"):  # fmt: skip
        assert part.lower() in text.lower(), text


def test_dbt_signs_in_to_entra_without_a_user() -> None:
    settings = Settings(store_url="mssql+pyodbc://db.example.com/forecasts?driver=/some/driver.so")
    given = credentials(dbt.sql_server_variables(settings))
    assert given.authentication == "auto"  # the adapter then asks azure-identity for a token
    assert given.schema == "dbo"
    assert "PWD" not in build_pyodbc_connection_string(given)


def test_reports_that_cannot_be_built_leave_what_was_published(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: Settings, selector: str) -> dbt.DbtResult:
        assert selector == "serving"
        raise StepError("dbt build failed; the full log is dbt.log")

    monkeypatch.setattr(dbt, "build", fail)
    with pytest.raises(
        StepError, match=r"reports are out of date(.|\n)*dbt\.log(.|\n)*demand build --selector serving"
    ):
        builds.build_reports(Settings())
