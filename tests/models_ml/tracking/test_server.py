"""A real tracking server, named by MLflow's usual variables, gets the run, its model and its aliases."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from models_ml import tracking

pytestmark = [pytest.mark.dbt, pytest.mark.slow]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store, artifacts = f"sqlite:///{tmp_path / 'server.sqlite'}", (tmp_path / "artifacts").as_uri()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", store, "--artifacts-destination", artifacts]  # fmt: skip
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **tracking.QUIET})
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=1)
                    break
                except OSError:
                    time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def test_a_server_gets_the_run_its_model_and_its_aliases(
    published_home: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    (folder,) = (published_home / "models").glob("run_*")
    name = tracking.REGISTERED_PREFIX + "middle_out"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "planning")
    aliases = {name: {"champion": folder.name, "challenger": None}}
    said = tracking.start(tmp_path, run_folder=folder, aliases=aliases).finish(180)
    assert said.warning is None
    assert said.mlflow_run_id is not None
    client = MlflowClient(server)
    run = client.get_run(said.mlflow_run_id)
    assert client.get_experiment(run.info.experiment_id).name == "planning"
    assert run.data.tags["run_id"] == folder.name
    assert run.data.metrics["wrmsse/level_00"] > 0
    version = client.get_model_version_by_alias(name, "champion")
    assert version.run_id == said.mlflow_run_id
    assert not (tmp_path / "mlflow.sqlite").exists()
    again = tracking.start(tmp_path, run_folder=folder, aliases=aliases).finish(180)
    assert again.mlflow_run_id == said.mlflow_run_id
