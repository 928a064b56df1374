"""`demand run` as a user runs it: what it publishes, what it does again, what it survives, what it refuses."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.api.conftest import served as serving
from tests.api.conftest import settings_for
from tests.conftest import demand

pytestmark = pytest.mark.e2e

SERIES, HORIZON = 120, 28


def query(home: Path, sql: str) -> list[tuple]:
    with sqlite3.connect(home / "prediction_store.sqlite") as connection:
        return connection.execute(sql).fetchall()


def served(home: Path) -> str:
    [(run_id,)] = query(home, "select distinct run_id from active_runs")
    return str(run_id)


@pytest.fixture
def own_home(published_home: Path, tmp_path: Path) -> Path:
    """A copy of the published home, to change."""
    target = tmp_path / "home"
    shutil.copytree(published_home, target, ignore=shutil.ignore_patterns("reports", "compiled", "run"))
    return target


@pytest.fixture
def client(own_home: Path) -> Iterator[httpx.Client]:
    """A client of the API on the copy, over a real server."""
    with serving(settings_for(own_home / "prediction_store.sqlite")) as client:
        yield client


def test_publishes_every_series_and_day(published_home: Path) -> None:
    run = served(published_home)
    assert query(published_home, f"select status, role from model_runs where run_id = '{run}'") == [
        ("published", "champion")
    ]
    assert query(published_home, f"select count(*) from forecasts where run_id = '{run}'") == [(SERIES * HORIZON,)]
    [(lowest, days)] = query(
        published_home,
        "select min(mean), count(distinct target_date) from forecasts join active_runs using (run_id, store_id)",
    )
    assert lowest >= 0
    assert days == HORIZON
    [(total, nodes)] = query(
        published_home,
        "select (select sum(mean) from forecasts), (select sum(mean) from node_forecasts where node_id = 'total')",
    )
    assert total == pytest.approx(nodes, rel=1e-4)


def test_beats_seasonal_naive_on_the_simulation(published_home: Path) -> None:
    rows = query(published_home, "select model, value from run_metrics where level = 0 and metric = 'wrmsse'")
    wrmsse = dict(rows)
    assert wrmsse["middle_out"] < 0.85 * wrmsse["seasonal_naive"]


def test_the_api_serves_what_was_trained(own_home: Path, client: httpx.Client) -> None:
    run = served(own_home)
    trained = pq.read_table(own_home / "models" / run / "forecasts.parquet").to_pandas()
    one = trained[(trained["store_id"] == "CA_1")].groupby("item_id", observed=True)["mean"].sum().idxmax()
    expected = trained[(trained["store_id"] == "CA_1") & (trained["item_id"] == one)].sort_values("target_date")
    answer = client.get("/forecast", params={"store_id": "CA_1", "item_id": one})
    assert answer.status_code == 200
    body = answer.json()
    means = pd.DataFrame(body["days"])["mean"].to_numpy()
    assert means == pytest.approx(expected["mean"].to_numpy(), abs=1e-3)


def test_the_same_work_again_changes_nothing(own_home: Path) -> None:
    before = query(own_home, "select run_id, published_at, checksum from model_runs")
    again = demand("run", home=own_home)
    assert again.returncode == 0, again.stderr
    assert "nothing to train" in again.stdout
    assert query(own_home, "select run_id, published_at, checksum from model_runs") == before


def test_24_01_nothing_new_tests_checks_and_builds_nothing(own_home: Path) -> None:
    assert demand("run", home=own_home).returncode == 0
    again = demand("run", home=own_home)
    assert "nothing to do" in again.stdout
    steps = [line.removesuffix(" ...") for line in again.stderr.splitlines() if line.endswith(" ...")]
    assert steps == ["ingest"]
    other_settings = demand("run", home=own_home, environment={"DEMAND_HISTORY_DAYS": "56"})
    assert "quality of the data ..." in other_settings.stderr


def kill_in(step: str, home: Path, environment: dict[str, str], seconds: float = 0.2) -> None:
    """Start the main job and SIGKILL it, and all that it started, so many seconds after a step began."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DEMAND_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "models_ml.cli.main", "run"],
        env={**inherited, **environment, "DEMAND_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if line.strip() == f"{step} ...":
                break
        else:
            pytest.fail(f"the step {step!r} never began")
        time.sleep(seconds)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


@pytest.mark.slow
@pytest.mark.fault
def test_killed_step_by_step_it_serves_the_old_run_and_completes_in_the_end(
    own_home: Path, client: httpx.Client
) -> None:
    old = served(own_home)
    other = {"DEMAND_SEED": "2", "DEMAND_DATA_DIR": str(own_home / "raw")}  # another seed is another run
    with duckdb.connect(str(own_home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("drop table core.marts_identity")  # or there would be nothing to build
    # Backtest and training go on beside the checks of the data: early in them, and later.
    steps = (("dbt build", 0.2), ("quality of the data", 0.2), ("quality of the data", 6.0), ("publish", 0.2))
    for step, seconds in steps:
        kill_in(step, own_home, other, seconds)
        assert client.get("/model/status").status_code == 200
        assert query(own_home, "pragma integrity_check") == [("ok",)]
        assert served(own_home) == old, step
    kill_in("serving models", own_home, other)  # the new run is published by then
    assert client.get("/model/status").status_code == 200
    done = demand("run", home=own_home, environment=other)
    assert done.returncode == 0, done.stderr
    new = served(own_home)
    assert new != old
    assert query(own_home, f"select status from model_runs where run_id = '{new}'") == [("published",)]
    assert query(own_home, "select count(*) from model_runs where status = 'running'") == [(0,)]
    assert new in client.get("/model/status").text


@pytest.mark.fault
def test_a_failed_test_of_the_data_stops_the_run_that_trains_beside_it(own_home: Path) -> None:
    old = served(own_home)
    with duckdb.connect(str(own_home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("update core.fct_daily_sales set revenue = 7 * revenue where store_id = 'CA_1'")
    tested = own_home / "dbt" / "tested_build"
    tested.unlink()  # or the tests would be known to have passed
    trained = sorted(path.name for path in (own_home / "models").iterdir())
    done = demand("run", home=own_home, environment={"DEMAND_SEED": "3", "DEMAND_DATA_DIR": str(own_home / "raw")})
    assert done.returncode == 1
    assert "revenue_is_units_times_price" in done.stderr
    assert "Traceback" not in done.stderr
    assert served(own_home) == old
    assert sorted(path.name for path in (own_home / "models").iterdir()) == trained
    assert not tested.exists()


BAD_CALLS = {
    "no such store": (("run", "--stores", "XX_9"), "XX_9"),
    "no such model": (("run", "--model", "crystal_ball"), "crystal_ball"),
    "no such folder": (("ingest", "--data-dir", "nowhere"), "nowhere"),
    "no date": (("run", "--as-of", "yesterday"), "yesterday"),
    "no such run": (("publish", "run_0"), "run_0"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_mistake_is_one_message_and_exit_code_2(own_home: Path, case: str) -> None:
    arguments, named = BAD_CALLS[case]
    done = demand(*arguments, home=own_home)
    assert done.returncode == 2, done.stderr
    [message] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert named in message
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("sales_train_evaluation.csv", lambda text: text.replace(",d_7,", ",d_8,", 1), "d_8"),
        ("sales_train_evaluation.csv", lambda text: "\n".join([*text.splitlines()[:4], "x,y"]), "line 5"),
        ("calendar.csv", lambda text: text.replace("2011-02-03", "2011-02-30", 1), "2011-02-30"),
        ("sell_prices.csv", lambda text: text.rsplit(",", 1)[0] + ",-1.0\n", "-1.0"),
    ],
)
def test_a_bad_file_is_refused_whole(own_home: Path, file: str, change, named: str) -> None:
    files = own_home / "bad_files"
    shutil.copytree(own_home / "raw", files)
    path = files / file
    path.write_text(change(path.read_text()))
    old = served(own_home)
    done = demand("run", "--data-dir", str(files), "--source-changed", home=own_home)
    assert done.returncode == 2, done.stderr
    assert file in done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert served(own_home) == old
