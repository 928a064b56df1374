"""A run that fails its data-quality checks is never served: real checks, a real run, one tampered copy of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models_ml.cli.checks import check_run
from models_ml.job.publishing import publish_artifact
from models_ml.prediction_store import runs
from models_ml.prediction_store.engine import make_engine
from models_ml.runs import artifact
from models_ml.settings import QUANTILE_COLUMNS, Settings
from tests.conftest import demand

NEW = "run_of_another_day"


def query(home: Path, sql: str) -> list[tuple]:
    with sqlite3.connect(home / "prediction_store.sqlite") as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def home(published_home: Path, tmp_path: Path) -> Path:
    """A copy of the published home with a second trained run, whose forecasts of one department are three times."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("warehouse.duckdb", "prediction_store.sqlite"):
        shutil.copy(published_home / name, home)
    shutil.copytree(published_home / "models", home / "models")
    [trained] = (home / "models").iterdir()
    folder = home / "models" / NEW
    shutil.copytree(trained, folder)
    manifest = folder / artifact.MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "run_id": NEW}))
    return home


def tamper(folder: Path) -> None:
    """Three times the units of one department: every row is a forecast, so the store itself has no objection."""
    series = pq.read_table(folder / "run_series.parquet")
    foods = series.filter(pc.equal(series["department_id"], "FOODS_3"))["item_id"].combine_chunks()
    path = folder / "forecasts.parquet"
    rows = pq.read_table(path)
    factor = pc.if_else(pc.is_in(rows["item_id"], pc.unique(foods)), 3.0, 1.0)
    for name in ("mean", *QUANTILE_COLUMNS):
        raised = pc.multiply(rows[name].cast(pa.float64()), factor).cast(rows[name].type)
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), raised)
    pq.write_table(rows, path)


def test_a_faulty_run_is_taken_back_and_the_mended_one_is_served(home: Path) -> None:
    [(old,)] = query(home, "select distinct run_id from active_runs")
    pointers = query(home, "select * from active_runs order by 1")
    folder = home / "models" / NEW
    good = (folder / "forecasts.parquet").read_bytes()
    tamper(folder)

    done = demand("publish", NEW, home=home)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"error: {NEW} was deleted from the store and is not served." in done.stderr
    assert "store_forecasts, highest_department_level" in done.stderr
    assert "what was served before is still served" in done.stderr
    assert query(home, "select * from active_runs order by 1") == pointers
    [(status, reason)] = query(home, f"select status, reason from model_runs where run_id = '{NEW}'")
    assert status == "failed"
    assert "highest_department_level" in reason
    assert query(home, f"select count(*) from forecasts where run_id = '{NEW}'") == [(0,)]
    recorded = f"select count(*) from quality_results where run_id = '{NEW}' and success = 0 and severity = 'error'"
    assert query(home, recorded)[0][0] > 0

    (folder / "forecasts.parquet").write_bytes(good)
    published = publish_artifact(Settings(home=home), folder, check=check_run)
    assert published.role == "champion"
    assert "checks passed" in published.text
    assert query(home, "select distinct run_id from active_runs") == [(NEW,)]
    log = query(home, "select run_id, previous_run_id from activations order by id desc limit 1")
    assert log == [(NEW, old)]


def test_a_run_that_is_served_is_never_taken_back(home: Path) -> None:
    [(old,)] = query(home, "select distinct run_id from active_runs")
    engine = make_engine(Settings(home=home).effective_store_url)
    assert not runs.reject(engine, old, "whatever")
    engine.dispose()
    assert query(home, f"select status from model_runs where run_id = '{old}'") == [("published",)]
