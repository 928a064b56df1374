"""A weekly shop from its marts to the API against pandas over its file: scored, published and served by the week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from expectations.run import run_zones
from models_ml.errors import ModelError, PublishError
from models_ml.forecasters.seasonal_naive import SeasonalNaive
from models_ml.inventory.terms import read_terms, terms_of
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.runs import artifact
from models_ml.runs.backtest import Backtest, backtest
from models_ml.runs.fit import train
from models_ml.runs.plan import Plan
from models_ml.settings import Settings
from models_ml.sources.long.simulate import LAST_MONDAY, shop
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts
from tests.api.conftest import served, settings_for

WEEKS, STORES, ITEMS, HORIZON = 60, 2, 6, 28
LAST_DAY = LAST_MONDAY + timedelta(days=6)
FOLD = LAST_DAY - timedelta(days=HORIZON)
NEXT_MONDAYS = [LAST_MONDAY + timedelta(weeks=week) for week in range(1, 5)]

MARTS = """
create schema core;
create table core.dim_series as
    select shop as store_id, article as item_id, brand as department_id, "group" as category_id, area as region_id,
        min(cast(week as date)) as launch_date, date '{last}' as last_date
    from weeks where quantity > 0 group by all;
create table core.dim_calendar as
    select cast(day as date) as date, 7 as step_days, dayname(day) as weekday_name,
        dense_rank() over (order by date_trunc('week', day)) as week_number,
        case when day = date '{event}' then 'Fair' end as event_name_1
    from generate_series((select min(cast(week as date)) from weeks), date '{last}' + 84, interval 1 day) as days (day);
create table core.fct_regional_flags as
    select date, area as region_id, case when date = date '{event}' then 1 else 0 end as regional_flag
    from core.dim_calendar cross join (select distinct area from weeks);
create table core.fct_daily_sales as
    select shop as store_id, article as item_id, cast(week as date) + cast(day as integer) as date,
        quantity / 7 as units, price, quantity / 7 * price as revenue
    from weeks cross join range(7) as days (day) where quantity is not null;
create table core.fct_node_sales as
    select 'store_department:' || store_id || '|' || department_id as node_id, store_id, date, sum(units) as units,
        sum(revenue) as revenue
    from core.fct_daily_sales inner join core.dim_series using (store_id, item_id) group by all;
create table core.fct_prices (store_id varchar, item_id varchar, week_number integer, price double);
create table core.inventory_terms as
    select cast(null as varchar) as store_id, cast(null as varchar) as department_id, cast(null as varchar) as item_id,
        3 as lead_time_days, 7 as review_period_days, 0.95 as service_level, 0.25 as holding_cost, 0.3 as shortage_cost;
create table core.dim_levels as select unnest(range(1, 13)) as level, cast(null as varchar) as same_as;
"""


@pytest.fixture(scope="module")
def weeks() -> pd.DataFrame:
    return shop(STORES, ITEMS, WEEKS, np.random.default_rng(5))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, weeks: pd.DataFrame) -> DuckDBWarehouse:
    """Marts of the shop, as dbt makes them."""
    path = tmp_path_factory.mktemp("weekly") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("weeks", weeks)
        connection.execute(MARTS.format(last=LAST_DAY, event=NEXT_MONDAYS[1] + timedelta(days=3)))
    return DuckDBWarehouse(path)


@pytest.fixture(scope="module")
def units(weeks: pd.DataFrame) -> pd.DataFrame:
    """Shop and article x Monday."""
    return weeks.dropna(subset=["quantity"]).pivot_table(
        index=["shop", "article"], columns="week", values="quantity", aggfunc="sum"
    )


@pytest.fixture(scope="module")
def scored(warehouse: DuckDBWarehouse) -> Backtest:
    return backtest(Marts(warehouse, LAST_DAY, HORIZON), [FOLD], [SeasonalNaive])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, warehouse: DuckDBWarehouse, scored: Backtest) -> Path:
    """A store with the run of the weeks to come."""
    folder = tmp_path_factory.mktemp("weekly_store")
    marts = Marts(warehouse, LAST_DAY, HORIZON)
    terms = terms_of(marts.series, read_terms(warehouse))
    plan = Plan(marts, "seasonal_naive", {}, ("shop-1", "shop-2"), "fingerprint", terms, "run_weekly")
    settings = Settings(home=folder, model="seasonal_naive", threads=1)
    run = artifact.load(train(plan, settings, scored, folder / "models"))
    engine = make_engine(f"sqlite:///{folder / 'prediction_store.sqlite'}")
    upgrade(engine)
    publish(engine, artifact.record_of(run), artifact.frames_of(run))
    engine.dispose()
    return folder / "prediction_store.sqlite"


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[httpx.Client]:
    with served(settings_for(store)) as client:
        yield client


def test_folds_are_scored_on_weeks(scored: Backtest, units: pd.DataFrame) -> None:
    values = units.to_numpy()
    training, actual = values[:, :-4], values[:, -4:]
    error = training[:, -1:] - actual  # the last week again
    step = np.diff(training.sum(axis=0))
    expected = {
        (1, "wrmsse"): np.sqrt((error.sum(axis=0) ** 2).mean() / (step**2).mean()),
        (1, "wape"): np.abs(error.sum(axis=0)).sum() / actual.sum(),
        (12, "wape"): np.abs(error).sum() / actual.sum(),
        (12, "bias"): error.sum() / actual.sum(),
    }
    found = scored.metrics.set_index(["level", "metric"])["value"]
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=1e-5)
    leads = scored.leads[scored.leads["level"] == 1]
    assert list(leads["lead_days"]) == [1, 8, 15, 22]
    assert list(leads["actual_units"]) == pytest.approx(list(actual.sum(axis=0)))


def test_ranges_are_of_weeks(scored: Backtest) -> None:
    found = scored.metrics.set_index(["level", "metric"])["value"]
    assert found[1, "coverage_95"] == found[1, "coverage_95_week"]  # a step is a week
    assert found[12, "coverage_95"] > 0.8


def test_the_store_has_a_row_a_week(store: Path, units: pd.DataFrame) -> None:
    engine = make_engine(f"sqlite:///{store}")
    run = pd.read_sql("select * from model_runs", engine).iloc[0]
    forecasts = pd.read_sql("select * from forecasts", engine)
    nodes = pd.read_sql("select * from node_forecasts where node_id = 'total' order by target_date", engine)
    periods = pd.read_sql(
        "select * from node_period_forecasts where node_id = 'total' order by last_date, first_date desc", engine
    )
    history = pd.read_sql("select * from node_history where node_id = 'total' order by date", engine)
    days = pd.read_sql("select * from calendar_days where event_name is not null", engine)
    flags = pd.read_sql("select distinct date from calendar_region_flags where regional_flag = 1", engine)
    policy = pd.read_sql("select * from inventory_policy", engine)
    engine.dispose()
    assert (run["step_days"], run["horizon_days"], run["forecast_rows"]) == (7, HORIZON, STORES * ITEMS * 4)
    mondays = [str(day) for day in NEXT_MONDAYS]
    assert sorted(set(forecasts["target_date"])) == mondays
    own = forecasts.set_index(["store_id", "item_id"])["mean"].groupby(level=[0, 1]).unique()
    assert {key: list(mean) for key, mean in own.items()} == {
        key: [pytest.approx(value, rel=1e-5)] for key, value in units.iloc[:, -1].items()
    }
    whole = forecasts["q_0_5"] == forecasts["q_0_5"].round()
    assert whole[forecasts["mean"] < 60].all()  # counts of a week, not sevenths of them
    sundays = [str(day + timedelta(days=6)) for day in NEXT_MONDAYS]
    assert list(periods["first_date"]) == [*mondays, mondays[0]]  # the weeks, and then the horizon
    assert list(periods["last_date"]) == [*sundays, sundays[-1]]
    assert list(periods["mean"]) == pytest.approx([*nodes["mean"], nodes["mean"].sum()])
    assert list(history["date"]) == list(units.columns)
    assert list(history["units"]) == pytest.approx(list(units.sum()))
    # A lead time of three days and a review a week later: ten sevenths of the forecast of a week.
    expected = forecasts.groupby(["store_id", "item_id"])["mean"].first() * 10 / 7
    assert policy.set_index(["store_id", "item_id"])["expected_demand"].to_dict() == pytest.approx(expected.to_dict())
    assert list(days["date"]) == list(flags["date"]) == [mondays[1]]  # the event of a Thursday


def test_the_api_says_weeks(client: httpx.Client, weeks: pd.DataFrame, units: pd.DataFrame) -> None:
    of = {"store_id": "shop-1", "item_id": "A0001"}
    forecast = client.get("/forecast", params=of).json()
    assert forecast["run"]["step_days"] == 7
    assert [day["date"] for day in forecast["days"]] == [str(day) for day in NEXT_MONDAYS]
    history = client.get("/forecast/history", params={**of, "days": 112}).json()["days"]
    own = units.loc[("shop-1", "A0001")].tail(16)
    assert [day["date"] for day in history] == list(own.index)
    assert [day["units"] for day in history] == pytest.approx(list(own))
    prices = weeks.query("shop == 'shop-1' and article == 'A0001' and quantity.notna()")["price"].tail(16)
    assert [day["price"] for day in history] == pytest.approx(list(prices))
    departments = client.get("/forecast/departments", params={"store_id": "shop-1"}).json()["departments"]
    brand = weeks.drop_duplicates("article").set_index("article")["brand"]
    sums = units.loc["shop-1"].groupby(brand).sum()
    said: dict[str, Any] = {one["department_id"]: one["last_period_units"] for one in departments}
    assert said == pytest.approx(sums.iloc[:, -4:].sum(axis=1).to_dict())
    year: dict[str, Any] = {one["department_id"]: one["last_year_units"] for one in departments}
    assert year == pytest.approx(sums.iloc[:, -52:-48].sum(axis=1).to_dict())


def test_a_scenario_is_of_the_weeks_that_begin_in_it(client: httpx.Client) -> None:
    asked = {"store_id": "shop-1", "item_id": "A0001", "method": "elasticity"}
    second, third = NEXT_MONDAYS[1], NEXT_MONDAYS[2]
    some = {"first_date": str(second - timedelta(days=1)), "last_date": str(third - timedelta(days=1))}
    of_one = client.post("/what-if", json={**asked, **some}).json()
    whole = client.post("/what-if", json=asked).json()
    assert of_one["base"]["units"] == pytest.approx(whole["days"][1]["base"])
    none = {"first_date": str(second + timedelta(days=1)), "last_date": str(third - timedelta(days=1))}
    refused = client.post("/what-if", json={**asked, **none})
    assert refused.status_code == 422
    assert "no week begins from" in refused.text
    assert "Mondays" in refused.text


def test_the_quality_checks_of_the_store_know_weeks(store: Path) -> None:
    summary = run_zones(Settings(home=store.parent), "store", run_ids=["run_weekly"], fresh=False)
    summary.raise_on_errors()
    assert "0 errors" in summary.text or "error" not in summary.text


def test_a_horizon_of_broken_weeks_is_refused(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(ModelError, match="30 days is not a whole number of weeks"):
        _ = Marts(warehouse, LAST_DAY, 30).step_dates


def test_a_run_without_its_last_week_is_refused(store: Path) -> None:
    run = artifact.load(store.parent / "models" / "run_weekly")
    run.manifest["run_id"] = "run_short"
    last = str(NEXT_MONDAYS[-1])
    forecasts = run.tables["forecasts"]
    run.tables["forecasts"] = forecasts.filter(pc.less(forecasts["target_date"].cast("string"), last))
    record, frames = artifact.record_of(run), artifact.frames_of(run)
    engine = make_engine(f"sqlite:///{store}")
    with pytest.raises(PublishError, match="has 3 of 4 weeks"):
        publish(engine, record, frames)
    engine.dispose()


def test_every_origin_is_the_end_of_a_week(warehouse: DuckDBWarehouse) -> None:
    for horizon in (7, 56, 84):
        dates = Marts(warehouse, date(2024, 3, 3), horizon).step_dates
        assert [day.weekday() for day in dates] == [0] * (horizon // 7)
