"""Models get a version and its aliases in any registry: MLflow's own, and one that can as little as Unity Catalog's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException

from models_ml.settings import get_settings
from models_ml.tracking.mlflow_records import move_aliases, register
from models_ml.tracking.recording import registered_name, workspace_variables

MODEL = "retail-demand-middle_out"


@pytest.fixture
def settings_anew() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


class UnityCatalog:
    """MLflow's client as Unity Catalog lets it be: no search by name, no tags in what a search of versions gives."""

    def __init__(self) -> None:
        self.models: dict[str, SimpleNamespace] = {}
        self.versions: dict[str, list[SimpleNamespace]] = {}
        self.runs: dict[str, str] = {}

    def get_registered_model(self, name: str) -> SimpleNamespace:
        if name not in self.models:
            raise RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": name})
        return self.models[name]

    def create_registered_model(self, name: str, **_described: str) -> None:
        assert len(name.split(".")) == 3, "Unity Catalog's models are named catalog.schema.model"
        self.models[name] = SimpleNamespace(name=name, aliases={})

    def create_model_version(self, name: str, _uri: str, run_id: str, tags: dict[str, str]) -> None:
        versions = self.versions.setdefault(name, [])
        versions.append(SimpleNamespace(version=str(len(versions) + 1), run_id=run_id, tags={}))
        self.runs[run_id] = tags["run_id"]

    def search_runs(self, _experiments: list[str], query: str) -> list[Any]:
        return [SimpleNamespace(info=SimpleNamespace(run_id=i)) for i, run in self.runs.items() if f"'{run}'" in query]

    def search_model_versions(self, query: str) -> list[SimpleNamespace]:
        assert " and " not in query, "Unity Catalog takes a single condition"
        return self.versions.get(query.split("'")[1], [])

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.models[name].aliases[alias] = version

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        del self.models[name].aliases[alias]


def test_versions_and_aliases_in_unity_catalog(monkeypatch: pytest.MonkeyPatch, settings_anew: None) -> None:
    monkeypatch.setenv("DEMAND_MODEL_SCHEMA", "demand_prod.models")
    client, name = UnityCatalog(), f"demand_prod.models.{MODEL}"
    assert registered_name("middle_out") == name
    for run in ("one", "two"):
        register(client, "middle_out", "dbfs:/model", f"mlflow-{run}", {"run_id": run})
    assert move_aliases(client, "1", {name: {"champion": "one", "challenger": "two"}}) == []
    assert client.models[name].aliases == {"champion": "1", "challenger": "2"}
    move_aliases(client, "1", {name: {"champion": "two", "challenger": None}})
    assert client.models[name].aliases == {"champion": "2"}


def test_versions_and_aliases_in_mlflows_own_registry(tmp_path: Path) -> None:
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.sqlite'}")
    experiment = client.create_experiment("e", artifact_location=tmp_path.as_uri())
    empty = move_aliases(client, experiment, {MODEL: {"champion": "one", "challenger": None}})
    assert empty == ["one"], "a registry that stays empty is told"
    for run in ("one", "two"):
        created = client.create_run(experiment, tags={"run_id": run})
        register(client, "middle_out", f"{created.info.artifact_uri}/model", created.info.run_id, {"run_id": run})
    assert move_aliases(client, experiment, {MODEL: {"champion": "two"}}) == []
    assert client.get_model_version_by_alias(MODEL, "champion").version in (2, "2")


def test_another_refusal_is_an_error() -> None:
    class Down(UnityCatalog):
        def get_registered_model(self, _name: str) -> SimpleNamespace:
            raise MlflowException("the server is down")

    with pytest.raises(MlflowException, match="down"):
        move_aliases(Down(), "1", {MODEL: {"champion": "one"}})


def test_the_recorder_signs_in_as_this_process(monkeypatch: pytest.MonkeyPatch, settings_anew: None) -> None:
    """It is a process of its own, to which the identity of a cluster's task is not known."""
    monkeypatch.setenv("DEMAND_WAREHOUSE_URL", "databricks://adb-1.2.example.net/sql/1.0/warehouses/w?catalog=c")
    monkeypatch.setenv("DATABRICKS_TOKEN", "of this process")
    given = workspace_variables("databricks")
    assert given["DATABRICKS_HOST"] == "https://adb-1.2.example.net"
    assert given["DATABRICKS_TOKEN"] == "of this process"
    assert workspace_variables("sqlite:///mlflow.sqlite") == {}
