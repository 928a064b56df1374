"""The long source loads what its configuration says, whole or not at all, and names what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from models_ml.errors import InputError
from models_ml.sources.long.ingest import ingest
from tests.models_ml.sources.long.shapes import LAST_DAY, SHAPES, grocery_sales, store_sales


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def rows(warehouse: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def changed(path: Path, **fields: object) -> Path:
    """The configuration with other top-level fields; None takes one out."""
    config = {**yaml.safe_load(path.read_text()), **fields}
    path.write_text(yaml.safe_dump({k: v for k, v in config.items() if v is not None}, sort_keys=False))
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_of_the_sales_arrives(tmp_path: Path, warehouse: Path, shape: str) -> None:
    config = SHAPES[shape](tmp_path / "raw")
    report = ingest(config, warehouse)
    sales = yaml.safe_load(config.read_text())["sales"]
    frame = pd.read_csv(tmp_path / "raw" / "train.csv", dtype=str)
    units = frame[sales["units"]].astype(float)
    [(count, total)] = rows(warehouse, "select count(*), sum(units) from raw_long.sales")
    assert count == len(frame)
    assert total == pytest.approx(units.sum())
    keys = [sales[k] for k in ("store", "item") if k in sales]
    assert report.series == len(frame[keys].drop_duplicates())
    assert (str(report.first_day), str(report.last_day)) == (frame[sales["date"]].min(), frame[sales["date"]].max())


def test_hierarchy_closed_days_and_declared_columns(tmp_path: Path, warehouse: Path) -> None:
    ingest(store_sales(tmp_path / "raw"), warehouse)
    assert rows(warehouse, "select distinct item_id, department_id, category_id from raw_long.items") == [
        ("all", "all", "all")
    ]
    assert rows(warehouse, "select store_id, region_id from raw_long.stores order by 1")[:2] == [("1", "a"), ("2", "b")]
    declared = rows(warehouse, "select regressor, availability from raw_long.declared_regressors order by 1")
    assert declared == [
        ("customers", "past_only"),
        ("distance", "static"),
        ("promo", "known"),
        ("school_holiday", "known"),
        ("state_holiday_c", "known"),
    ]
    ends = dict(rows(warehouse, "select regressor, max(date) from raw_long.regressors group by all"))
    assert pd.Timestamp(ends["customers"]) <= LAST_DAY < pd.Timestamp(ends["promo"])
    closed = rows(warehouse, "select distinct dayname(date) from raw_long.closed_days where month(date) <> 12")
    assert closed == [("Sunday",)]


def test_a_past_only_column_has_no_coming_row_even_where_it_is_given(tmp_path: Path, warehouse: Path) -> None:
    config = store_sales(tmp_path / "raw")
    path = tmp_path / "raw" / "test.csv"
    pd.read_csv(path).assign(Customers=123).to_csv(path, index=False)
    ingest(config, warehouse)
    [(last,)] = rows(warehouse, "select max(date) from raw_long.regressors where regressor = 'customers'")
    assert pd.Timestamp(last) <= LAST_DAY


def test_a_warehouse_table_is_read_in_place(tmp_path: Path, warehouse: Path) -> None:
    config = SHAPES["item_store_sales"](tmp_path / "raw")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema erp")
        connection.execute(f"create table erp.sold as from read_csv('{tmp_path / 'raw' / 'train.csv'}')")
    other = yaml.safe_load(config.read_text())
    other["sales"]["from"] = "erp.sold"
    report = ingest(changed(config, sales=other["sales"]), warehouse)
    assert report.series == 20
    assert ingest(config, warehouse).unchanged
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update erp.sold set sales = sales + 1 where item = 1")
    assert not ingest(config, warehouse).unchanged


def test_the_same_content_is_loaded_once_and_another_rule_again(tmp_path: Path, warehouse: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    first = ingest(config, warehouse)
    assert not first.unchanged
    assert ingest(config, warehouse).unchanged
    again = ingest(changed(config, missing_dates="gap"), warehouse)
    assert not again.unchanged
    assert again.fingerprint != first.fingerprint


def edit(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    """A change of one CSV file of the grocery shape."""

    def apply(config: Path) -> None:
        path = config.parent / f"{name}.csv"
        change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)

    return apply


def cell(column: str, row: int, value: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[row, column] = value
        return frame

    return change


def field(**fields: object) -> Callable[[Path], None]:
    return lambda config: changed(config, **fields) and None


FAULTS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "no date": (edit("train", cell("date", 5, "31.02.2015")), ("train.csv", "line 7", "column date", "31.02.2015")),
    "no number": (edit("train", cell("unit_sales", 8, "many")), ("train.csv", "line 10", "unit_sales", "'many'")),
    "not finite": (edit("train", cell("unit_sales", 8, "inf")), ("train.csv", "line 10", "unit_sales", "'inf'")),
    "no item": (edit("train", cell("item_nbr", 3, "")), ("train.csv", "line 5", "item_nbr")),
    "unknown item": (edit("items", lambda f: f.drop(index=2)), ("items.csv", "1003", "train.csv")),
    "unknown store": (edit("stores", lambda f: f.drop(index=0)), ("stores.csv", "store 1")),
    "item twice": (
        edit("items", lambda f: pd.concat([f, f.head(1).assign(family="MEAT", **{"class": "9"})])),
        ("items.csv", "item 1001"),
    ),
    "department in two categories": (edit("items", cell("family", 3, "MEAT")), ("items.csv", "department", "MEAT")),
    "row twice": (edit("train", lambda f: pd.concat([f, f.head(1)])), ("train.csv", "2 rows", "duplicates: sum")),
    "no such column": (edit("train", lambda f: f.rename(columns={"unit_sales": "qty"})), ("sales.units", "qty")),
    "coming day without item": (edit("test", cell("item_nbr", 0, "")), ("test.csv", "line 2", "item_nbr")),
    "a condition that is none": (
        field(stores={"from": "stores.csv", "store": "store_nbr", "where": "city like"}),
        ("stores.csv", "where: city like", "cast(price as double)"),
    ),
    "a condition that holds for nothing": (
        field(stores={"from": "stores.csv", "store": "store_nbr", "where": "city = 'Lima'"}),
        ("stores.csv", "none of its 3 rows"),
    ),
    "another encoding": (
        lambda config: (config.parent / "stores.csv").write_bytes("store_nbr,city\n1,Ibá\n".encode("latin-1")) and None,
        ("stores.csv", "utf-8", "encoding", "latin-1"),
    ),
    "negative units": (field(negative_units="refuse"), ("train.csv", "unit_sales", "-2.0", "negative_units")),
    "unknown field": (field(currency="EUR"), ("source.yml", "currency", "unknown field")),
    "wrong value": (field(missing_dates="nothing"), ("source.yml", "missing_dates", "'nothing'", "'gap'")),
    "no such file": (field(future={"from": "later.csv"}), ("later.csv", "no such file")),
    "no such table": (field(future={"from": "erp.later"}), ("erp.later", "no such table")),
    "neither file nor table": (field(future={"from": "later"}), ("source.yml", "future", "'later'")),
    "weekly data of other days": (field(grain="week"), ("train.csv", "weekday", "grain: day")),
    "column of a static regressor": (
        field(regressors={"x": {"column": "family", "availability": "known", "from": "items"}}),
        ("source.yml", "regressors.x", "static"),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_refused_whole_and_named(tmp_path: Path, warehouse: Path, case: str) -> None:
    config = grocery_sales(tmp_path / "raw")
    ingest(config, warehouse)
    before = rows(warehouse, "select * from raw_long.ingest_log")
    break_it, named = FAULTS[case]
    break_it(config)
    with pytest.raises(InputError) as caught:
        ingest(config, warehouse)
    for word in named:
        assert word in str(caught.value)
    assert rows(warehouse, "select * from raw_long.ingest_log") == before


def test_duplicates_may_be_parts_of_a_day(tmp_path: Path, warehouse: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    edit("train", lambda f: pd.concat([f, f.head(1)]))(config)
    ingest(changed(config, duplicates="sum"), warehouse)
    [(twice,)] = rows(
        warehouse, "select max(n) from (select count(*) as n from raw_long.sales group by date, store_id, item_id)"
    )
    assert twice == 2


def test_only_the_stores_asked_for(tmp_path: Path, warehouse: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    assert ingest(config, warehouse, stores=["2"]).stores == 1
    with pytest.raises(InputError, match="store '9' is not in the data"):
        ingest(config, warehouse, stores=["9"])


def test_rows_that_do_not_count_are_left_out_and_lines_are_those_of_the_file(tmp_path: Path, warehouse: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    sales = yaml.safe_load(config.read_text())["sales"]
    frame = pd.read_csv(tmp_path / "raw" / "train.csv")
    changed(config, sales={**sales, "where": "cast(unit_sales as double) > 0 and store_nbr <> '2'"})
    ingest(config, warehouse)
    expected = frame[(frame["unit_sales"] > 0) & (frame["store_nbr"] != 2)]
    [(count, total)] = rows(warehouse, "select count(*), sum(units) from raw_long.sales")
    assert (count, total) == (len(expected), pytest.approx(expected["unit_sales"].sum()))
    at = int(expected.index[20])  # rows before it do not count, but are lines of the file
    edit("train", cell("date", at, "soon"))(config)
    with pytest.raises(InputError, match=f"train.csv, line {at + 2:,}, column date"):
        ingest(config, warehouse)
    edit("train", cell("date", at, "2015-01-01"))(config)
    edit("train", cell("date", int(frame.index[frame["store_nbr"] == 2][3]), "soon"))(config)
    ingest(changed(config, duplicates="sum"), warehouse)


def test_what_a_column_does_not_say_is_not_zero(tmp_path: Path, warehouse: Path) -> None:
    """A blank is unknown: whole days before the first value are said by a date, others by rows without a value."""
    config = grocery_sales(tmp_path / "raw")
    path = tmp_path / "raw" / "train.csv"
    frame = pd.read_csv(path, dtype=str)
    frame.loc[frame.index[-1], "onpromotion"] = None
    frame.to_csv(path, index=False)
    days = pd.date_range(frame["date"].min(), LAST_DAY)
    ingest(config, warehouse)
    declared = rows(
        warehouse,
        "select given_from, given_until from raw_long.declared_regressors where regressor = 'promotion'",
    )
    coming = pd.read_csv(tmp_path / "raw" / "test.csv")["date"].max()
    assert [tuple(map(str, row)) for row in declared] == [(str(days[60].date()), coming)]
    unknown = rows(warehouse, "select date, store_id, item_id from raw_long.regressors where value is null")
    last = frame.iloc[-1]
    assert [tuple(map(str, row)) for row in unknown] == [(last["date"], last["store_nbr"], last["item_nbr"])]


def test_a_blank_beside_nothing_but_ones_is_zero(tmp_path: Path, warehouse: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    for name in ("train", "test"):
        edit(name, lambda f: f.assign(onpromotion=f["onpromotion"].map({"True": "1"})))(config)
    ingest(config, warehouse)
    assert rows(warehouse, "select count(*) from raw_long.regressors where value is null") == [(0,)]


def test_a_closed_flag_without_a_value_is_no_closed_day(tmp_path: Path, warehouse: Path) -> None:
    ingest(store_sales(tmp_path / "raw"), warehouse)
    closed = rows(warehouse, "select date from raw_long.closed_days where store_id = '4' and date >= '2015-08-01'")
    assert [str(day) for (day,) in sorted(closed)] == ["2015-08-02", "2015-08-09", "2015-08-16", "2015-08-23"]
    [(distance,)] = rows(warehouse, "select value from raw_long.attributes where store_id = '4'")
    assert distance is None


def test_days_to_forecast_that_a_column_says_nothing_of_are_told(tmp_path: Path, warehouse: Path) -> None:
    config = grocery_sales(tmp_path / "raw")
    assert not [w for w in ingest(config, warehouse, horizon_days=28).warnings if "onpromotion" in w]
    [said] = [w for w in ingest(config, warehouse, horizon_days=35).warnings if "onpromotion" in w]
    assert f"values until {pd.read_csv(tmp_path / 'raw' / 'test.csv')['date'].max()}" in said
    [said] = [w for w in ingest(changed(config, future=None), warehouse).warnings if "onpromotion" in w]
    assert f"values until {LAST_DAY.date()}" in said
