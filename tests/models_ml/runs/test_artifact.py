"""Trained runs on disk: written whole or not at all, and not for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from models_ml.runs import artifact
from models_ml.runs.artifact import RunArtifact

WRITER = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from models_ml.runs import artifact

def killed(folder):
    folder.mkdir()
    os.kill(os.getpid(), signal.SIGKILL)

run = artifact.RunArtifact({"run_id": "run_1", "made": "new"}, {"forecasts": pa.table({"x": [2]})})
artifact.save(run, Path(sys.argv[1]), killed)
"""


def run_of(name: str, made: str, **parameters: Any) -> RunArtifact:
    rows = pa.table({"x": [made] * 3})
    return RunArtifact({"run_id": name, "made": made, "parameters": parameters}, {"a": rows, "b": rows})


def test_18_09_a_reader_never_sees_half_a_run_nor_none(tmp_path: Path) -> None:
    folder = artifact.save(run_of("run_1", "0"), tmp_path)
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                artifact.manifest(folder)
            except Exception as error:
                wrong.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for made in range(1, 150):
        artifact.save(run_of("run_1", str(made)), tmp_path)
    done.set()
    reader.join()
    assert wrong == []
    assert artifact.load(folder).tables["b"].column("x").to_pylist() == ["149"] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["run_1"]


def test_18_09_killed_while_it_writes_leaves_the_run_before_and_is_swept(tmp_path: Path) -> None:
    folder = artifact.save(run_of("run_1", "old"), tmp_path)
    killed = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert artifact.manifest(folder)["made"] == "old"
    assert len(list(tmp_path.glob(".run_1-*"))) == 1
    with artifact.staging(tmp_path, ".model-") as held:
        assert list(tmp_path.glob(".run_1-*")) == []
        artifact.save(run_of("run_2", "x"), tmp_path)
        assert held.exists(), "what is being written is left alone"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run_1", "run_2"]


def test_18_09_old_runs_are_removed_but_for_those_that_are_needed(tmp_path: Path) -> None:
    for day in range(10):
        fitted = {"fitted_by": "run_4"} if day > 4 else {}
        folder = artifact.save(run_of(f"run_{day}", str(day), **fitted), tmp_path)
        os.utime(folder / artifact.MANIFEST, (day, day))
    assert sorted(artifact.prune(tmp_path, keep=2, needed={"run_1"})) == [f"run_{n}" for n in (0, 2, 3, 5, 6, 7)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run_1", "run_4", "run_8", "run_9"]
    assert artifact.prune(tmp_path / "none", keep=2, needed=()) == []


def test_18_09_a_platform_without_an_exchange_of_names_still_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact.ctypes, "CDLL", lambda *_a, **_k: object())
    artifact.save(run_of("run_1", "old"), tmp_path)
    folder = artifact.save(run_of("run_1", "new"), tmp_path)
    assert artifact.manifest(folder)["made"] == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["run_1"]
