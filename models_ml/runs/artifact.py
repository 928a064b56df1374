"""A trained run on disk, before it is published: `<home>/models/<run_id>/`, written whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models_ml.errors import InputError
from models_ml.prediction_store.frames import ARROW_SCHEMAS, RunFrames, empty
from models_ml.prediction_store.records import RunRecord

MANIFEST = "run.json"

MODEL = "model"
"""Folder of the fitted forecaster, inside the run's."""


def no_model(_folder: Path) -> None:
    """For runs that keep no forecaster."""


@dataclass(frozen=True)
class RunArtifact:
    """What a training leaves behind.

    Attributes:
        manifest: the run's identity and lineage, as JSON values (see `models_ml.runs.fit.manifest_of`).
        tables: by name, the rows that a publish writes (`forecasts`, `node_forecasts`, `run_series`, ...).
    """

    manifest: dict[str, Any]
    tables: dict[str, pa.Table]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.manifest["run_id"])


def save(artifact: RunArtifact, models: Path, write_model: Callable[[Path], None] = no_model) -> Path:
    """Write an artifact under `models`, replacing one of the same run; readers never see half of it.

    Args:
        artifact: what to write.
        models: folder of runs.
        write_model: writes the fitted forecaster into the folder that it is given (which is not there yet).

    Returns:
        Its folder.
    """
    models.mkdir(parents=True, exist_ok=True)
    target = models / artifact.run_id
    staging = Path(tempfile.mkdtemp(prefix=f".{artifact.run_id}-", dir=models))
    try:
        for name, table in artifact.tables.items():
            pq.write_table(table, staging / f"{name}.parquet", compression="zstd")
        write_model(staging / MODEL)
        (staging / MANIFEST).write_text(json.dumps(artifact.manifest, indent=2, sort_keys=True))
        if target.exists():
            shutil.rmtree(target)
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def latest(models: Path) -> Path:
    """The folder of the run that was trained last.

    Raises:
        InputError: there is none.
    """
    manifests = sorted(models.glob(f"[!.]*/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns)
    if not manifests:
        raise InputError(f"{models} holds no trained run. Run `demand train` first.")
    return manifests[-1].parent


def manifest(folder: Path) -> dict[str, Any]:
    """A run's identity and lineage alone.

    Raises:
        InputError: the folder holds no trained run.
    """
    if not (folder / MANIFEST).exists():
        trained = sorted(p.parent.name for p in folder.parent.glob(f"*/{MANIFEST}"))
        there = f"There are {', '.join(trained)}." if trained else "None is there; run `demand train` first."
        raise InputError(f"{folder} holds no trained run. {there}")
    read: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return read


def load(folder: Path) -> RunArtifact:
    """Read an artifact.

    Raises:
        InputError: the folder holds no trained run.
    """
    tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    return RunArtifact(manifest(folder), tables)


def add_backtest(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Add a later backtest to a run's; rows of a fold and model that it has already stay.

    Args:
        folder: of the run.
        tables: from `folds.backtest_tables`.

    Raises:
        InputError: the folder holds no trained run.
    """
    known = load(folder).tables
    for name, table in tables.items():
        before = known.get(name, table.schema.empty_table()).select(table.schema.names).cast(table.schema)
        fresh = table.join(before.select(["fold", "model"]), ["fold", "model"], join_type="left anti")
        target = folder / f"{name}.parquet"
        part = target.with_suffix(".part")
        pq.write_table(pa.concat_tables([before, fresh]), part, compression="zstd")
        part.replace(target)


def record_of(run: RunArtifact) -> RunRecord:
    """The run as the prediction store records it."""
    manifest = run.manifest
    return RunRecord(
        run_id=run.run_id,
        model=manifest["model"],
        version=manifest["version"],
        origin=date.fromisoformat(manifest["origin"]),
        horizon_days=manifest["horizon_days"],
        step_days=manifest.get("step_days", 1),
        scope=tuple(manifest["scope"]),
        role=manifest.get("role", "champion"),
        git_commit=manifest["git_commit"],
        data_fingerprint=manifest["data_fingerprint"],
        parameters=manifest["parameters"],
        metrics=manifest["metrics"],
        mlflow_run_id=manifest.get("mlflow_run_id"),
    )


def frames_of(run: RunArtifact) -> RunFrames:
    """The run's rows as the prediction store takes them; a table that was not known when it was trained is empty."""
    return RunFrames(**{name: run.tables[name] if name in run.tables else empty(name) for name in ARROW_SCHEMAS})
