"""Records a trained run in MLflow, in a process of its own that may fail or hang (see `models_ml.tracking.recording`).

`python -m models_ml.tracking.mlflow_records` reads a job (JSON) from standard input and answers with a line of JSON.
The module also loads the recorded model: `mlflow.pyfunc.load_model("models:/retail-demand-middle_out@champion")`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.registry import BASELINE
from models_ml.runs import artifact
from models_ml.settings import QUANTILE_COLUMNS
from models_ml.tracking.recording import RECORDER, registered_name

BY_LEVEL = ("wrmsse", "bias", "wape", "wspl", "coverage_95")
"""Metrics recorded for every level; others only for the mean of the levels, to keep their number small."""

LONGEST_VALUE = 500
"""Of a parameter or a tag; servers refuse longer ones. `run.json` beside the model has them whole."""

MOST_PARAMS = 100
"""In one request."""

LINEAGE = ("run_id", "model", "version", "origin", "horizon_days", "git_commit", "code_version", "data_fingerprint")


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters as `part.name` -> text."""
    named: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            named.update(flat(value, f"{prefix}{name}."))
        else:
            named[prefix + name] = (value if isinstance(value, str) else json.dumps(value))[:LONGEST_VALUE]
    return named


def metric_values(metrics: pd.DataFrame, model: str) -> list[tuple[str, float, date]]:
    """Name, value and fold of what is recorded: `wrmsse/level_09`, and the baseline's as `baseline_wrmsse/level_00`."""
    chosen: list[tuple[str, float, date]] = []
    for fold, name, level, metric, value in metrics.itertuples(index=False, name=None):
        own = name == model and (level == AVERAGE_LEVEL or metric in BY_LEVEL)
        if own or (name == BASELINE and level == AVERAGE_LEVEL and metric in BY_LEVEL):
            prefix = "" if name == model else "baseline_"
            chosen.append((f"{prefix}{metric}/level_{int(level):02d}", float(value), fold))
    return chosen


def described(folder: Path) -> dict[str, Any]:
    """What the stored forecaster says of itself: features, categories, regressors, parameters, by file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("**/*.json"))}


def record(client: Any, experiment_id: str, folder: Path) -> str:
    """Record a trained run, once; returns its id in MLflow."""
    import mlflow.pyfunc
    from mlflow.entities import Metric, Param, RunTag

    run = artifact.load(folder)
    manifest = run.manifest
    found = client.search_runs([experiment_id], f"tags.run_id = '{run.run_id}' and attributes.status = 'FINISHED'")
    if found:
        return str(found[0].info.run_id)
    tags = {name: str(manifest[name]) for name in LINEAGE}
    tags |= {"scope": ",".join(manifest["scope"])[:LONGEST_VALUE], "mlflow.source.git.commit": manifest["git_commit"]}
    created = client.create_run(experiment_id, run_name=run.run_id, tags=tags)
    mlflow_run_id = str(created.info.run_id)
    values = metric_values(run.tables["run_metrics"].to_pandas(), manifest["model"])
    folds = sorted({fold for _, _, fold in values})
    client.log_batch(
        mlflow_run_id,
        metrics=[
            Metric(name, value, int(datetime(fold.year, fold.month, fold.day).timestamp() * 1000), folds.index(fold))
            for name, value, fold in values
        ],
        tags=[RunTag("folds", ",".join(map(str, folds))[:LONGEST_VALUE])],
    )
    params = [Param(name, value) for name, value in flat(manifest["parameters"]).items()]
    for start in range(0, len(params), MOST_PARAMS):
        client.log_batch(mlflow_run_id, params=params[start : start + MOST_PARAMS])
    client.log_dict(mlflow_run_id, manifest, artifact.MANIFEST)
    model = folder / artifact.MODEL
    client.log_dict(mlflow_run_id, described(model), "features.json")
    # Saved and uploaded as files, which every tracking server takes: `log_model` of MLflow 3 asks for an endpoint
    # (logged-models) that not all of them have.
    with TemporaryDirectory() as scratch:
        saved = Path(scratch) / "model"
        mlflow.pyfunc.save_model(
            path=saved,
            loader_module=RECORDER,
            data_path=str(model),
            signature=signature(manifest["horizon_days"]),
            pip_requirements=[f"retail-demand=={manifest['version']}"],
            metadata={"run_id": run.run_id},
        )
        client.log_artifacts(mlflow_run_id, str(saved), "model")
    register(client, manifest["model"], f"{created.info.artifact_uri}/model", mlflow_run_id, tags)
    client.set_terminated(mlflow_run_id)
    return mlflow_run_id


def signature(horizon_days: int) -> Any:
    """What the recorded model takes and gives."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    return ModelSignature(
        inputs=Schema([ColSpec("string", "store_id"), ColSpec("string", "origin")]),
        outputs=Schema(
            [ColSpec("string", "store_id"), ColSpec("string", "item_id"), ColSpec("datetime", "target_date"),
             *(ColSpec("double", name) for name in ("mean", *QUANTILE_COLUMNS))]
        ),
        params=ParamSchema(
            [ParamSpec("warehouse_url", "string", ""), ParamSpec("horizon_days", "long", horizon_days),
             ParamSpec("threads", "long", 2)]
        ),
    )  # fmt: skip


def register(client: Any, model: str, uri: str, mlflow_run_id: str, tags: dict[str, str]) -> None:
    """A new version of the registered model, tagged with the run's lineage."""
    name = registered_name(model)
    if find_registered(client, name) is None:
        client.create_registered_model(name, description=f"Demand forecaster {model}.")
    client.create_model_version(name, uri, run_id=mlflow_run_id, tags=tags)


def find_registered(client: Any, name: str) -> Any | None:
    """A registered model by its name; None where there is none. Unity Catalog has no search by name."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return None
        raise


def version_of(client: Any, experiment_id: str, name: str, run_id: str) -> str | None:
    """The newest version of a registered model from a run, found by MLflow's own run id, which every registry has."""
    recorded = {found.info.run_id for found in client.search_runs([experiment_id], f"tags.run_id = '{run_id}'")}
    own = [int(v.version) for v in client.search_model_versions(f"name = '{name}'") if v.run_id in recorded]
    return str(max(own)) if own else None


def move_aliases(client: Any, experiment_id: str, wanted: dict[str, dict[str, str | None]]) -> list[str]:
    """Point each alias at the version of its run, or at none; returns the runs that the registry does not know."""
    unknown = []
    for name, aliases in wanted.items():
        registered = find_registered(client, name)
        for alias, run_id in aliases.items():
            version = version_of(client, experiment_id, name, run_id) if registered and run_id else None
            if version is not None:
                client.set_registered_model_alias(name, alias, version)
            elif run_id is not None:
                unknown.append(run_id)
            elif registered is not None and alias in registered.aliases:
                client.delete_registered_model_alias(name, alias)
    return unknown


def experiment(client: Any, name: str, artifact_location: str | None) -> str:
    """The experiment's id; made if it is not there."""
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, artifact_location=artifact_location))


def main() -> None:
    """Do one job; why it could not be done is the last line on standard error."""
    try:
        do(json.load(sys.stdin))
    except Exception as error:
        traceback.print_exc()
        print(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}", file=sys.stderr)
        sys.exit(1)


def do(job: dict[str, Any]) -> None:
    """Do a job and answer."""
    started = time.perf_counter()
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # MLflow's own output must not mix with the answer
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment_id = experiment(client, job["experiment"], job["artifact_location"])
    mlflow_run_id = record(client, experiment_id, Path(job["run_folder"])) if job["run_folder"] else None
    unknown = move_aliases(client, experiment_id, job["aliases"])
    warning = f"MLflow's registry has no version of {', '.join(sorted(set(unknown)))}; their aliases were not moved."
    answer = {
        "mlflow_run_id": mlflow_run_id,
        "warning": warning if unknown else None,
        "seconds": time.perf_counter() - started,
    }
    print(json.dumps(answer), file=answers, flush=True)


class RecordedModel:
    """A stored forecaster as MLflow's pyfunc knows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Forecast stores.

        Args:
            model_input: columns store_id and origin (YYYY-MM-DD, the last known day, one for all rows).
            params: `warehouse_url` of the marts (default: DEMAND_WAREHOUSE_URL or the home's), `horizon_days`,
                `threads`.

        Returns:
            Columns store_id, item_id, target_date, mean and the quantiles (`QUANTILE_COLUMNS`), ordered by series.

        Raises:
            InputError: more than one origin.
            ModelError: the marts have other stores, features or categories than the model was fitted with.
        """
        from models_ml.errors import InputError
        from models_ml.forecasters.storage import FittedModel
        from models_ml.settings import get_settings
        from models_ml.warehouse.connection import open_warehouse
        from models_ml.warehouse.marts import Marts

        given = params or {}
        origins = sorted(set(model_input["origin"]))
        if len(origins) != 1:
            raise InputError(f"Give one origin for all rows; there are {len(origins)}.")
        threads = int(given.get("threads", 2))
        url = given.get("warehouse_url") or get_settings().effective_warehouse_url
        warehouse = open_warehouse(url, threads=threads, memory_limit_gb=get_settings().memory_limit_gb)
        marts = Marts(
            warehouse,
            date.fromisoformat(origins[0]),
            int(given.get("horizon_days", get_settings().horizon_days)),
            tuple(sorted(set(model_input["store_id"]))),
        )
        forecast = FittedModel.load(self.folder, threads=threads).forecast(marts)
        assert forecast.quantiles is not None
        days = len(marts.step_dates)
        by_name = zip(QUANTILE_COLUMNS, np.moveaxis(forecast.quantiles, 2, 0), strict=True)
        return pd.DataFrame(
            {
                "store_id": np.repeat(forecast.series["store_id"].to_numpy(), days),
                "item_id": np.repeat(forecast.series["item_id"].to_numpy(), days),
                "target_date": np.tile(np.array(marts.step_dates, dtype="datetime64[ns]"), len(forecast.series)),
                "mean": forecast.mean.ravel().astype(np.float64),
                **{name: values.ravel().astype(np.float64) for name, values in by_name},
            }
        )


def _load_pyfunc(path: str) -> RecordedModel:
    """MLflow's hook: the model in a folder."""
    return RecordedModel(Path(path))


if __name__ == "__main__":
    main()
