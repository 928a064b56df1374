"""What the bundle's tasks rely on: the latest run is found, and a job signs in without a token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from models_ml.errors import InputError
from models_ml.runs.artifact import MANIFEST, latest
from models_ml.warehouse.connection import databricks_login

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


def test_without_a_token_the_identity_of_the_process_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Databricks' library finds the identity; asked for the workspace that is read."""
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)

    class Config:
        def __init__(self, host: str) -> None:
            self.host = host

        def authenticate(self) -> dict[str, str]:
            return {"Authorization": f"Bearer of {self.host}"}

    monkeypatch.setattr("databricks.sdk.core.Config", Config)
    login: dict[str, Any] = databricks_login("host.example.com")
    assert login["credentials_provider"]()() == {"Authorization": "Bearer of https://host.example.com"}
