"""MLflow beside the forecast: it can never stop a run.

MLflow is slow to import, and its server may be slow, down or broken. So a process of its own talks to it
(`models_ml.tracking.mlflow_records`); it starts once the run is served and gets a bounded time. Whatever happens to it,
the forecast stands; the worst outcome is a line that says what was not recorded.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from models_ml.prediction_store.schema import active_runs, model_runs
from models_ml.prediction_store.transactions import reading
from models_ml.settings import get_settings
from models_ml.warehouse.connection import DatabricksWarehouse, access_token

EXPERIMENT = "retail-demand"
REGISTERED_PREFIX = "retail-demand-"

ALIASES = ("champion", "challenger")

WAIT_SECONDS = 30.0
"""Longest wait of a finished job for MLflow."""

RECORDER = "models_ml.tracking.mlflow_records"

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
"""Turns telemetry off: MLflow talks to the tracking server alone."""

PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
"""MLflow's own defaults retry for minutes; a user's own values are kept."""


@dataclass(frozen=True)
class Recorded:
    """Result of a recording.

    Attributes:
        mlflow_run_id: the run's id in MLflow, None if it was not recorded or none was asked for.
        warning: what went wrong, in a line; None if nothing did.
    """

    mlflow_run_id: str | None = None
    warning: str | None = None


@dataclass
class Recording:
    """A running recorder.

    Attributes:
        process: the recorder.
        log: where its messages go.
    """

    process: subprocess.Popen[str]
    log: Path
    started: float = field(default_factory=time.monotonic)

    def finish(self, wait_seconds: float = WAIT_SECONDS) -> Recorded:
        """Wait for the recorder, at most `wait_seconds`, then stop it."""
        try:
            answer, _ = self.process.communicate(timeout=max(wait_seconds, 0.0))
        except subprocess.TimeoutExpired:
            self.stop()
            spent = time.monotonic() - self.started
            return Recorded(warning=f"MLflow did not answer within {spent:.0f} s and was stopped; see {self.log}.")
        lines = answer.strip().splitlines()
        if self.process.returncode != 0 or not lines:
            return Recorded(warning=f"MLflow did not record the run: {last_line(self.log)} (all of it: {self.log})")
        said = json.loads(lines[-1])
        return Recorded(said.get("mlflow_run_id"), said.get("warning"))

    def stop(self) -> None:
        """Kill the recorder and whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def start(home: Path, *, run_folder: Path | None, aliases: Mapping[str, Mapping[str, str | None]]) -> Recording:
    """Start a recorder.

    Args:
        home: its `mlflow.sqlite` and `mlflow_artifacts/` are MLflow's default store; MLFLOW_TRACKING_URI names another,
            and all of MLflow's own variables hold.
        run_folder: of a trained run to record; None only moves aliases.
        aliases: registered model -> alias -> run_id, or None for an unused alias (see `wanted_aliases`).
    """
    home = home.resolve()
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    local = f"sqlite:///{home / 'mlflow.sqlite'}"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or local
    job: dict[str, Any] = {
        "experiment": os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT,
        "artifact_location": (home / "mlflow_artifacts").as_uri() if uri == local else None,
        "run_folder": str(run_folder.resolve()) if run_folder else None,
        "aliases": {name: dict(of) for name, of in aliases.items()},
    }
    log = logs / "mlflow.log"
    with log.open("w") as messages:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", RECORDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            env={**PATIENCE, **os.environ, **QUIET, **workspace_variables(uri), "MLFLOW_TRACKING_URI": uri},
            text=True,
            start_new_session=True,
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # a recorder that could not even start: finish tells
        process.stdin.write(json.dumps(job))
        process.stdin.close()
    process.stdin = None
    return Recording(process, log)


def registered_name(model: str) -> str:
    """Name of a forecaster's registered model: `retail-demand-NAME`, in a schema if the registry is Unity Catalog."""
    schema = get_settings().model_schema
    return f"{schema}.{REGISTERED_PREFIX}{model}" if schema else REGISTERED_PREFIX + model


def workspace_variables(uri: str) -> dict[str, str]:
    """How the recorder signs in where MLflow is a workspace of Databricks: as this process does, which it is not.

    Unity Catalog's own storage libraries are not needed: Databricks' API takes the files.
    """
    warehouse = get_settings().effective_warehouse_url
    if not uri.startswith("databricks") or not warehouse.startswith("databricks://"):
        return {}
    host = DatabricksWarehouse(warehouse).host
    return {
        "DATABRICKS_HOST": f"https://{host}",
        "DATABRICKS_TOKEN": access_token(host),
        "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "true",
    }


def in_use(home: Path) -> bool:
    """Whether there is an MLflow store whose aliases could be moved."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (home / "mlflow.sqlite").exists()


def wanted_aliases(engine: Engine) -> dict[str, dict[str, str | None]]:
    """Champion and challenger of each model, from what the store serves.

    The champion is the run that most stores serve (the newest of equals), so only its model has one; the challenger
    of a model is its newest published run of that role.

    Raises:
        StoreError: the store cannot be read.
    """
    published = (
        select(model_runs.c.run_id, model_runs.c.model, model_runs.c.role)
        .where(model_runs.c.status == "published")
        .order_by(model_runs.c.published_at.desc(), model_runs.c.run_id)
    )
    with reading(engine) as connection:
        runs = list(connection.execute(published))
        served = Counter(connection.execute(select(active_runs.c.run_id)).scalars())
    champion = max(runs, key=lambda run: served[run.run_id], default=None)  # of equals the first: the newest
    aliases: dict[str, dict[str, str | None]] = {}
    for run in runs:
        own = aliases.setdefault(registered_name(run.model), dict.fromkeys(ALIASES))
        if champion is not None and run.run_id == champion.run_id and served[run.run_id]:
            own["champion"] = run.run_id
        elif run.role == "challenger" and own["challenger"] is None:
            own["challenger"] = run.run_id
    return aliases


def last_line(log: Path) -> str:
    """The last non-empty line of a log, without passwords."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    said = lines[-1][:300] if lines else "it said nothing"
    return re.sub(r"://[^/@\s]*@", "://***@", said)
