"""A small world: feature marts whose demand may shift, sales of the weeks after a published run, and that run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, empty
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.settings import QUANTILE_COLUMNS, Settings
from tests.synthetic import DEPARTMENTS, synthetic_run

STORES = ("CA_1", "CA_2")
LAST_DAY = date(2016, 5, 22)
ORIGIN = LAST_DAY - timedelta(days=28)
SERIES_A_DEPARTMENT = 150
WEEKS = 60


@dataclass(frozen=True)
class World:
    """Settings of the world's home, and what is in it as frames."""

    settings: Settings
    sales: pd.DataFrame
    forecasts: pd.DataFrame
    run_id: str


def features(shifted: dict[str, int]) -> pd.DataFrame:
    """Series features on the weekly grid; in `shifted` departments demand is a quarter in so many last weeks."""
    random = np.random.default_rng(1)
    parts = []
    for department in DEPARTMENTS:
        level = random.gamma(2.0, 1.0, SERIES_A_DEPARTMENT)
        for week in range(WEEKS):
            factor = 0.25 if week < shifted.get(department, 0) else 1.0
            mean = factor * level * random.lognormal(0, 0.1, SERIES_A_DEPARTMENT)
            items = [f"{department}_{i:05d}" for i in range(SERIES_A_DEPARTMENT)]
            parts.append(
                pd.DataFrame(
                    {
                        "item_id": items,
                        "store_id": "CA_1",
                        "as_of_date": LAST_DAY - timedelta(days=7 * week),
                        "units_mean_28": mean,
                        "zero_share_28": np.exp(-mean),
                        "units_std_28": np.sqrt(mean),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def node_sales() -> pd.DataFrame:
    """Units of each store and department in the 100 days up to the last."""
    random = np.random.default_rng(2)
    days = [LAST_DAY - timedelta(days=k) for k in range(100)]
    index = pd.MultiIndex.from_product([STORES, DEPARTMENTS, days], names=["store_id", "department_id", "date"])
    return pd.DataFrame({"units": random.poisson(100, len(index)).astype(float)}, index=index).reset_index()


def node_forecasts(sales: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Means of the total and of each department: `factor` times what was then sold, and a 95 % range around it."""
    after = sales[sales["date"] > ORIGIN]
    by_department = after.groupby(["department_id", "date"], as_index=False)["units"].sum()
    total = after.groupby("date", as_index=False)["units"].sum().assign(department_id=None)
    frame = pd.concat([by_department, total], ignore_index=True).rename(columns={"date": "target_date"})
    names = frame["department_id"].fillna("")
    frame["node_id"] = np.where(names == "", "total", "department:" + names)
    random = np.random.default_rng(3)
    frame["mean"] = frame["units"] * factor * random.uniform(0.97, 1.03, len(frame))
    for name, width in zip(QUANTILE_COLUMNS, np.linspace(0.85, 1.15, len(QUANTILE_COLUMNS)), strict=True):
        frame[name] = frame["mean"] * width
    return frame.drop(columns="units")


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., World]:
    """Makes the world; called again, it replaces the warehouse and keeps the store."""

    def make(factor: float = 1.0, seed: int = 1, **shifted: int) -> World:
        settings = Settings(home=tmp_path)
        sales, feature_rows = node_sales(), features(shifted)
        settings.warehouse_path.unlink(missing_ok=True)
        with duckdb.connect(str(settings.warehouse_path)) as warehouse:
            nodes = sales[["store_id", "department_id"]].drop_duplicates().assign(level=9)
            nodes["node_id"] = "store_department:" + nodes["store_id"] + "|" + nodes["department_id"]
            kept = sales.merge(nodes, on=["store_id", "department_id"])  # noqa: F841 - DuckDB reads frames by name
            items = feature_rows[["item_id"]].drop_duplicates()
            items["department_id"] = items["item_id"].str[:-6]
            warehouse.execute(f"""
                create schema core; create schema features;
                create table core.fct_node_sales as
                    select node_id, store_id, cast(date as date) as date, units from kept;
                create table core.dim_nodes as select * from nodes;
                create table core.dim_items as select * from items;
                create table core.dim_series as select 'CA_1' as store_id, date '{LAST_DAY}' as last_date;
                create table features.fct_series_features as
                    select * replace (cast(as_of_date as date) as as_of_date) from feature_rows;
            """)
        forecasts = node_forecasts(sales, factor)
        run, frames = synthetic_run(stores=STORES, items=3, history_days=7, origin=ORIGIN, seed=seed)
        node_rows = forecasts[["node_id", "department_id"]].drop_duplicates("node_id")
        named = node_rows.assign(
            level=np.where(node_rows["department_id"].isna(), 1, 5),
            level_name=np.where(node_rows["department_id"].isna(), "total", "department"),
            region_id=None,
            store_id=None,
            category_id=node_rows["department_id"].str[:-2],
        )
        tables = {
            "run_nodes": arrow("run_nodes", named),
            "node_forecasts": arrow("node_forecasts", forecasts),
            **{name: empty(name) for name in ("node_history", "node_period_forecasts", "backtest_nodes")},
        }
        engine = make_engine(settings.effective_store_url)
        upgrade(engine)
        publish(engine, run, replace(frames, **tables))
        engine.dispose()
        return World(settings, sales, forecasts, run.run_id)

    return make


def arrow(name: str, frame: pd.DataFrame) -> pa.Table:
    schema = ARROW_SCHEMAS[name]
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
