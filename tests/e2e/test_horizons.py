"""Horizons of 7, 56 and 84 days from raw files to the API and the reports, on both sources; replays that are exact."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from models_ml.settings import Settings
from models_ml.warehouse import dbt
from tests.api.conftest import served as serving
from tests.api.conftest import settings_for
from tests.conftest import demand_ok

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

HORIZONS = (7, 56, 84)
SOURCES = {
    # Sales of M5 up to a Tuesday: its folds are no days of the weekly grid.
    "m5": (("CA_1", "CA_2", "CA_3"), 10, 760, 1),
    "long": (("shop-1", "shop-2", "shop-3"), 8, 560, 7),
}
"""Stores, items, days of history and days of a step."""


@pytest.mark.parametrize("source", SOURCES)
def test_every_horizon_is_served_and_reported(tmp_path: Path, source: str) -> None:
    """Each store has a horizon of its own, so that one build of the reports tests all of them."""
    stores, items, days, step = SOURCES[source]
    home, base = tmp_path / "home", {"DEMAND_SOURCE": source, "DEMAND_MEMORY_LIMIT_GB": "2"}
    longest = {**base, "DEMAND_HORIZON_DAYS": "84", "DEMAND_DATA_DIR": str(home / "raw")}
    size = ("--stores", str(len(stores)), "--items", str(items), "--days", str(days))
    demand_ok("simulate", *size, home=home, environment=longest if source == "m5" else base)
    demand_ok("ingest", home=home, environment=longest)
    settings = Settings(home=home, source=source, horizon_days=84, memory_limit_gb=2)
    dbt.build(settings, "warehouse", without=["test", "unit_test"])  # those of the data know no horizon
    for store, horizon in zip(stores, HORIZONS, strict=True):
        environment = {**longest, "DEMAND_HORIZON_DAYS": str(horizon)}
        said = demand_ok("train", "--stores", store, "--publish", home=home, environment=environment)
        assert f"served for {store}" in " ".join(said.split())
    dbt.build(settings, "serving", without=["unit_test"])
    assert_reports_hold_every_step(home, dict(zip(stores, HORIZONS, strict=True)), items, step)
    with serving(settings_for(home / "prediction_store.sqlite")) as client:
        for store, horizon in zip(stores, HORIZONS, strict=True):
            assert_the_api_serves(client, store, horizon, step)


def assert_reports_hold_every_step(home: Path, horizons: dict[str, int], items: int, step: int) -> None:
    """`series x steps` rows of each store's run, whose backtest lies a horizon before its origin."""
    with sqlite3.connect(home / "prediction_store.sqlite") as connection:
        ledger = connection.execute(
            "select store_id, rpt_run_ledger.horizon_days, rpt_run_ledger.step_days, series, forecast_rows"
            " from rpt_run_ledger inner join active_runs using (run_id) order by store_id"
        ).fetchall()
        folds = connection.execute(
            "select distinct store_id, cast(julianday(origin) - julianday(fold) as integer) from run_metrics"
            " inner join model_runs using (run_id) inner join active_runs using (run_id) order by 1"
        ).fetchall()
    assert [(store, horizon) for store, horizon, *_ in ledger] == folds == sorted(horizons.items())
    for _, horizon, step_days, series, rows in ledger:
        assert (step_days, rows) == (step, series * horizon // step)
        assert 0 < series <= items


def assert_the_api_serves(client: httpx.Client, store: str, horizon: int, step: int) -> None:
    """Every answer about the store speaks of its own horizon, and they add up."""
    steps = horizon // step
    catalogue = client.get("/forecast/items", params={"store_id": store}).json()["items"]
    item = max(catalogue, key=lambda one: one["forecast_units"])["item_id"]
    answer = client.get("/forecast", params={"store_id": store, "item_id": item}).json()
    origin = date.fromisoformat(answer["run"]["origin"])
    assert (answer["run"]["horizon_days"], answer["run"]["step_days"]) == (horizon, step)
    dates = [str(origin + timedelta(days=1 + step * number)) for number in range(steps)]
    assert [day["date"] for day in answer["days"]] == dates
    departments = client.get("/forecast/departments", params={"store_id": store}).json()["departments"]
    total = sum(one["forecast_units"] for one in departments)
    assert total == pytest.approx(sum(one["forecast_units"] for one in catalogue), rel=1e-3)
    [node] = client.get("/forecast/hierarchy", params={"level": 3, "node_id": f"store:{store}"}).json()["nodes"]
    assert [day["date"] for day in node["days"]] == dates
    assert len(node["weeks"]) == horizon // 7
    assert sum(week["mean"] for week in node["weeks"]) == pytest.approx(total, rel=1e-3)
    leads = client.get("/accuracy/leads", params={"level": 3}).json()["leads"]
    assert {one["lead_days"] for one in leads} <= set(range(1, max(HORIZONS) + 1, step))
    asked = {"store_id": store, "item_id": item, "method": "elasticity"}
    scenario = client.post("/what-if", json=asked).json()
    assert [day["date"] for day in scenario["days"]] == dates
    policies = client.get("/inventory", params={"store_id": store, "item_id": item})
    assert policies.status_code == (200 if horizon > 7 else 404)  # lead time and review are longer than a week
