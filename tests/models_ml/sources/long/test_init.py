"""A plain CSV becomes a configuration, and a check of it loads nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from models_ml.cli.main import app
from models_ml.errors import InputError
from models_ml.evaluation.demand_class import demand_classes
from models_ml.sources.long.estimate import SIZES, Size, estimate, measured, rates, told
from models_ml.sources.long.guesses import words
from models_ml.sources.long.ingest import ingest
from models_ml.sources.long.profile import check
from models_ml.sources.long.simulate import SALES_FILE, simulate
from tests.conftest import demand, demand_ok
from tests.models_ml.sources.long.shapes import WALKS, grocery_sales

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
    departments = pd.read_csv(tmp_path / "raw" / "items.csv").set_index("item_nbr")["class"]
    nodes = {(store, departments[item]) for store, item in wide.index[wide.gt(0).any(axis=1)]}
    assert profile.size == Size(len(wide), days.sum(), len(nodes), len(nodes) * wide.shape[1])
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


EXPECTED: dict[str, dict[str, object]] = {
    "store_sales": {
        "sales": {"date": "Date", "units": "Sales", "store": "Store", "open": "Open"},
        "stores": {"store": "Store"},
        "grain": "day",
        "missing_dates": "gap",
        "duplicates": "refuse",
        "hierarchy": {"region": "StoreType"},
        "regressors": {
            "promo": {"column": "Promo", "availability": "known"},
            "state_holiday": {"column": "StateHoliday", "availability": "known"},
            "school_holiday": {"column": "SchoolHoliday", "availability": "known"},
        },
    },
    "grocery_sales": {
        "sales": {"date": "date", "units": "unit_sales", "store": "store_nbr", "item": "item_nbr"},
        "items": {"item": "item_nbr"},
        "stores": {"store": "store_nbr"},
        "events": {"date": "date", "name": "description"},
        "grain": "day",
        "missing_dates": "zero",
        "duplicates": "refuse",
        "hierarchy": {"department": "class", "category": "family", "region": "city"},
        "regressors": {
            "perishable": {"column": "perishable", "availability": "static", "from": "items"},
            "onpromotion": {"column": "onpromotion", "availability": "known"},
        },
    },
    "invoice_lines": {
        "sales": {
            "encoding": "latin-1",
            "where": "UnitPrice>='0'",
            "date": "InvoiceDate",
            "units": "Quantity",
            "item": "StockCode",
            "price": "UnitPrice",
        },
        "date_format": "%m/%d/%Y %H:%M",
        "grain": "day",
        "missing_dates": "zero",
        "duplicates": "sum",
    },
    "department_sales": {
        "sales": {"date": "Date", "units": "Weekly_Sales", "store": "Store", "item": "Dept"},
        "stores": {"store": "Store"},
        "grain": "week",
        "missing_dates": "zero",
        "duplicates": "refuse",
        "hierarchy": {"region": "Type"},
        "regressors": {"is_holiday": {"column": "IsHoliday", "availability": "known"}},
    },
}


@pytest.mark.parametrize("shape", WALKS)
def test_a_retailers_files_are_understood(tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns by name, formats and rules by content; nothing is loaded, and the source is sound as it was written."""
    make, arguments = WALKS[shape]
    make(tmp_path)
    (tmp_path / "source.yml").unlink(missing_ok=True)
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["init", *arguments.split(), "--home", "home"])
    assert told.exit_code == 0, told.output
    written = yaml.safe_load((tmp_path / "home" / "source.yml").read_text())
    files = [
        written[table].pop("from") for table in ("sales", "items", "stores", "events", "future") if table in written
    ]
    assert all(Path(file).is_file() for file in files)
    written.pop("future", None)
    assert written == EXPECTED[shape]
    for field in ("date_format", "grain", "missing_dates", "duplicates"):
        if written.get(field) not in (None, "day", "zero", "refuse"):
            assert f"guess: {field}: " in told.output or f"({field})" in told.output  # no guess without a word
    assert "CPU minutes" in told.output


def test_a_date_that_may_be_two_days_is_not_guessed(tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    pd.DataFrame({"day": ["1/2/2024", "2/2/2024", "3/2/2024"], "qty": [1, 2, 3]}).to_csv(sales, index=False)
    done = demand("init", str(sales), home=tmp_path / "home")
    assert done.returncode == 2
    for word in ("column day", "%d/%m/%Y", "%m/%d/%Y", "--date-format"):
        assert word in done.stderr
    demand_ok("init", str(sales), "--date-format", "%d/%m/%Y", home=tmp_path / "home")
    assert check(tmp_path / "home", tmp_path / "none.duckdb", horizon_days=28).last_day == date(2024, 2, 3)


def test_nobody_to_ask_is_said(tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    pd.DataFrame({"a": ["2024-02-01"], "b": [1]}).to_csv(sales, index=False)
    done = demand("init", str(sales), home=tmp_path / "home")
    assert done.returncode == 2
    assert "--date" in done.stderr
    assert "a, b" in done.stderr


@pytest.mark.parametrize(
    ("column", "expected"),
    [("InvoiceDate", "invoice_date"), ("Weekly_Sales", "weekly_sales"), ("SKU", "sku"), ("UNIT PRICE", "unit_price")],
)
def test_words_of_a_column(column: str, expected: str) -> None:
    assert words(column) == expected


def test_what_each_part_of_a_size_costs_is_found() -> None:
    """From runs whose cost is known to be a sum of parts, those parts; a part that costs nothing is not made up."""
    parts = np.array([60.0, 0.002, 1e-5, 0.5, 0.0])
    sizes = np.random.default_rng(1).integers(1, [200_000, 10**8, 500, 10**6], (8, 4))
    runs = pd.DataFrame(sizes, columns=SIZES).assign(cpu_seconds=parts[0] + sizes @ parts[1:])
    assert rates(runs, "cpu_seconds") == pytest.approx(parts, rel=1e-6, abs=1e-12)


@given(st.lists(st.integers(0, 10**10), min_size=4, max_size=4), st.integers(0, 3), st.integers(1, 10**6))
def test_more_of_anything_never_costs_less(size: list[int], part: int, more: int) -> None:
    smaller = estimate(Size(*size))
    size[part] += more
    larger = estimate(Size(*size))
    assert 0 < smaller.cpu_seconds <= larger.cpu_seconds
    assert 0 < smaller.gigabytes <= larger.gigabytes


def test_measured_runs_are_estimated_as_they_were_measured() -> None:
    """Within a third, the smallest and the largest alike; what is beyond all of them is said to be."""
    runs = measured()
    sizes = [Size(*size) for size in runs[SIZES].itertuples(index=False)]
    for run, size in zip(runs.itertuples(), sizes, strict=True):
        cost = estimate(size)
        assert cost.cpu_seconds == pytest.approx(run.cpu_seconds, rel=1 / 3), size
        assert cost.gigabytes == pytest.approx(run.peak_gigabytes, rel=1 / 3), size
        assert "more departments" not in told(size)
    assert "more departments" in told(replace(sizes[0], nodes=int(runs["nodes"].max()) + 1))
