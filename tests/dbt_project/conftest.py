"""One build of the project for all tests of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.dbt_project.project import Home, make_home, write_raw_files


@pytest.fixture(scope="session")
def raw_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files in M5's format."""
    folder = tmp_path_factory.mktemp("raw") / "files"
    write_raw_files(folder)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, raw_files: Path) -> Home:
    """A home after one `dbt build` of everything. Read it only."""
    home = make_home(tmp_path_factory.mktemp("dbt") / "home", raw_files)
    done = home.dbt("build")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    shutil.copytree(home.path / "dbt" / "compiled", home.path / "compiled")  # later commands compile incremental builds
    return home


SCRAMBLED_DAYS = 35
"""Days at the end of the sales that are replaced in `scrambled_home`."""


@pytest.fixture(scope="session")
def scrambled_home(tmp_path_factory: pytest.TempPathFactory, raw_files: Path) -> Home:
    """Marts of the same files with other sales in the last `SCRAMBLED_DAYS` days."""
    raw = tmp_path_factory.mktemp("scrambled_raw") / "files"
    shutil.copytree(raw_files, raw)
    path = raw / "sales_train_evaluation.csv"
    sales = pd.read_csv(path)
    days = [column for column in sales.columns if column.startswith("d_")][-SCRAMBLED_DAYS:]
    # Each value goes to another series and grows: nothing of the end is left as it was.
    sales[days] = sales[days].to_numpy()[::-1] * 3 + 17
    prices = pd.read_csv(raw / "sell_prices.csv")
    calendar = pd.read_csv(raw / "calendar.csv").set_index("d")
    launch = prices.groupby(["store_id", "item_id"])["wm_yr_wk"].min().reset_index()
    first_week = sales[["store_id", "item_id"]].merge(launch, how="left")["wm_yr_wk"].to_numpy()
    for day in days:  # a day before the launch stays without sales
        sales.loc[first_week > calendar.at[day, "wm_yr_wk"], day] = 0
    sales.to_csv(path, index=False)
    home = make_home(tmp_path_factory.mktemp("dbt_scrambled") / "home", raw)
    done = home.dbt("build", "--selector", "warehouse", "--exclude-resource-type", "test", "unit_test")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    return home
