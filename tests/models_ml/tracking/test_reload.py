"""A stored model gives the same forecasts, byte for byte, or refuses; MLflow holds it with its lineage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_ml.errors import ModelError
from models_ml.forecasters.storage import DESCRIPTION, FittedModel
from models_ml.prediction_store import runs
from models_ml.prediction_store.engine import make_engine
from models_ml.runs import artifact
from models_ml.settings import QUANTILE_COLUMNS, Settings
from models_ml.tracking.mlflow_records import flat
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts

pytestmark = pytest.mark.dbt


@pytest.fixture
def folder(published_home: Path) -> Path:
    """The run that is served."""
    engine = make_engine(Settings(home=published_home).effective_store_url)
    (served,) = [run.run_id for run in runs.list_runs(engine) if run.active_stores]
    engine.dispose()
    return published_home / "models" / served


def marts_of(published_home: Path, folder: Path, stores: tuple[str, ...] = ()) -> Marts:
    record = artifact.record_of(artifact.load(folder))
    warehouse = DuckDBWarehouse(published_home / "warehouse.duckdb")
    return Marts(warehouse, record.origin, record.horizon_days, stores)


def published_values(folder: Path, table: str) -> bytes:
    """Mean and quantiles as they were published."""
    rows = artifact.load(folder).tables[table].to_pandas()
    return rows[["mean", *QUANTILE_COLUMNS]].to_numpy(dtype=np.float64).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_reloaded_model_forecasts_the_published_bytes(published_home: Path, folder: Path, threads: int) -> None:
    model = FittedModel.load(folder / artifact.MODEL, threads=threads)
    forecast = model.forecast(marts_of(published_home, folder))
    parts = {
        "forecasts": (forecast.mean, forecast.quantiles),
        "node_forecasts": (forecast.node_mean, forecast.node_quantiles),
    }
    for table, (mean, quantiles) in parts.items():
        assert quantiles is not None
        values = np.concatenate([mean[:, :, None], quantiles], axis=2).astype(np.float64)
        assert values.tobytes() == published_values(folder, table)


def test_a_model_refuses_other_stores(published_home: Path, folder: Path) -> None:
    model = FittedModel.load(folder / artifact.MODEL, threads=2)
    with pytest.raises(ModelError, match=r"[Tt]rain it"):
        model.forecast(marts_of(published_home, folder, ("CA_1",)))


def edited(folder: Path, target: Path, name: str, change: Callable[[dict[str, Any]], object]) -> Path:
    shutil.copytree(folder / artifact.MODEL, target)
    described = json.loads((target / name).read_text())
    change(described)
    (target / name).write_text(json.dumps(described))
    return target


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("boosting.json", lambda d: d["features"].reverse(), "features"),
        ("boosting.json", lambda d: d["features"].append("weather"), "weather"),
        ("boosting.json", lambda d: d["categories"]["store"].append("XX_9"), "XX_9"),
        ("boosting.json", lambda d: d["categories"]["event"].pop(), "categories of event"),
        ("regression.json", lambda d: d["regressors"].append("weather"), "weather"),
        ("regression.json", lambda d: d["nodes"].pop(), "nodes"),
    ],
)
def test_a_model_refuses_features_and_categories_that_it_was_not_fitted_with(
    published_home: Path, folder: Path, tmp_path: Path, name: str, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    other = edited(folder, tmp_path / "model", name, change)
    with pytest.raises(ModelError, match=said):
        FittedModel.load(other, threads=2).forecast(marts_of(published_home, folder))


def test_a_model_fitted_with_other_parameters_is_refused(folder: Path, tmp_path: Path) -> None:
    other = edited(folder, tmp_path / "model", DESCRIPTION, lambda d: d["parameters"]["boosting"].update(rounds=1))
    with pytest.raises(ModelError, match="boosting"):
        FittedModel.load(other, threads=2)


def test_a_folder_without_a_model_or_with_half_of_it_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Train the run again"):
        FittedModel.load(tmp_path, threads=2)
    parts = ("regression.npz", "items.json", "quantiles.npz", "quantiles_series.parquet", "own_replays.npz")
    for number, missing in enumerate(parts):
        half = edited(folder, tmp_path / str(number), DESCRIPTION, lambda d: d)
        (half / missing).unlink()
        with pytest.raises(ModelError, match=missing.replace(".", r"\.")):
            FittedModel.load(half, threads=2)


IN_MLFLOW = """
import json, sys
import pandas as pd, mlflow
from mlflow import MlflowClient
uri, warehouse, origin, stores, output = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
version = client.get_model_version_by_alias("retail-demand-middle_out", "champion")
model = mlflow.pyfunc.load_model("models:/retail-demand-middle_out@champion")
rows = pd.DataFrame({"store_id": stores.split(","), "origin": origin})
model.predict(rows, params={"warehouse_url": warehouse}).to_parquet(output)
run = client.get_run(version.run_id)
inputs = [column.name for column in model.metadata.signature.inputs]
print(json.dumps({"tags": version.tags, "metrics": run.data.metrics, "params": run.data.params,
                  "mlflow_run_id": version.run_id, "inputs": inputs,
                  "outputs": model.metadata.signature.outputs.input_names(),
                  "features": mlflow.artifacts.load_dict(f"runs:/{version.run_id}/features.json"),
                  "artifacts": [part.path for part in client.list_artifacts(version.run_id)]}))
"""


def test_mlflow_holds_the_champion_with_its_lineage_and_its_forecasts(
    published_home: Path, folder: Path, tmp_path: Path
) -> None:
    import pandas as pd

    manifest = artifact.load(folder).manifest
    output = tmp_path / "forecasts.parquet"
    done = subprocess.run(
        [sys.executable, "-c", IN_MLFLOW, f"sqlite:///{published_home / 'mlflow.sqlite'}",
         f"duckdb:///{published_home / 'warehouse.duckdb'}", manifest["origin"], ",".join(manifest["scope"]), output],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.strip().splitlines()[-1])
    for name in ("run_id", "git_commit", "data_fingerprint", "code_version", "origin"):
        assert said["tags"][name] == manifest[name]
    assert {f"wrmsse/level_{level:02d}" for level in range(13)} <= set(said["metrics"])
    assert len(said["metrics"]) < 100
    assert set(said["params"]) == set(flat(manifest["parameters"]))
    assert said["tags"]["mlflow.source.git.commit"] == manifest["git_commit"]
    assert said["params"]["boosting.rounds"] == str(manifest["parameters"]["boosting"]["rounds"])
    assert said["inputs"] == ["store_id", "origin"]
    assert {"features.json", "run.json"} <= set(said["artifacts"])
    assert said["features"]["items"]["features"]
    assert set(said["features"]["boosting"]["categories"]["store"]) == set(manifest["scope"])
    engine = make_engine(Settings(home=published_home).effective_store_url)
    assert runs.show(engine, folder.name).mlflow_run_id == said["mlflow_run_id"]
    engine.dispose()
    given = pd.read_parquet(output)
    assert given[["mean", *QUANTILE_COLUMNS]].to_numpy().tobytes() == published_values(folder, "forecasts")
    assert said["outputs"] == list(given.columns)
