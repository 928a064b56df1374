"""`demand run` on the next day: the model goes on, from what is known by then."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from models_ml.forecasters.storage import FittedModel
from models_ml.runs import artifact
from models_ml.settings import Settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.dbt import project_file
from models_ml.warehouse.marts import Marts, last_sale_day
from tests.conftest import demand_ok

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def two_days(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home after a run that ends a day early and the next day's, and what the latter said."""
    home = tmp_path_factory.mktemp("two_days") / "home"
    shutil.copytree(published_home / "raw", home / "raw")
    warehouse = open_warehouse(Settings(home=published_home).effective_warehouse_url)
    day_before = last_sale_day(warehouse, ()) - timedelta(days=1)
    demand_ok("run", "--no-track", "--as-of", str(day_before), home=home)
    return home, demand_ok("run", "--no-track", home=home)


def runs(home: Path) -> tuple[Path, Path]:
    """The folders of the first run and of the second."""
    first, second = sorted((home / "models").glob("run_*"), key=lambda path: artifact.manifest(path)["origin"])
    return first, second


def test_the_next_day_is_forecast_by_the_model_of_the_day_before(two_days: tuple[Path, str]) -> None:
    home, said = two_days
    first, second = runs(home)
    assert f"Forecast with the model fitted by {first.name}" in said
    assert artifact.manifest(second)["parameters"]["fitted_by"] == first.name
    settings = Settings(home=home)
    warehouse = open_warehouse(settings.effective_warehouse_url)
    marts = Marts(warehouse, last_sale_day(warehouse, ()), settings.horizon_days)
    expected = FittedModel.load(first / artifact.MODEL, threads=1).forecast(marts)
    published = pq.read_table(second / "forecasts.parquet", columns=["mean", "target_date"])
    assert np.array_equal(published["mean"].to_numpy().reshape(expected.mean.shape), expected.mean)
    assert published["target_date"][0].as_py() == marts.target_dates[0]
    again = FittedModel.load(second / artifact.MODEL, threads=1).forecast(marts)
    assert np.array_equal(again.mean, expected.mean)
    for table in ("run_metrics", "backtest_series"):  # how good the model is was found out when it was fitted
        assert pq.read_table(second / f"{table}.parquet").equals(pq.read_table(first / f"{table}.parquet"))


def test_the_same_work_again_changes_nothing(two_days: tuple[Path, str]) -> None:
    home, _ = two_days
    again = demand_ok("run", "--no-track", home=home)
    assert f"{runs(home)[1].name} already exists" in again


def test_a_model_that_cannot_go_on_is_said_and_fitted_anew(two_days: tuple[Path, str], tmp_path: Path) -> None:
    home, terms = tmp_path / "home", tmp_path / "terms.csv"
    shutil.copytree(two_days[0], home)
    first, second = runs(home)
    (first / artifact.MODEL / "forecaster.json").unlink()
    other = pd.read_csv(project_file("seeds/inventory/inventory_terms.csv"))
    other.assign(lead_time_days=other["lead_time_days"] + 1).to_csv(terms, index=False)  # another run of the same day
    said = demand_ok("run", "--no-track", home=home, environment={"DEMAND_INVENTORY_TERMS": str(terms)})
    assert f"The model of {first.name} cannot be reused" in said
    [anew] = set((home / "models").glob("run_*")) - {first, second}
    assert "fitted_by" not in artifact.manifest(anew)["parameters"]
