"""A small home for the dbt project: simulated raw files with every awkward case, published runs, dbt as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Engine

from models_ml.settings import QUANTILE_COLUMNS, REPOSITORY
from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.simulate import simulate
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, RunFrames
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from tests.synthetic import synthetic_run

PROJECT = REPOSITORY / "dbt_project"

STORES, ITEMS, DAYS = 2, 14, 520
"""More than a year, so that every window is full for some series; small enough to build in seconds."""


@dataclass(frozen=True)
class Home:
    """A folder with a warehouse, a store and the raw files that filled them."""

    path: Path
    raw: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.path / "warehouse.duckdb"

    @property
    def compiled(self) -> Path:
        """Models as the first, full build compiled them, of the fixture `home`."""
        return self.path / "compiled" / "retail_demand" / "models"

    def dbt(self, *arguments: str, target: str = "local") -> subprocess.CompletedProcess[str]:
        """Run dbt on the project as a user does, every warning an error."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DEMAND_", "DBT_"))}
        return subprocess.run(
            [
                *(sys.executable, "-m", "dbt.cli.main", "--warn-error", "--no-use-colors"),
                *("--log-path", str(self.path / "logs")),
                *arguments,
                *("--project-dir", str(PROJECT), "--profiles-dir", str(REPOSITORY / "profiles")),
                *("--target", target, "--target-path", str(self.path / "dbt")),
            ],
            env={**inherited, "DEMAND_HOME": str(self.path), "DEMAND_THREADS": "2", "DEMAND_MEMORY_LIMIT_GB": "2"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def artefact(self, name: str) -> dict[str, Any]:
        """An artefact of the last invocation, e.g. `manifest`."""
        content: dict[str, Any] = json.loads((self.path / "dbt" / f"{name}.json").read_text())
        return content

    def query(self, sql: str) -> pd.DataFrame:
        """Rows of a query on the warehouse."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            frame: pd.DataFrame = connection.sql(sql).df()
        return frame


def write_raw_files(folder: Path) -> None:
    """Simulate raw files, then make the cases that a simulation rarely has.

    The first series never sells, the second has a hole in its prices, the third has none after some week, and the
    fourth was launched in the last weeks.
    """
    simulate(folder, stores=STORES, items=ITEMS, days=DAYS, seed=7)
    sales = pd.read_csv(folder / "sales_train_evaluation.csv")
    days = [column for column in sales.columns if column.startswith("d_")]
    prices = pd.read_csv(folder / "sell_prices.csv")
    weeks = np.sort(prices["wm_yr_wk"].unique())

    def of(row: int) -> pd.Series:
        return (prices["store_id"] == sales.at[row, "store_id"]) & (prices["item_id"] == sales.at[row, "item_id"])

    sales.loc[0, days] = 0
    drop = of(1) & prices["wm_yr_wk"].isin(weeks[-20:-15])
    drop |= of(2) & (prices["wm_yr_wk"] > weeks[-12])
    drop |= of(3) & (prices["wm_yr_wk"] < weeks[-9])
    calendar = pd.read_csv(folder / "calendar.csv")
    late = set(calendar.loc[calendar["wm_yr_wk"] < weeks[-9], "d"])
    sales.loc[3, [day for day in days if day in late]] = 0
    sales.to_csv(folder / "sales_train_evaluation.csv", index=False)
    prices[~drop].to_csv(folder / "sell_prices.csv", index=False)


def publish_runs(engine: Engine) -> None:
    """Publish two made-up runs, two weeks apart, whose nodes are the sums of their parts."""
    upgrade(engine)
    for seed, origin in enumerate((date(2016, 5, 8), date(2016, 5, 22))):
        record, frames = synthetic_run(stores=("CA_1", "CA_2"), items=6, history_days=400, origin=origin, seed=seed)
        publish(engine, record, with_coherent_nodes(frames))


def with_coherent_nodes(frames: RunFrames) -> RunFrames:
    """The run's frames with nodes of the total, the stores and their departments, all sums of its items."""
    keys = ["store_id", "item_id"]
    departments = frames.run_series.to_pandas()[[*keys, "department_id"]]
    nodes = frames.run_nodes.to_pandas()
    stores = pd.DataFrame({"store_id": sorted(departments["store_id"].unique()), "level": 3, "level_name": "store"})
    stores["node_id"] = "store:" + stores["store_id"]
    stores["region_id"] = stores["store_id"].str[:2]

    def summed(frame: pa.Table, day: str, columns: list[str]) -> pd.DataFrame:
        items = frame.to_pandas().merge(departments, on=keys)
        ids = {
            "total": "total",
            "store": "store:" + items["store_id"],
            "store_department": "store_department:" + items["store_id"] + "|" + items["department_id"],
        }
        parts = [
            items.assign(node_id=node).groupby(["node_id", day], as_index=False)[columns].sum() for node in ids.values()
        ]
        return pd.concat(parts, ignore_index=True)

    made = {
        "run_nodes": pd.concat([nodes, stores], ignore_index=True),
        "node_forecasts": summed(frames.forecasts, "target_date", ["mean", *QUANTILE_COLUMNS]),
        "node_history": summed(frames.sales_history, "date", ["units"]),
    }
    tables = {
        name: pa.Table.from_pandas(rows, schema=ARROW_SCHEMAS[name], preserve_index=False)
        for name, rows in made.items()
    }
    return replace(frames, **tables)


def make_home(path: Path, raw: Path) -> Home:
    """Ingest `raw` into a new home, with a store that holds two published runs."""
    path.mkdir()
    ingest(raw, path / "warehouse.duckdb", memory_limit_gb=2.0)
    engine = make_engine(f"sqlite:///{path / 'prediction_store.sqlite'}")
    publish_runs(engine)
    engine.dispose()
    return Home(path, raw)
