"""What the bundle's tasks rely on: the latest run is found, and a job signs in without a token."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.main import get_command

from models_ml.cli.main import app, main
from models_ml.errors import InputError, WarehouseError
from models_ml.runs.artifact import MANIFEST, latest
from models_ml.settings import Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import DATABRICKS_SCOPE, access_token, databricks_login
from models_ml.warehouse.marts import group_of_stores
from tests.infra import INFRA

pytestmark = pytest.mark.infra


def test_latest_is_the_run_that_was_trained_last(tmp_path: Path) -> None:
    for seconds, run in ((20, "b"), (30, "a"), (10, "c"), (40, ".a-staging")):
        (tmp_path / run).mkdir()
        (tmp_path / run / MANIFEST).write_text("{}")
        os.utime(tmp_path / run / MANIFEST, (seconds, seconds))
    (tmp_path / "unfinished").mkdir()
    assert latest(tmp_path) == tmp_path / "a"


def test_no_run_yet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="demand train"):
        latest(tmp_path)


def test_a_token_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "given")
    assert databricks_login("host.example.com") == {"access_token": "given"}


class Config:
    """Databricks' library, which finds the identity; asked for the workspace that is read."""

    def __init__(self, host: str) -> None:
        self.host = host

    def authenticate(self) -> dict[str, str]:
        return {"Authorization": f"Bearer of {self.host}"}


def test_without_a_token_the_identity_of_the_process_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    monkeypatch.setattr("databricks.sdk.core.Config", Config)
    login: dict[str, Any] = databricks_login("host.example.com")
    assert login["credentials_provider"]()() == {"Authorization": "Bearer of https://host.example.com"}
    assert access_token("host.example.com") == "of https://host.example.com"


def no_login(host: str) -> Config:
    raise ValueError(f"default auth: cannot configure default credentials for {host}")


class ManagedIdentity:
    """azure-identity where there is a managed identity."""

    def get_token(self, scope: str) -> SimpleNamespace:
        return SimpleNamespace(token=f"token for {scope}", expires_on=2_000_000_000)


def test_a_managed_identity_signs_in_where_databricks_library_knows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    monkeypatch.setattr("databricks.sdk.core.Config", no_login)
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", ManagedIdentity)
    assert access_token("host.example.com") == f"token for {DATABRICKS_SCOPE}"


def test_nobody_is_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def get_token(self, _scope: str) -> SimpleNamespace:
            raise RuntimeError("no credential")

    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    monkeypatch.setattr("databricks.sdk.core.Config", no_login)
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Nobody)
    with pytest.raises(WarehouseError, match="az login"):
        access_token("host.example.com")


ON_AZURE = Settings(
    warehouse_url="databricks://adb-1.2.example.net/sql/1.0/warehouses/w?catalog=demand_prod",
    store_url="mssql+pyodbc://@sql.example.net/prediction_store?driver=x",
    project_dir=Path("/Workspace/files"),
)


def test_dbt_is_told_of_the_warehouse_and_signs_in_as_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """dbt is another process, to which a cluster's own identity and service credential are not known."""
    monkeypatch.setenv("DATABRICKS_TOKEN", "of the task")
    monkeypatch.setenv(dbt.SERVICE_CREDENTIAL, "demand_prod_store")
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", ManagedIdentity)
    given = dbt.environment(ON_AZURE)
    assert given["DATABRICKS_HOST"] == "adb-1.2.example.net"
    assert given["DATABRICKS_HTTP_PATH"] == "/sql/1.0/warehouses/w"
    assert given["DATABRICKS_CATALOG"] == "demand_prod"
    assert given["DATABRICKS_TOKEN"] == "of the task"
    assert given["AZURE_SQL_AUTHENTICATION"] == "ActiveDirectoryAccessToken"
    assert given["DBT_ENV_SECRET_AZURE_SQL_TOKEN"].startswith("token for https://database.windows.net")
    project = dbt.invocation(ON_AZURE, [], target="databricks").project
    assert "/Workspace/files/dbt_project" in project
    assert "/Workspace/files/profiles" in project


def test_files_are_loaded_from_a_volume_by_databricks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(dbt, "run", lambda _settings, arguments: asked.append(arguments))
    dbt.load_files(ON_AZURE.model_copy(update={"data_dir": Path("/Volumes/c/landing/raw/m5")}))
    [(command, operation, flag, arguments)] = asked
    assert (command, operation, flag) == ("run-operation", "load_raw_tables", "--args")
    assert json.loads(arguments) == {"path": "/Volumes/c/landing/raw/m5"}
    with pytest.raises(InputError, match="DEMAND_SOURCE=long"):
        dbt.load_files(ON_AZURE)


def test_a_task_that_ended_well_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Databricks calls the entry point, and takes a SystemExit for a failure, whatever its code."""
    monkeypatch.setattr("sys.argv", ["demand", "--help"])
    main()
    monkeypatch.setattr("sys.argv", ["demand", "no-such-command"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (0, None)


def test_groups_are_all_stores_once() -> None:
    stores = [f"S{number:03d}" for number in range(1000)]
    groups = [group_of_stores(stores, f"{number}/8") for number in range(1, 9)]
    assert sorted(store for group in groups for store in group) == stores
    assert {len(group) for group in groups} == {125}
    assert group_of_stores(["A"], "2/2") == []
    for wrong in ("0/2", "3/2", "1", "a/b", ""):
        with pytest.raises(InputError, match="3/8"):
            group_of_stores(stores, wrong)


def tasks() -> list[list[str]]:
    """The words of each task of the bundle, with examples in the place of its parameters."""
    written = yaml.safe_load((INFRA / "databricks" / "resources" / "demand_forecast.yml").read_text())
    found = []
    for job in written["resources"]["jobs"].values():
        for task in job["tasks"]:
            inner = task.get("for_each_task", {}).get("task", task)
            found.append(inner["python_wheel_task"]["parameters"])
    examples = {"{{job.parameters.stores}}": "", "{{job.parameters.origin}}": "", "{{input}}": "1/8"}
    return [[re.sub(r"\{\{.*?\}\}", lambda m: examples[m[0]], word) for word in words] for words in found]


@pytest.mark.parametrize("words", tasks(), ids=" ".join)
def test_every_task_is_a_command_of_ours(words: list[str]) -> None:
    command = get_command(app)
    name, *arguments = words
    chosen = command.commands[name]  # type: ignore[attr-defined]
    context = chosen.make_context(name, list(arguments), resilient_parsing=False)
    assert context.params


def test_cluster_variables_are_settings() -> None:
    """Each DEMAND_* variable of the clusters is a setting that a task reads."""
    text = (INFRA / "databricks" / "resources" / "demand_forecast.yml").read_text()
    named = set(re.findall(r"^    (DEMAND_\w+):", text, re.M))
    assert len(named) >= 12
    assert named <= {f"DEMAND_{name}".upper() for name in Settings.model_fields}
