"""Aliases where the registry has them, tags of the version where it has none (Azure ML)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException

from models_ml.tracking.mlflow_records import move_aliases

MODEL = "retail-demand-middle_out"


class Registry:
    """MLflow's client as far as aliases ask for it; a registry like Azure ML's knows none."""

    def __init__(self, *, knows_aliases: bool) -> None:
        self.knows_aliases = knows_aliases
        self.model = SimpleNamespace(name=MODEL, aliases={})
        self.versions = [
            SimpleNamespace(version=str(n), tags={"run_id": run}) for n, run in enumerate(("one", "two"), 1)
        ]

    def search_registered_models(self) -> list[SimpleNamespace]:
        return [self.model]

    def search_model_versions(self, query: str) -> list[SimpleNamespace]:
        return [v for v in self.versions if "run_id" not in query or f"'{v.tags['run_id']}'" in query]

    def set_registered_model_alias(self, _name: str, alias: str, version: str) -> None:
        if not self.knows_aliases:
            raise MlflowException("not supported")
        self.model.aliases[alias] = version

    def set_model_version_tag(self, _name: str, version: str, key: str, value: str) -> None:
        self.versions[int(version) - 1].tags[key] = value

    def delete_model_version_tag(self, _name: str, version: str, key: str) -> None:
        del self.versions[int(version) - 1].tags[key]

    def tagged(self, alias: str) -> list[str]:
        return [version.tags["run_id"] for version in self.versions if version.tags.get(alias) == "true"]


def test_tags_move_as_aliases_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "azureml://westeurope.api.azureml.ms/mlflow")
    registry = Registry(knows_aliases=False)
    assert move_aliases(registry, {MODEL: {"champion": "one", "challenger": "two"}}) == []
    assert (registry.tagged("champion"), registry.tagged("challenger")) == (["one"], ["two"])
    move_aliases(registry, {MODEL: {"champion": "two", "challenger": None}})
    assert (registry.tagged("champion"), registry.tagged("challenger")) == (["two"], [])


def test_aliases_where_there_are_some() -> None:
    registry = Registry(knows_aliases=True)
    move_aliases(registry, {MODEL: {"champion": "two"}})
    assert registry.model.aliases == {"champion": "2"}
    assert registry.tagged("champion") == []


def test_elsewhere_a_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.sqlite")
    with pytest.raises(MlflowException, match="not supported"):
        move_aliases(Registry(knows_aliases=False), {MODEL: {"champion": "one"}})
