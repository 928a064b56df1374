"""A plain CSV becomes a configuration, and a check of it loads nothing."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from models_ml.cli.main import app
from models_ml.errors import InputError
from models_ml.evaluation.demand_class import demand_classes
from models_ml.sources.long.estimate import along, estimate, measured
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


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 1e6)), min_size=1, max_size=6, unique_by=lambda run: run[0]),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
)
def test_a_line_through_any_runs_never_falls(runs: list[tuple[int, float]], one: int, other: int) -> None:
    xs, ys = (list(part) for part in zip(*sorted(runs), strict=True))
    ys = list(itertools.accumulate(ys, max))
    assert along(min(one, other), xs, ys) <= along(max(one, other), xs, ys) * (1 + 1e-9)
    for x, y in zip(xs, ys, strict=True):
        assert along(x, xs, ys) == pytest.approx(y, abs=1e-6)


@given(st.integers(0, 10**11), st.integers(0, 10**11))
def test_more_days_never_cost_less(one: int, other: int) -> None:
    less, more = estimate(min(one, other)), estimate(max(one, other))
    assert 0 < less.cpu_seconds <= more.cpu_seconds
    assert 0 < less.gigabytes <= more.gigabytes


def test_a_measured_run_is_estimated_as_it_was_measured() -> None:
    runs = measured()
    assert len(runs) >= 1
    for run in runs.itertuples():
        assert estimate(run.series_days).cpu_seconds == pytest.approx(runs.loc[: run.Index, "cpu_seconds"].max())
