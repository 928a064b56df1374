"""A plain CSV becomes a configuration, and a check of it loads nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from models_ml.errors import InputError
from models_ml.evaluation.demand_class import demand_classes
from models_ml.sources.long.ingest import ingest
from models_ml.sources.long.profile import check
from models_ml.sources.long.simulate import SALES_FILE, simulate
from tests.conftest import demand, demand_ok
from tests.models_ml.sources.long.shapes import grocery_sales

INIT = ("--grain", "week", "--category", "group", "--department", "brand", "--region", "area")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A simulated shop's folder."""
    simulate(tmp_path / "shop", stores=2, items=6, days=200, seed=3)
    return tmp_path / "shop"


def test_init_writes_what_the_simulator_means(shop: Path, tmp_path: Path) -> None:
    sales = str(shop / SALES_FILE)
    said = demand_ok("init", sales, *INIT, "--regressor", "promotion=known", home=tmp_path / "home")
    assert "12 series: 6 items in 2 stores" in said
    written = yaml.safe_load((tmp_path / "home" / "source.yml").read_text())
    meant = yaml.safe_load((shop / "source.yml").read_text())
    assert written["sales"] == {**meant["sales"], "from": sales}
    assert {key: written[key] for key in meant if key != "sales"} == {k: v for k, v in meant.items() if k != "sales"}
    again = demand("init", sales, home=tmp_path / "home")
    assert again.returncode == 2
    assert "--force" in again.stderr
    checked = demand_ok("check", home=tmp_path / "home")
    assert checked.strip() in said
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


def test_init_refuses_what_is_not_there(shop: Path, tmp_path: Path) -> None:
    done = demand("init", str(shop / SALES_FILE), "--units", "pieces", home=tmp_path / "home")
    assert done.returncode == 2
    assert "--units" in done.stderr
    assert "quantity" in done.stderr
    assert not (tmp_path / "home" / "source.yml").exists()


def test_tables_of_another_database_are_read_in_place(shop: Path, tmp_path: Path) -> None:
    erp, home = tmp_path / "erp.duckdb", tmp_path / "home"
    with duckdb.connect(str(erp)) as connection:
        connection.execute("create schema shop")
        connection.execute(
            f"create table shop.sales as select * from read_csv('{shop / SALES_FILE}', all_varchar = true)"
        )
    before = erp.read_bytes()
    from_erp = ("--database", f"erp={erp}", "--regressor", "promotion=known")
    demand_ok("init", "erp.shop.sales", *INIT, *from_erp, home=home)
    assert not (home / "warehouse.duckdb").exists()
    there, here = ingest(home, tmp_path / "there.duckdb"), ingest(shop, tmp_path / "here.duckdb")
    assert (there.series, there.first_day, there.last_day) == (here.series, here.first_day, here.last_day)
    with duckdb.connect(str(tmp_path / "there.duckdb")) as connection:
        connection.execute(f"attach '{tmp_path / 'here.duckdb'}' as here (read_only)")
        for table in ("sales", "regressors", "items"):
            own, others = (f"select * exclude (loaded_at) from {name}raw_long.{table}" for name in ("", "here."))
            assert (
                connection.execute(f"({own} except all {others}) union all ({others} except all {own})").fetchall()
                == []
            )
    assert erp.read_bytes() == before
    assert ingest(home, tmp_path / "there.duckdb").unchanged
    erp.unlink()
    with pytest.raises(InputError, match="there is no file"):
        ingest(home, tmp_path / "there.duckdb")


def test_a_week_is_seven_even_days_with_its_promotion(shop: Path, tmp_path: Path) -> None:
    report = ingest(shop, tmp_path / "w.duckdb")
    frame = pd.read_csv(shop / SALES_FILE)
    sold = frame.dropna(subset="quantity")
    assert (report.last_day - pd.Timestamp(sold["week"].max()).date()).days == 6
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        rows, units = connection.execute("select count(*), sum(units) from raw_long.sales").fetchone()
        (promoted,) = connection.execute("select count(*) from raw_long.regressors").fetchone()
    assert rows == 7 * len(sold)
    assert units == pytest.approx(sold["quantity"].sum())
    assert promoted == 7 * frame["promotion"].sum()


def test_a_profile_counts_what_is_there(tmp_path: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    profile = check(config, tmp_path / "none.duckdb", horizon_days=28)
    assert not (tmp_path / "none.duckdb").exists()
    frame = pd.read_csv(tmp_path / "raw" / "train.csv", parse_dates=["date"])
    wide = frame.pivot_table(
        index=["store_nbr", "item_nbr"], columns="date", values="unit_sales", aggfunc="sum", fill_value=0
    )
    wide = wide.reindex(columns=pd.date_range(wide.columns[0], wide.columns[-1]), fill_value=0).clip(lower=0)
    launch = wide.gt(0).idxmax(axis=1)
    days = (wide.columns[-1] - launch).dt.days.to_numpy() + 1
    assert profile.series_days == days.sum()
    assert profile.zero_share == pytest.approx(1 - wide.gt(0).to_numpy().sum() / days.sum())
    expected = pd.Series(demand_classes(wide.to_numpy(), days)).value_counts().to_dict()
    assert profile.classes == expected
    assert any("negative" in problem for problem in profile.problems)
    assert any("prices" in reason for reason in profile.left_out)


def test_a_level_that_is_another_one_is_left_out(tmp_path: Path) -> None:
    simulate(tmp_path / "shop", stores=1, items=12, days=200, seed=3)
    reasons = " ".join(check(tmp_path / "shop", tmp_path / "none.duckdb", horizon_days=28).left_out)
    assert "region (the same as total)" in reasons
    assert "item_store (the same as item)" in reasons


def test_a_shop_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="91 days"):
        simulate(tmp_path / "shop", stores=1, items=2, days=60, seed=1)
