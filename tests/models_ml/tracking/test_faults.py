"""Whatever is wrong with MLflow, a run is published and served, and a line says what was not recorded."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models_ml.cli.progress import Progress
from models_ml.job.publishing import publish_artifact
from models_ml.job.recording import move_aliases, recorded
from models_ml.prediction_store import runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.settings import Settings
from models_ml.tracking import recording as tracking
from tests.models_ml.job.promotion.test_publishing import trained

pytestmark = pytest.mark.fault


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield server


def closed_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def recording_of(home: Path) -> tracking.Recording:
    return tracking.start(home, run_folder=home / "models" / "run_x", aliases={})


def test_an_unreachable_server_costs_a_line_and_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"http://user:secret@127.0.0.1:{closed_port()}"  # pragma: allowlist secret
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    settings = Settings(home=tmp_path)
    engine = make_engine(settings.effective_store_url)
    upgrade(engine)
    folder = trained(tmp_path, 1, 0.5)
    publish_artifact(settings, folder, check=lambda _settings, _run: "unchecked")
    notes: list[str] = []
    started = time.monotonic()
    with recorded(settings, folder, Progress(), notes):
        pass
    assert time.monotonic() - started < tracking.WAIT_SECONDS + 10
    (note,) = notes
    assert note.startswith("warning: MLflow")
    assert "secret" not in note
    run = runs.show(engine, folder.name)
    assert (run.status, run.active_stores, run.mlflow_run_id) == ("published", ("CA_1", "TX_1"), None)
    engine.dispose()


def test_a_corrupt_local_store_is_said_and_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    corrupt = tmp_path / "mlflow.sqlite"
    corrupt.write_bytes(b"this is no database" * 500)
    said = recording_of(tmp_path).finish(120)
    assert said.mlflow_run_id is None
    assert said.warning is not None
    assert "not a database" in said.warning
    assert corrupt.read_bytes() == b"this is no database" * 500


def test_a_server_that_never_answers_is_left_and_its_recorder_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listener.getsockname()[1]}")
    recording = recording_of(tmp_path)
    said = recording.finish(1)
    assert said.warning is not None
    assert "did not answer" in said.warning
    with pytest.raises(ProcessLookupError):
        os.kill(recording.process.pid, 0)


def test_a_recorder_that_cannot_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "RECORDER", "models_ml.no_such_module")
    said = recording_of(tmp_path).finish(60)
    assert said.warning is not None
    assert "no_such_module" in said.warning


def test_a_job_that_fails_meanwhile_ends_the_recorder_and_keeps_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listener.getsockname()[1]}")
    settings = Settings(home=tmp_path)
    engine = make_engine(settings.effective_store_url)
    upgrade(engine)
    engine.dispose()
    folder = trained(tmp_path, 1, 0.5)
    publish_artifact(settings, folder, check=lambda _settings, _run: "unchecked")
    started: list[tracking.Recording] = []
    start = tracking.start
    monkeypatch.setattr(tracking, "start", lambda *a, **k: started.append(start(*a, **k)) or started[-1])
    with pytest.raises(RuntimeError, match="dbt"), recorded(settings, folder, Progress(), []):
        raise RuntimeError("dbt failed")
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].process.pid, 0)


def test_the_store_in_the_home_is_not_made_just_to_move_aliases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert move_aliases(Settings(home=tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_importing_the_job_does_not_import_mlflow() -> None:
    import subprocess
    import sys

    modules = "models_ml.job.main, models_ml.tracking.recording, models_ml.cli.main, sys"
    code = f"import {modules}; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
