"""A trained run on disk, before it is published: `<home>/models/<run_id>/`, written atomically."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
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
    """The result of a training.

    Attributes:
        manifest: the run's identity and lineage, as JSON values (see `models_ml.runs.fit.manifest_of`).
        tables: by name, the rows that publishing writes (`forecasts`, `node_forecasts`, `run_series`, ...).
    """

    manifest: dict[str, Any]
    tables: dict[str, pa.Table]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.manifest["run_id"])


def save(artifact: RunArtifact, models: Path, write_model: Callable[[Path], None] = no_model) -> Path:
    """Write an artifact under `models`, atomically replacing one of the same run.

    Args:
        artifact: what to write.
        models: folder of runs.
        write_model: writes the fitted forecaster to the given folder, which does not exist yet.

    Returns:
        Its folder.
    """
    target = models / artifact.run_id
    with staging(models, f".{artifact.run_id}-") as folder:
        for name, table in artifact.tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        write_model(folder / MODEL)
        (folder / MANIFEST).write_text(json.dumps(artifact.manifest, indent=2, sort_keys=True))
        _put(folder, target)
    return target


@contextmanager
def staging(models: Path, prefix: str) -> Iterator[Path]:
    """A temporary hidden folder beside the runs; if this writer is killed, the next one removes it."""
    models.mkdir(parents=True, exist_ok=True)
    sweep(models)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=models))
        held = _hold(folder)
        if held is not None:
            break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _hold(folder: Path) -> int | None:
    """A lock on a hidden folder, released with its process; None if it is taken or the folder is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.exists():
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def _put(folder: Path, target: Path) -> None:
    """Rename a folder; an existing folder of that name is swapped atomically."""
    if not target.exists():
        folder.replace(target)
        return
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE (Linux)
    if renameat2 is None or renameat2(here, bytes(folder), here, bytes(target), exchange) != 0:
        # Without that call (macOS, some network file systems) the name is briefly missing between two renames.
        replaced = folder.with_name(f"{folder.name}-replaced")
        target.replace(replaced)
        folder.replace(target)
        shutil.rmtree(replaced)


def sweep(models: Path) -> list[str]:
    """Remove incomplete folders of killed writers; returns their names."""
    gone = []
    for folder in sorted(models.glob(".*")):
        if folder.is_dir() and (held := _hold(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)
            gone.append(folder.name)
    return gone


def prune(models: Path, *, keep: int, needed: Collection[str]) -> list[str]:
    """Remove trained runs; returns their ids.

    Kept: the `keep` latest, the `needed`, and runs whose model a kept run uses.

    Args:
        models: folder of runs.
        keep: how many of the newest.
        needed: ids of runs, such as those in the prediction store.
    """
    if not models.is_dir():
        return []
    sweep(models)
    trained = sorted(models.glob(f"[!.]*/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    folders = [path.parent for path in trained]
    kept = {folder.name for n, folder in enumerate(folders) if n < keep or folder.name in needed}
    kept |= {str(manifest(f)["parameters"].get("fitted_by", f.name)) for f in folders if f.name in kept}
    gone = [folder for folder in folders if folder.name not in kept]
    for folder in gone:
        shutil.rmtree(folder)
    return [folder.name for folder in gone]


def latest(models: Path) -> Path:
    """The folder of the latest trained run.

    Raises:
        InputError: there is none.
    """
    manifests = sorted(models.glob(f"[!.]*/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns)
    if not manifests:
        raise InputError(f"{models} holds no trained run. Run `demand train` first.")
    return manifests[-1].parent


def manifest(folder: Path) -> dict[str, Any]:
    """A run's identity and lineage.

    Raises:
        InputError: the folder holds no trained run.
    """
    if not (folder / MANIFEST).exists():
        trained = sorted(p.parent.name for p in folder.parent.glob(f"*/{MANIFEST}"))
        there = (
            f"Trained runs: {', '.join(trained)}."
            if trained
            else "There are no trained runs; run `demand train` first."
        )
        raise InputError(f"{folder} holds no trained run. {there}")
    read: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return read


def load(folder: Path, names: Collection[str] | None = None) -> RunArtifact:
    """Read an artifact.

    Args:
        folder: of the run.
        names: the tables to read; None: all.

    Raises:
        InputError: the folder holds no trained run.
    """
    paths = [path for path in sorted(folder.glob("*.parquet")) if names is None or path.stem in names]
    tables = {path.stem: pq.read_table(path) for path in paths}
    return RunArtifact(manifest(folder), tables)


def add_backtest(folder: Path, tables: dict[str, pa.Table]) -> None:
    """Add a later backtest to a run; existing rows of a fold and model are kept.

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
    """The run's rows for the prediction store; tables added since the training are empty."""
    return RunFrames(**{name: run.tables[name] if name in run.tables else empty(name) for name in ARROW_SCHEMAS})
