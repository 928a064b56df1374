"""The API over what `demand run` publishes: nothing between the raw files and the answer is made up by a test."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .conftest import pages_of, served, settings_for

pytestmark = [pytest.mark.dbt, pytest.mark.slow]

STORE, DEPARTMENT = "CA_1", "FOODS_1"


@pytest.fixture(scope="module")
def pipeline_store(published_home: Path) -> Path:
    return published_home / "prediction_store.sqlite"


@pytest.fixture(scope="module")
def pipeline(pipeline_store: Path) -> Iterator[httpx.Client]:
    with served(settings_for(pipeline_store)) as client:
        yield client


def test_it_is_ready_and_the_example_of_the_readme_has_a_forecast(pipeline: httpx.Client) -> None:
    assert pipeline.get("/ready").status_code == 200
    days = pipeline.get("/forecast", params={"item_id": "FOODS_1_001", "store_id": STORE}).json()["days"]
    assert len(days) == 28
    assert all(day["quantiles"]["0.025"] <= day["mean"] for day in days)


def test_levels_add_up(pipeline: httpx.Client) -> None:
    total = pipeline.get("/forecast/hierarchy", params={"level": 1}).json()["nodes"][0]["forecast_units"]
    for level in (3, 5, 9, 12):
        nodes = pages_of(pipeline, "/forecast/hierarchy", "nodes", level=level, limit=500, quantiles="none")
        assert sum(node["forecast_units"] for node in nodes) == pytest.approx(total, rel=1e-4)


def test_weeks_are_the_sums_of_their_days_with_a_narrower_range_than_the_days_added_up(pipeline: httpx.Client) -> None:
    asked = {"level": 9, "quantiles": "0.025,0.975"}
    nodes = pipeline.get("/forecast/hierarchy", params=asked).json()["nodes"]
    widths = []
    for node in nodes:
        assert len(node["weeks"]) == 4
        for number, week in enumerate(node["weeks"]):
            days = node["days"][7 * number : 7 * number + 7]
            assert (week["first_date"], week["last_date"]) == (days[0]["date"], days[-1]["date"])
            assert week["mean"] == pytest.approx(sum(day["mean"] for day in days), rel=1e-4)
            added = sum(day["quantiles"]["0.975"] - day["quantiles"]["0.025"] for day in days)
            widths.append((week["quantiles"]["0.975"] - week["quantiles"]["0.025"]) / added)
    assert 0.3 < sum(widths) / len(widths) < 1


def test_errors_of_series_nodes_and_lead_days_are_of_one_backtest(pipeline: httpx.Client, pipeline_store: Path) -> None:
    items = pages_of(pipeline, "/forecast/items", "items", sort="error", limit=100)
    ranked = [item["backtest"]["rmsse"] for item in items if item["backtest"] and item["backtest"]["rmsse"] is not None]
    assert len(ranked) > 0.9 * len(items)
    assert ranked == sorted(ranked, reverse=True)
    sold = sum(item["backtest"]["actual_units"] for item in items if item["backtest"])
    departments = pipeline.get("/accuracy/nodes", params={"level": 5}).json()
    assert sum(node["actual_units"] for node in departments["nodes"]) == pytest.approx(sold)
    assert all(node["baseline_rmsse"] is not None for node in departments["nodes"])
    leads = [
        row for row in pipeline.get("/accuracy/leads", params={"level": 12}).json()["leads"]
        if row["model"] == departments["model"]
    ]  # fmt: skip
    assert [row["lead_days"] for row in leads] == list(range(1, 29))
    assert sum(row["actual_units"] for row in leads) == pytest.approx(sold)
    wape = sum(row["absolute_error_units"] for row in leads) / sold
    with sqlite3.connect(pipeline_store) as connection:
        told = connection.execute(
            "select value from run_metrics where metric = 'wape' and level = 12 and model = ? and fold = ?",
            (departments["model"], departments["folds"][0]),
        ).fetchone()[0]
    connection.close()
    assert wape == pytest.approx(told, rel=1e-5)


def test_a_forecast_is_explained_down_to_an_item(pipeline: httpx.Client) -> None:
    asked = {"item_id": "FOODS_1_001", "store_id": STORE}
    forecast = [day["mean"] for day in pipeline.get("/forecast", params=asked).json()["days"]]
    for question in ({"node_id": f"store_department:{STORE}|{DEPARTMENT}"}, asked):
        causes = pipeline.get("/forecast/explain", params=question).json()["causes"]
        assert {"level", "weekday", "reconciliation"} <= {cause["family"] for cause in causes}
        assert all(cause["meaning"] != cause["family"] for cause in causes)
    assert [sum(cause["days"][day] for cause in causes) for day in range(28)] == pytest.approx(forecast, abs=1e-3)
