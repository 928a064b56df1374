"""Incremental builds: each touches what it must, and leaves the marts as a full refresh would have made them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from models_ml.sources.m5.ingest import ingest
from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt

INCREMENTAL = {
    "intermediate": ["int_series_versions", "int_series_weeks", "int_store_department_sales"],
    "core": ["fct_daily_sales", "fct_prices"],
    "features": ["fct_item_features", "fct_price_features", "fct_series_features"],
}
MARTS = [f"{schema}.{name}" for schema, names in INCREMENTAL.items() for name in names if "versions" not in name]
OTHERS = ["core.dim_series", "core.fct_node_sales", "features.fct_node_features", "intermediate.int_as_of_days"]

FIRST_DAYS = 517
"""Days of sales of the first build: up to a Thursday, which is no day of the weekly grid."""


class Changing:
    """A home whose raw files change between builds."""

    def __init__(self, path: Path, raw_files: Path) -> None:
        path.mkdir()
        shutil.copytree(raw_files, path / "raw")
        self.home = Home(path, path / "raw")
        self.sales = pd.read_csv(path / "raw" / "sales_train_evaluation.csv")
        self.prices = pd.read_csv(path / "raw" / "sell_prices.csv")
        self.calendar = pd.read_csv(path / "raw" / "calendar.csv")
        self.days = 0

    def load(self, days: int) -> None:
        """Write the files with sales of this many days, and ingest them."""
        first = list(self.sales.columns).index("d_1")
        self.sales.iloc[:, : first + days].to_csv(self.home.raw / "sales_train_evaluation.csv", index=False)
        self.prices.to_csv(self.home.raw / "sell_prices.csv", index=False)
        ingest(self.home.raw, self.home.warehouse, memory_limit_gb=2.0)
        self.days = days

    def reach(self, days: int) -> None:
        """Be built with sales of this many days, as after the test before: it may have run in another process."""
        if self.days != days:
            self.load(days)
            self.build()

    def build(self, *arguments: str) -> None:
        """Build the warehouse zone without its tests."""
        without = ("--exclude-resource-type", "test", "unit_test")
        done = self.home.dbt("build", "--selector", "warehouse", *without, *arguments)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr

    def touched(self) -> dict[str, int]:
        """Rows that the last build wrote, by table."""
        last = "(select max(updated_at) from intermediate.int_series_versions)"
        tables = [f"{schema}.{name}" for schema, names in INCREMENTAL.items() for name in names]
        rows = (self.home.query(f"select count(*) as rows from {t} where updated_at = {last}") for t in tables)
        return {table: int(found["rows"][0]) for table, found in zip(tables, rows, strict=True)}

    def series(self, row: int) -> pd.Series:
        """Which prices are those of a row of the sales."""
        return (self.prices["store_id"] == self.sales.at[row, "store_id"]) & (
            self.prices["item_id"] == self.sales.at[row, "item_id"]
        )


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory, raw_files: Path) -> Changing:
    """A home after a first build of `FIRST_DAYS` days. Its tests go on from what the one before left."""
    home = Changing(tmp_path_factory.mktemp("incremental") / "home", raw_files)
    home.load(FIRST_DAYS)
    home.build()
    return home


def assert_as_after_a_full_refresh(changing: Changing, tmp_path: Path) -> None:
    """Every row of every mart is what a full refresh makes of the same raw tables, but for when it was written."""
    fresh = Home(tmp_path / "fresh", changing.home.raw)
    fresh.path.mkdir()
    ingest(fresh.raw, fresh.warehouse, memory_limit_gb=2.0)
    done = fresh.dbt("build", "--selector", "warehouse", "--exclude-resource-type", "test", "unit_test")
    assert done.returncode == 0, done.stdout[-6000:]
    with duckdb.connect() as connection:
        connection.execute(f"attach '{changing.home.warehouse}' as incremental (read_only)")
        connection.execute(f"attach '{fresh.warehouse}' as fresh (read_only)")
        for mart in [*MARTS, *OTHERS]:
            columns = "* exclude (updated_at)" if mart in MARTS else "*"
            one, other = (f"select {columns} from {database}.{mart}" for database in ("incremental", "fresh"))
            different = connection.sql(
                f"(({one}) except all ({other})) union all (({other}) except all ({one})) limit 3"
            ).df()
            assert different.empty, f"{mart}\n{different.T}"
            assert connection.sql(f"select count(*) from fresh.{mart}").fetchall()[0][0] > 0


def test_a_new_day_adds_its_rows_and_the_as_of_days_of_its_weekday(changing: Changing) -> None:
    changing.load(FIRST_DAYS + 1)
    changing.build()
    series = len(changing.sales)
    touched = changing.touched()
    assert touched["intermediate.int_series_versions"] == series  # the day is a period of its own
    assert touched["core.fct_prices"] == touched["features.fct_price_features"] == 0
    assert touched["core.fct_daily_sales"] == series
    stores, departments = 2, changing.sales["dept_id"].nunique()
    assert touched["intermediate.int_store_department_sales"] == stores * departments
    # The day, and eight days whole weeks before it: forecasts start there.
    days = changing.home.query("select distinct as_of_date from features.fct_series_features order by 1")["as_of_date"]
    last = changing.home.query("select max(date) as day from core.fct_daily_sales")["day"][0]
    fridays = [day for day in days if day.dayofweek == 4]
    assert fridays == [last - pd.Timedelta(weeks=week) for week in range(8, -1, -1)]
    assert {day.dayofweek for day in days} == {4, 6}
    written = changing.home.query(
        "select count(*) as rows from features.fct_series_features where dayofweek(as_of_date) = 5"
    )
    assert touched["features.fct_series_features"] == written["rows"][0]


def test_no_news_write_nothing(changing: Changing) -> None:
    changing.reach(FIRST_DAYS + 1)
    before = {mart: changing.home.query(f"select * from {mart} order by all") for mart in MARTS}
    changing.load(FIRST_DAYS + 1)
    changing.build()
    for mart, rows in before.items():
        assert rows.equals(changing.home.query(f"select * from {mart} order by all")), mart


@pytest.mark.slow
def test_a_build_that_was_killed_is_made_good_by_the_next(changing: Changing, tmp_path: Path) -> None:
    """Two days, a late correction, a price of the past and one of the coming weeks; killed after the daily sales."""
    changing.reach(FIRST_DAYS + 1)
    weeks = sorted(changing.prices["wm_yr_wk"].unique())
    changing.sales.loc[5, "d_301"] += 7
    changing.prices.loc[changing.series(6) & (changing.prices["wm_yr_wk"] == weeks[50]), "sell_price"] += 0.5
    changing.prices.loc[changing.series(7) & (changing.prices["wm_yr_wk"] == weeks[-1]), "sell_price"] += 0.25
    changing.load(FIRST_DAYS + 3)
    done = changing.home.dbt("run", "--select", "+fct_daily_sales")
    assert done.returncode == 0, done.stdout[-3000:]
    changing.build()

    corrected = changing.sales.loc[5, ["item_id", "store_id"]]
    written = "updated_at = (select max(updated_at) from core.fct_daily_sales)"
    rewritten = changing.home.query(
        f"select date from core.fct_daily_sales where {written} "
        f"and item_id = '{corrected['item_id']}' and store_id = '{corrected['store_id']}'"
    )["date"]
    first = pd.Timestamp(changing.calendar["date"][0])
    # From the first day of the corrected day's period on.
    assert sorted((rewritten - first).dt.days + 1) == list(range(281, 521))
    before = (first + pd.Timedelta(days=FIRST_DAYS)).date()
    others = changing.home.query(
        f"select distinct item_id, store_id from core.fct_daily_sales where {written} and date < '{before}'"
    )
    assert len(others) == 2  # and the series whose past price changed
    assert_as_after_a_full_refresh(changing, tmp_path)


def withdraw(changing: Changing) -> None:
    """A series is no longer in the files."""
    changing.prices = changing.prices[~changing.series(8)]
    changing.sales = changing.sales.drop(index=8).reset_index(drop=True)


def move_a_launch(changing: Changing) -> None:
    """A series was on sale five weeks later than had been said."""
    own = changing.series(9)
    first = sorted(changing.prices.loc[own, "wm_yr_wk"].unique())[5]
    changing.prices = changing.prices[~(own & (changing.prices["wm_yr_wk"] < first))]
    early = changing.calendar.loc[changing.calendar["wm_yr_wk"] < first, "d"]
    changing.sales.loc[9, [day for day in early if day in changing.sales.columns]] = 0


@pytest.mark.parametrize("change", [withdraw, move_a_launch])
@pytest.mark.slow
def test_what_is_gone_is_gone(changing: Changing, tmp_path: Path, change: Callable[[Changing], None]) -> None:
    change(changing)
    changing.load(FIRST_DAYS + 3)
    changing.build()
    assert_as_after_a_full_refresh(changing, tmp_path)


@pytest.mark.slow
def test_fewer_days_take_rows_away(changing: Changing, tmp_path: Path) -> None:
    changing.load(FIRST_DAYS)
    changing.build()
    assert_as_after_a_full_refresh(changing, tmp_path)
