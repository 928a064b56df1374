"""Two warehouses that agree up to an origin and differ wildly after it, with an unsold and a brand-new item."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models_ml.settings import Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts
from tests.conftest import SMALL, demand_ok

HORIZON = 28
DAYS = int(SMALL[SMALL.index("--days") + 1])
ORIGIN_DAY = DAYS - HORIZON
ORIGIN = date(2011, 1, 28) + timedelta(days=ORIGIN_DAY)
UNSOLD_ITEM, NEW_ITEM = 3, 7
"""Rows of the items file that become an item without any sale, and one launched within the horizon."""

YEAR, BUSY_UNITS = 364, 40
SOLD_ON = {
    "dead": (20, [(1, ORIGIN_DAY - 200)]),
    "out_of_season": (21, [(ORIGIN_DAY - 182 - back * YEAR, ORIGIN_DAY - 140 - back * YEAR) for back in (0, 1)]),
    "in_season": (22, [(ORIGIN_DAY - 5 - back * YEAR, ORIGIN_DAY + 35 - back * YEAR) for back in (0, 1, 2)]),
    "reviving": (23, [(1, ORIGIN_DAY - 200), (ORIGIN_DAY - 9, DAYS)]),
}
"""Rows of the items file that sell `BUSY_UNITS` on some days (first and last, counted from 1) and nothing on others."""


@dataclass(frozen=True)
class Twins:
    """Marts of the true and of the scrambled future, and the ids of the odd items."""

    true: Path
    scrambled: Path
    unsold: str
    new: str
    on_and_off: dict[str, str] = field(hash=False)
    """Kind of `SOLD_ON` -> its item."""

    def marts(self, home: Path, stores: tuple[str, ...] = ()) -> Marts:
        return Marts(DuckDBWarehouse(home / "warehouse.duckdb"), ORIGIN, HORIZON, stores)


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    home, other = root / "true_future", root / "scrambled_future"
    with (root / "twins.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (other / "done").exists():
            demand_ok("simulate", str(home / "files"), *SMALL, home=home)
            add_odd_items(home / "files")
            shutil.copytree(home / "files", other / "files")
            scramble_future(other / "files")
            for one in (home, other):
                demand_ok("ingest", "--data-dir", str(one / "files"), home=one)
                models_only = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
                dbt.run(Settings(home=one), ["build", "--selector", "warehouse", *models_only])
            (other / "done").touch()
    unsold, new, *others = odd_items(home / "files")
    return Twins(home, other, unsold, new, dict(zip(SOLD_ON, others, strict=True)))


def odd_items(files: Path) -> list[str]:
    items = pd.read_csv(files / "sales_train_evaluation.csv", usecols=["item_id"])["item_id"].unique()
    return [str(items[row]) for row in (UNSOLD_ITEM, NEW_ITEM, *(row for row, _ in SOLD_ON.values()))]


def add_odd_items(files: Path) -> None:
    unsold, new, *others = odd_items(files)
    sales = pd.read_csv(files / "sales_train_evaluation.csv")
    days = [c for c in sales.columns if c.startswith("d_")]
    sales.loc[sales["item_id"] == unsold, days] = 0
    prices = pd.read_csv(files / "sell_prices.csv")
    for item, (_, spans) in zip(others, SOLD_ON.values(), strict=True):
        sales.loc[sales["item_id"] == item, days] = 0
        for first, last in spans:
            sales.loc[sales["item_id"] == item, days[max(first, 1) - 1 : last]] = BUSY_UNITS
    calendar = pd.read_csv(files / "calendar.csv")
    launch_row = int(calendar.index[calendar["d"] == f"d_{ORIGIN_DAY}"][0]) + 8
    launch_week = calendar["wm_yr_wk"].iloc[launch_row]
    first_day = int(calendar["d"][calendar["wm_yr_wk"] == launch_week].iloc[0].removeprefix("d_"))
    sales.loc[sales["item_id"] == new, days[: first_day - 1]] = 0
    prices = prices[(prices["item_id"] != new) | (prices["wm_yr_wk"] >= launch_week)]
    sales.to_csv(files / "sales_train_evaluation.csv", index=False)
    prices.to_csv(files / "sell_prices.csv", index=False)


def scramble_future(files: Path) -> None:
    """Other sales after the origin; prices and calendar are known in advance and stay."""
    sales = pd.read_csv(files / "sales_train_evaluation.csv")
    future = [f"d_{day}" for day in range(ORIGIN_DAY + 1, DAYS + 1)]
    noise = np.random.default_rng(5).integers(0, 60, (len(sales), len(future)))
    unsold, new, *_ = odd_items(files)
    noise[sales["item_id"].isin([unsold, new])] = 0
    sales[future] = noise
    sales.to_csv(files / "sales_train_evaluation.csv", index=False)
