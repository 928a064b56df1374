"""The main job on data that is not M5's, as a retailer's engineer runs it: from a plain CSV to served forecasts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.api.conftest import served as serving
from tests.api.conftest import settings_for
from tests.conftest import demand_ok
from tests.models_ml.sources.long.shapes import SHAPES, store_sales

pytestmark = pytest.mark.e2e

LONG = {"DEMAND_SOURCE": "long", "DEMAND_MEMORY_LIMIT_GB": "2"}


def query(home: Path, sql: str) -> list[tuple]:
    with sqlite3.connect(home / "prediction_store.sqlite") as connection:
        return connection.execute(sql).fetchall()


def forecasts(home: Path) -> dict[str, bytes]:
    """Bytes of every forecast table of the home's one run."""
    [folder] = (home / "models").glob("run_*")
    return {path.name: path.read_bytes() for path in folder.glob("*forecasts.parquet")}


def test_from_a_plain_csv_to_the_api_in_five_commands(tmp_path: Path) -> None:
    """The README's worked example: a weekly shop with promotions."""
    home, sales = tmp_path / "home", tmp_path / "files" / "sales.csv"
    size = ("--stores", "2", "--items", "12", "--days", "560")
    demand_ok("simulate", str(sales.parent), *size, home=home, environment=LONG)
    levels = ("--category", "group", "--department", "brand", "--region", "area")
    demand_ok("init", str(sales), "--grain", "week", *levels, "--regressor", "promotion=known", home=home)
    demand_ok("run", "--no-track", home=home, environment=LONG)
    assert query(home, "select count(*) from forecasts") == [(24 * 28,)]
    wrmsse = dict(query(home, "select model, value from run_metrics where level = 0 and metric = 'wrmsse'"))
    assert wrmsse["middle_out"] < wrmsse["seasonal_naive"]
    with serving(settings_for(home / "prediction_store.sqlite")) as client:
        answer = client.get("/forecast", params={"store_id": "shop-1", "item_id": "A0001"})
        assert answer.status_code == 200
        assert len(answer.json()["days"]) == 28


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_other_shapes_are_forecast_better_than_by_last_week(tmp_path: Path, shape: str) -> None:
    SHAPES[shape](tmp_path / "raw")
    environment = {**LONG, "DEMAND_DATA_DIR": str(tmp_path / "raw")}
    demand_ok("run", "--no-track", home=tmp_path / "home", environment=environment)
    home = tmp_path / "home"
    wrmsse = dict(query(home, "select model, value from run_metrics where level = 0 and metric = 'wrmsse'"))
    assert wrmsse["middle_out"] < wrmsse["seasonal_naive"]
    assert query(home, "select min(mean) >= 0 from forecasts") == [(1,)]
    if shape == "store_sales":  # closed on Sundays, and it says so
        [(sundays,)] = query(home, "select sum(mean) from forecasts where strftime('%w', target_date) = '0'")
        assert sundays == 0


@pytest.mark.slow
def test_a_past_day_is_replayed_as_it_was(tmp_path: Path) -> None:
    """A run as of a Tuesday equals a run on tables cut at that day; past-only columns of later days play no part."""

    def cut(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame["Date"] > "2015-07-21", ["Sales", "Customers"]] = None
        return frame

    def scramble(frame: pd.DataFrame) -> pd.DataFrame:
        later = frame["Date"] > "2015-07-21"
        frame.loc[later, "Customers"] = frame.loc[later, "Customers"].to_numpy()[::-1]
        return frame

    def run(name: str, change: Callable[[pd.DataFrame], pd.DataFrame], *arguments: str) -> dict[str, bytes]:
        store_sales(tmp_path / name / "raw")
        path = tmp_path / name / "raw" / "train.csv"
        change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)
        environment = {**LONG, "DEMAND_DATA_DIR": str(path.parent)}
        demand_ok("run", "--no-track", *arguments, home=tmp_path / name / "home", environment=environment)
        return forecasts(tmp_path / name / "home")

    replayed = run("replayed", scramble, "--as-of", "2015-07-21")
    assert replayed == run("cut", cut)
