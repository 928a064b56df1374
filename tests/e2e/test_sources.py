"""The main job on data that is not M5's, as a retailer's engineer runs it: from a plain CSV to served forecasts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.api.conftest import served as serving
from tests.api.conftest import settings_for
from tests.conftest import demand_ok
from tests.models_ml.sources.long.shapes import WALKS, store_sales, young_shop

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
    """The worked example of docs/your-own-data.md: a weekly shop with promotions."""
    home, sales = tmp_path / "home", tmp_path / "files" / "sales.csv"
    size = ("--stores", "2", "--items", "12", "--days", "560")
    demand_ok("simulate", str(sales.parent), *size, home=home, environment=LONG)
    demand_ok("init", str(sales), home=home)
    demand_ok("run", "--no-track", home=home, environment=LONG)
    wrmsse = dict(query(home, "select model, value from run_metrics where level = 0 and metric = 'wrmsse'"))
    assert wrmsse["middle_out"] < wrmsse["seasonal_naive"]
    assert_weeks_are_those_of_the_file(home, sales)
    with serving(settings_for(home / "prediction_store.sqlite")) as client:
        body = client.get("/forecast", params={"store_id": "shop-1", "item_id": "A0001", "quantiles": "0.5"}).json()
        assert body["run"]["step_days"] == 7
        assert [day["date"] for day in body["days"]] == ["2024-06-03", "2024-06-10", "2024-06-17", "2024-06-24"]
        assert all(day["quantiles"]["0.5"] == round(day["quantiles"]["0.5"]) for day in body["days"])  # whole units
        history = client.get("/forecast/history", params={"store_id": "shop-1", "item_id": "A0001", "days": 112}).json()
    own = pd.read_csv(sales).query("shop == 'shop-1' and article == 'A0001' and quantity.notna()").tail(16)
    assert [(day["date"], day["units"]) for day in history["days"]] == [
        (week, pytest.approx(units)) for week, units in zip(own["week"], own["quantity"], strict=True)
    ]


def assert_weeks_are_those_of_the_file(home: Path, sales: Path) -> None:
    """Forecasts are by the file's weeks, add up, and the baseline's scores are what pandas makes of the file."""
    assert query(home, "select step_days, horizon_days, forecast_rows from model_runs") == [(7, 28, 24 * 4)]
    assert query(home, "select distinct target_date from node_forecasts order by 1") == [
        ("2024-06-03",), ("2024-06-10",), ("2024-06-17",), ("2024-06-24",),
    ]  # fmt: skip
    [(total, weeks, items)] = query(
        home,
        "select (select sum(mean) from node_forecasts where node_id = 'total'), (select sum(mean) from"
        " node_period_forecasts where node_id = 'total' and julianday(last_date) - julianday(first_date) < 7),"
        " (select sum(mean) from forecasts)",
    )
    assert total == pytest.approx(items, rel=1e-4)
    assert weeks == pytest.approx(items, rel=1e-4)
    known = pd.read_csv(sales).dropna(subset=["quantity"])
    units = known.pivot_table(index=["shop", "article"], columns="week", values="quantity").to_numpy()
    training, actual = units[:, :-4], units[:, -4:]
    error = training[:, -1:] - actual  # last week again
    squared, step = error.sum(axis=0) ** 2, np.diff(training.sum(axis=0))
    expected = {
        (1, "wrmsse"): np.sqrt(squared.mean() / (step**2).mean()),
        (1, "wape"): np.abs(error.sum(axis=0)).sum() / actual.sum(),
        (12, "wape"): np.abs(error).sum() / actual.sum(),
        (12, "bias"): error.sum() / actual.sum(),
    }
    for (level, metric), value in expected.items():
        of = f"model = 'seasonal_naive' and level = {level} and metric = '{metric}'"
        assert query(home, f"select value from run_metrics where {of}") == [(pytest.approx(value, rel=1e-4),)]
    leads = query(home, "select lead_days, actual_units from backtest_leads where level = 1 and model = 'middle_out'")
    assert leads == [(1 + 7 * week, pytest.approx(units)) for week, units in enumerate(actual.sum(axis=0))]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["store_sales", "grocery_sales", "invoice_lines"])
def test_other_shapes_are_forecast_better_than_by_last_week(
    tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer's walk: `demand init` with the names of the files, then `demand run`."""
    make, arguments = WALKS[shape]
    make(tmp_path / "raw")
    monkeypatch.chdir(tmp_path / "raw")
    home = tmp_path / "home"
    demand_ok("init", *arguments.split(), home=home)
    demand_ok("run", "--no-track", home=home, environment=LONG)
    wrmsse = dict(query(home, "select model, value from run_metrics where level = 0 and metric = 'wrmsse'"))
    assert wrmsse["middle_out"] < wrmsse["seasonal_naive"]
    assert query(home, "select min(mean) >= 0 from forecasts") == [(1,)]
    if shape == "store_sales":  # closed on Sundays, and it says so
        [(sundays,)] = query(home, "select sum(mean) from forecasts where strftime('%w', target_date) = '0'")
        assert sundays == 0
        [(lowest,)] = query(home, "select min(mean) from forecasts where strftime('%w', target_date) <> '0'")
        assert lowest > 1000  # closed days have not taught zero demand
        moved = "select max(abs(units)) from node_contributions where strftime('%w', target_date) = '0' and family = "
        assert query(home, moved + "'reconciliation'")[0][0] < 1e-3  # that they sell nothing has a name of its own
        assert query(home, moved + "'closed_days'")[0][0] > 1000


@pytest.mark.slow
def test_a_few_weeks_of_one_shop_are_forecast_simply_and_it_is_said(tmp_path: Path) -> None:
    young_shop(tmp_path / "raw")
    home, environment = tmp_path / "home", {**LONG, "DEMAND_DATA_DIR": str(tmp_path / "raw")}
    said = demand_ok("run", "--no-track", home=home, environment=environment)
    assert "63 days of sales are too few for middle_out" in " ".join(said.split())
    assert "Prediction intervals are calibrated on only 1 past horizons" in " ".join(said.split())
    assert query(home, "select model, forecast_rows from model_runs") == [("recent_weeks", 20 * 28)]
    units = pd.read_csv(tmp_path / "raw" / "sales.csv").groupby("date")["units"].sum().to_numpy()
    by_weekday = units[-56:].reshape(8, 7).mean(axis=0)
    expected = np.tile(by_weekday / by_weekday.mean() * units[-28:].mean(), 4)
    [*total] = query(home, "select mean from node_forecasts where node_id = 'total' order by target_date")
    # Groups have profiles of their own, so their sum is close to the whole's, not the same.
    assert [mean for (mean,) in total] == pytest.approx(expected, rel=0.05)


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
