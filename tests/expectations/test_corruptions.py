"""Every row of `corruptions.yml`: break clean data in that way, and the named check of the named layer finds it."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from expectations.data_docs import corruptions
from expectations.run import run_zones
from models_ml.errors import InputError, PublishError, QualityError, StepError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import FRAME_TABLES
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord
from models_ml.settings import Settings
from models_ml.sources.m5.ingest import ingest
from models_ml.warehouse import dbt
from tests.synthetic import synthetic_run

pytestmark = pytest.mark.corruption

TABLE = corruptions()


def cases(layer: str, prefix: str = "") -> list[Any]:
    return [
        pytest.param(row["name"], row["caught_by"], id=row["name"])
        for row in TABLE
        if row["layer"] == layer and row["name"].startswith(prefix)
    ]


def test_table_is_broad_and_every_row_has_its_case() -> None:
    names = [row["name"] for row in TABLE]
    assert len(names) == len(set(names)) >= 40
    assert {row["layer"] for row in TABLE} == {"ingest", "dbt", "gx", "publish"}
    written = {*FILES, *RAW, *MARTS, *DBT, *RUNS, *STORE}
    assert set(names) == written


# ---------------------------------------------------------------- files, refused by the ingest

Lines = list[list[str]]


def edit(name: str, change: Callable[[Lines], Lines | None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        with path.open(newline="") as file:
            lines = list(csv.reader(file))
        lines = change(lines) or lines
        with path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)

    return apply


def put(line: int, column: int, value: str) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        lines[line][column] = value

    return change


def cut(folder: Path) -> None:
    path = folder / "sales_train_evaluation.csv"
    path.write_bytes(path.read_bytes()[:-500])


SALES, CALENDAR, PRICES = "sales_train_evaluation.csv", "calendar.csv", "sell_prices.csv"
FILES: dict[str, Callable[[Path], None]] = {
    "file_negative_units": edit(SALES, put(3, 20, "-3")),
    "file_text_in_units": edit(SALES, put(3, 20, "many")),
    "file_repeated_series": edit(SALES, lambda lines: [*lines, lines[1]]),
    "file_truncated": cut,
    "file_day_column_missing": edit(SALES, lambda lines: [line[:105] + line[106:] for line in lines]),
    "file_calendar_gap": edit(CALENDAR, lambda lines: lines[:50] + lines[51:]),
    "file_calendar_shifted": edit(
        CALENDAR,
        lambda lines: [lines[0], *([later[0], *line[1:]] for line, later in pairwise(lines[1:]))],
    ),
    "file_price_of_unknown_item": edit(PRICES, put(1, 1, "FOODS_9_999")),
    "file_repeated_price": edit(PRICES, lambda lines: [*lines, lines[1]]),
    "file_store_missing": edit(SALES, lambda lines: [line for line in lines if line[4] != "CA_2"]),
    "file_item_in_two_departments": edit(SALES, put(45, 2, "FOODS_3")),
}


@pytest.mark.parametrize(("name", "caught_by"), cases("ingest"))
def test_ingest_refuses(clean: Settings, tmp_path: Path, name: str, caught_by: str) -> None:
    folder = tmp_path / "raw"
    shutil.copytree(clean.home / "raw", folder)
    FILES[name](folder)
    with pytest.raises(InputError) as refused:
        ingest(folder, tmp_path / "warehouse.duckdb")
    assert caught_by in str(refused.value)


# ---------------------------------------------------------------- tables, found by Great Expectations


def assert_found(settings: Settings, zone: str, caught_by: str) -> None:
    dataset, _, expectation = caught_by.partition(".")
    summary = run_zones(settings, zone)
    found = [r for r in summary.results if (r.dataset, r.expectation) == (dataset, expectation)]
    assert len(found) == 1
    assert not found[0].success, f"{caught_by} did not notice; these did: {summary.text}"
    if found[0].severity == "error":
        with pytest.raises(QualityError):
            summary.raise_on_errors()
        assert found[0] in summary.errors
    else:
        assert found[0] in summary.warnings


def days(first: int, last: int) -> list[str]:
    return [f"d_{day}" for day in range(first, last + 1)]


def assign(columns: list[str], expression: str) -> str:
    return ", ".join(f"{column} = {expression.format(column)}" for column in columns)


S, P, C = "raw_m5.sales_train_evaluation", "raw_m5.sell_prices", "raw_m5.calendar"
ONE = "id = (select min(id) from raw_m5.sales_train_evaluation)"
ONE_PRICE = "item_id = (select min(item_id) from raw_m5.sell_prices) and store_id = 'CA_1'"
ONE_WEEK = f"{ONE_PRICE} and wm_yr_wk = (select max(wm_yr_wk) from raw_m5.sell_prices)"
N = 800

RAW: dict[str, str] = {
    "raw_null_units": f"update {S} set d_100 = null where {ONE}",
    "raw_negative_units": f"update {S} set d_100 = -3 where {ONE}",
    "raw_outlier_units": f"update {S} set d_100 = 1000000 where {ONE}",
    "raw_units_doubled": f"update {S} set {assign(days(N - 27, N), '2 * {}')} where store_id = 'CA_2'",
    "raw_truncated_with_zeros": f"update {S} set {assign(days(N - 27, N), '0')} where store_id = 'CA_2'",
    "raw_days_shifted": f"update {S} set "
    + ", ".join(f"d_{day} = {f'd_{day + 3}' if day + 3 <= N else 'd_1'}" for day in range(1, N + 1)),
    "raw_repeated_series": f"insert into {S} select * from {S} where {ONE}",
    "raw_department_missing": f"delete from {S} where store_id = 'CA_2' and dept_id = 'FOODS_3'",
    "raw_store_missing": f"delete from {S} where store_id = 'CA_2'",
    "raw_null_ids": f"update {S} set dept_id = null where {ONE}",
    "raw_day_column_lost": f"alter table {C} drop column event_type_2",
    "raw_calendar_shifted": f"update {C} set date = date + 1",
    "raw_calendar_gap": f"delete from {C} where d = 'd_100'",
    "raw_calendar_repeats": f"insert into {C} select * from {C} where d = 'd_100'",
    "raw_weekdays_shifted": f"update {C} set wday = wday % 7 + 1",
    "raw_feast_moved": f"""
        update {C} set event_name_1 = 'Christmas', event_type_1 = 'National'
        where extract(month from date) = 12 and extract(day from date) = 24
    """,
    "raw_price_null": f"update {P} set sell_price = null where {ONE_WEEK}",
    "raw_price_zero": f"update {P} set sell_price = 0 where {ONE_WEEK}",
    "raw_price_outlier": f"update {P} set sell_price = 100 * sell_price where {ONE_WEEK}",
    "raw_price_repeated": f"insert into {P} select * from {P}",
    "raw_price_as_text": f"""
        alter table {P} alter column sell_price type varchar;
        update {P} set sell_price = 'n/a' where {ONE_WEEK}
    """,
    "raw_price_of_unknown_week": f"update {P} set wm_yr_wk = 19901 where {ONE_WEEK}",
    "raw_series_without_price": f"delete from {P} where {ONE_PRICE}",
}

F, NODE = "core.fct_daily_sales", "core.fct_node_sales"
ONE_SERIES = f"item_id = (select min(item_id) from {F}) and store_id = 'CA_1'"
ONE_DAY = f"{ONE_SERIES} and date = (select max(date) - 100 from {F})"
LAST = f"(select max(date) from {NODE})"
FIRST_HALF = "item_id in (select item_id from core.dim_items where department_id = 'FOODS_3' order by item_id limit 5)"

MARTS: dict[str, str] = {
    "mart_negative_units": f"update {F} set units = -1, revenue = -price where {ONE_DAY}",
    "mart_null_price": f"update {F} set price = null where {ONE_DAY}",
    "mart_repeated_sale": f"insert into {F} select * from {F} where {ONE_DAY}",
    "mart_lost_day": f"delete from {F} where {ONE_DAY}",
    "mart_store_ends_early": f"delete from {F} where store_id = 'CA_2' and date > {LAST} - 7",
    "mart_units_doubled": f"""
        update {F} set units = 2 * units, revenue = 2 * revenue; update {NODE} set units = 2 * units
    """,
    "mart_department_collapses": f"""
        update {NODE} set units = 0.05 * units where date > {LAST} - 28 and node_id = 'store_department:CA_1|FOODS_3'
    """,
    "mart_nodes_disagree": f"update {NODE} set units = 1.1 * units where node_id = 'total'",
    "mart_week_shifted": f"""
        update {NODE} set units = moved.units
        from (
            select node_id, date, lag(units, 2) over (partition by node_id order by date) as units from {NODE}
        ) as moved
        where {NODE}.node_id = moved.node_id and {NODE}.date = moved.date and {NODE}.date > {LAST} - 56
    """,
    "mart_series_lost": f"delete from core.dim_series where {FIRST_HALF}",
    "mart_store_lost": "delete from core.dim_stores where store_id = 'CA_2'",
    "mart_calendar_too_short": f"delete from core.dim_calendar where date > {LAST} + 20",
    "mart_flags_missing": f"delete from core.fct_regional_flags where region_id = 'CA' and date > {LAST} - 30",
    "mart_coming_prices_missing": f"""
        delete from core.fct_prices where week_id in (select week_id from core.dim_calendar where date > {LAST})
    """,
    "mart_leaked_future": """
        update features.fct_series_features set units_mean_28 = later.units_mean_28
        from features.fct_series_features as later
        where
            fct_series_features.item_id = later.item_id
            and fct_series_features.store_id = later.store_id
            and fct_series_features.as_of_date = later.as_of_date - 7
    """,
    "mart_node_leaked_future": """
        update features.fct_node_features set units_mean_28 = later.units_mean_28
        from features.fct_node_features as later
        where fct_node_features.node_id = later.node_id and fct_node_features.as_of_date = later.as_of_date - 7
    """,
    "mart_features_of_tomorrow": f"""
        update features.fct_series_features set as_of_date = as_of_date + 1 where as_of_date = {LAST}
    """,
    "mart_features_repeated": f"""
        insert into features.fct_series_features
        select * from features.fct_series_features where as_of_date = {LAST} and {ONE_SERIES}
    """,
    "mart_features_stale": f"delete from features.fct_series_features where as_of_date = {LAST}",
}


def break_warehouse(settings: Settings, statements: str) -> None:
    with duckdb.connect(str(settings.warehouse_path), config={"threads": 2}) as warehouse:
        warehouse.execute(statements)


@pytest.mark.parametrize(("name", "caught_by"), cases("gx", "raw_"))
def test_raw_zone_finds(copy: Settings, name: str, caught_by: str) -> None:
    break_warehouse(copy, RAW[name])
    assert_found(copy, "raw", caught_by)


@pytest.mark.parametrize(("name", "caught_by"), cases("gx", "mart_"))
def test_marts_zone_finds(copy: Settings, name: str, caught_by: str) -> None:
    break_warehouse(copy, MARTS[name])
    assert_found(copy, "marts", caught_by)


# ---------------------------------------------------------------- tables, found by dbt's data tests

DBT: dict[str, str] = {
    "mart_repeated_item": "insert into core.dim_items select * from core.dim_items limit 1",
    "mart_store_without_region": "update core.dim_stores set region_id = null where store_id = 'CA_2'",
    "mart_wrong_revenue": f"update {F} set revenue = revenue + 1 where {ONE_DAY}",
    "mart_doubled_day": f"insert into {F} select * from {F} where {ONE_DAY}",
    "mart_unknown_store": f"update core.dim_series set store_id = 'ZZ_9' where {ONE_SERIES}",
}


@pytest.mark.dbt
def test_dbt_finds(copy: Settings) -> None:
    """One invocation for all rows: they break different tables, and dbt takes seconds to start."""
    break_warehouse(copy, ";".join(DBT.values()))
    with pytest.raises(StepError):
        dbt.run(copy, ["test", "--select", "dim_items", "dim_stores", "dim_series", "fct_daily_sales"])
    results = json.loads((copy.home / "dbt" / "run_results.json").read_text())["results"]
    failed = [r["unique_id"] for r in results if r["status"] == "fail"]
    for name in DBT:
        (caught_by,) = (row["caught_by"] for row in TABLE if row["name"] == name)
        assert any(caught_by in test for test in failed), f"{name}: none of {failed}"


# ---------------------------------------------------------------- a run, refused by the publish

Frames = dict[str, Any]


def first_value(table: pa.Table, column: str, change: Callable[[float], float]) -> pa.Table:
    values = table[column].to_pylist()
    values[0] = change(values[0])
    return table.set_column(table.column_names.index(column), table.schema.field(column), pa.array(values))


def of_store(table: pa.Table, store: str) -> pa.Table:
    return table.filter(pc.equal(table["store_id"], store))


OF_SERIES = [name for name, table in FRAME_TABLES.items() if {"store_id", "item_id"} <= set(table.columns.keys())]

RUNS: dict[str, Callable[[RunRecord, Any], tuple[RunRecord, Any]]] = {
    "run_day_missing": lambda run, frames: (run, replace(frames, forecasts=frames.forecasts.slice(1))),
    "run_quantiles_crossed": lambda run, frames: (
        run, replace(frames, forecasts=first_value(frames.forecasts, "q_0_5", lambda value: value + 100))
    ),
    "run_negative_mean": lambda run, frames: (
        run, replace(frames, forecasts=first_value(frames.forecasts, "mean", lambda _: -1.0))
    ),
    "run_store_missing": lambda run, frames: (
        run,
        replace(
            frames,
            **{name: of_store(getattr(frames, name), "S_1") for name in OF_SERIES},
        ),
    ),
    "run_stale": lambda *_: synthetic_run(stores=("S_1", "S_2"), items=3, origin=_ORIGIN - timedelta(days=7), seed=1),
}  # fmt: skip
_ORIGIN = synthetic_run(stores=("S_1",), items=3)[0].origin


@pytest.mark.parametrize(("name", "caught_by"), cases("publish"))
def test_publish_refuses(copy: Settings, name: str, caught_by: str) -> None:
    engine = make_engine(copy.effective_store_url)
    try:
        run, frames = synthetic_run(stores=("S_1", "S_2"), items=3)
        publish(engine, run, frames)
        later = synthetic_run(stores=("S_1", "S_2"), items=3, seed=2)
        with pytest.raises(PublishError) as refused:
            publish(engine, *RUNS[name](*later))
    finally:
        engine.dispose()
    assert caught_by in str(refused.value)


# ---------------------------------------------------------------- published runs, found by Great Expectations

RUN = "run_id = 'run_of_the_tests'"
ONE_ITEM = f"{RUN} and store_id = 'CA_1' and item_id = (select min(item_id) from run_series)"
FOODS = f"{RUN} and store_id = 'CA_1' and item_id like 'FOODS_3%'"
HALF = """
    run_id = 'run_of_the_tests' and item_id in (
        select distinct item_id from run_series where department_id = 'FOODS_3' order by item_id limit 4
    )
"""

STORE: dict[str, str] = {
    "store_quantiles_crossed": f"update forecasts set q_0_5 = q_0_975 + 1 where {ONE_ITEM}",
    "store_negative_forecast": f"update forecasts set mean = -1 where {ONE_ITEM}",
    "store_day_missing": f"""
        delete from forecasts where {ONE_ITEM} and target_date = (select max(target_date) from forecasts)
    """,
    "store_series_without_forecast": f"delete from forecasts where {ONE_ITEM}",
    "store_forecast_doubled": f"update forecasts set mean = 2.5 * mean where {FOODS}",
    "store_forecast_collapsed": f"update forecasts set mean = 0.1 * mean where {FOODS}",
    "store_exploding_items": f"update forecasts set mean = 5000 where {RUN} and item_id like 'HOBBIES_1%'",
    "store_department_missing": f"""
        delete from forecasts where {FOODS}; delete from run_series where {FOODS}
    """,
    "store_series_dropped": f"""
        insert into model_runs select 'before', model, version, origin, horizon_days, scope, status, role, reason,
            created_at, published_at, git_commit, data_fingerprint, parameters, metrics, mlflow_run_id, series_count,
            forecast_rows, node_rows, checksum, step_days from model_runs;
        insert into run_series select 'before', store_id, item_id, department_id, category_id, region_id, price,
            units_last_28, demand_class, launch_date from run_series;
        update activations set previous_run_id = 'before';
        delete from forecasts where {HALF}; delete from run_series where {HALF}
    """,
    "store_forecast_stale": "",  # the warehouse moves on instead (see below)
    "store_published_long_ago": "update model_runs set published_at = '2020-01-01 00:00:00.000000'",
    "store_pointer_to_failed_run": "update model_runs set status = 'failed', reason = 'killed'",
    "store_history_stale": """
        delete from sales_history
        where store_id = 'CA_2' and date > (select date(max(date), '-7 days') from sales_history)
    """,
    "store_nodes_disagree": "update node_forecasts set mean = 1.1 * mean",
    "store_policy_missing": f"delete from inventory_policy where {ONE_ITEM}",
    "store_policy_beyond_horizon": f"""
        update inventory_policy set lead_time_days = 22, days_of_cover = days_of_cover * 29 / 10 where {ONE_ITEM}
    """,
    "store_policy_levels_swapped": f"update inventory_policy set reorder_point = order_up_to + 1 where {ONE_ITEM}",
    "store_policy_other_safety_stock": f"update inventory_policy set safety_stock = safety_stock + 1 where {ONE_ITEM}",
    "store_policy_short_of_all": f"update inventory_policy set expected_short = expected_demand + 1 where {ONE_ITEM}",
    "store_policy_wrong_cover": f"""
        update inventory_policy set days_of_cover = days_of_cover / 7 where {RUN} and expected_demand > 1
    """,
    "store_policy_without_safety_stock": """
        update inventory_policy set order_up_to = order_up_to / 4, reorder_point = 0, mean_stock = 0,
            safety_stock = order_up_to / 4 - expected_demand, days_of_cover = order_up_to / 4 / expected_demand * 10
        where expected_demand > 0
    """,
    "store_policy_of_other_forecast": f"update forecasts set mean = 1.05 * mean where {FOODS}",
    "store_fold_from_the_future": "update run_metrics set fold = date(fold, '+14 days')",
    "store_worse_than_baseline": "update run_metrics set value = 1.2 where model = 'trailing_mean'",
}


@pytest.mark.parametrize(("name", "caught_by"), cases("gx", "store_"))
def test_store_zone_finds(copy: Settings, name: str, caught_by: str) -> None:
    if name == "store_forecast_stale":
        break_warehouse(copy, "update core.dim_series set last_date = last_date + 35")
    store = sqlite3.connect(copy.home / "prediction_store.sqlite")
    # The tables' own constraints would refuse some of this; here they are as lost as on a server without them.
    store.execute("pragma ignore_check_constraints = on")
    store.executescript(STORE[name])
    store.commit()
    store.close()
    assert_found(copy, "store", caught_by)
