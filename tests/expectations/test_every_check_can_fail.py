"""Each check of the marts that stops the job fails on marts that are wrong in its way, after staging has made them.

Several faults share a copy of the marts, and none hides another's.
"""

from __future__ import annotations

import duckdb
import pytest

from expectations.run import run_zones
from models_ml.settings import Settings

pytestmark = pytest.mark.corruption

F, NODE, SERIES = "core.fct_daily_sales", "core.fct_node_sales", "core.dim_series"
FEATURES, NODE_FEATURES = "features.fct_series_features", "features.fct_node_features"
LAST = f"(select max(date) from {NODE})"
ITEM = f"(select min(item_id) from {F})"
OTHER_ITEM = f"(select max(item_id) from {F})"
ONE_DAY = f"item_id = {ITEM} and store_id = 'CA_1' and date = {LAST} - 100"

EMPTY = [f"delete from {table}" for table in ("core.dim_items", "core.dim_stores", SERIES, F, FEATURES)]

TWICE = [
    f"insert into {table} select * from {table}"
    for table in (
        "core.dim_items", "core.dim_stores", SERIES, "core.dim_calendar", "core.fct_prices", F, NODE, FEATURES,
        NODE_FEATURES,
    )
]  # fmt: skip

WRONG_VALUES = [
    f"update core.dim_items set category_id = 'ELSE' where item_id = {ITEM}",
    f"update core.dim_items set category_id = null where item_id = {OTHER_ITEM}",
    "update core.dim_stores set region_id = null where store_id = 'CA_2'",
    f"update {SERIES} set department_id = null where item_id = {OTHER_ITEM} and store_id = 'CA_2'",
    f"update {SERIES} set first_sale_date = launch_date - 1, last_date = last_date + 1 where item_id = {OTHER_ITEM}",
    "update core.dim_calendar set day_index = day_index + 1, weekday = 1 where day_of_month = 3",
    "update core.dim_calendar set is_event = 1 - is_event where day_of_month = 4",
    "update core.fct_regional_flags set regional_flag = 2 where region_id = 'CA'",
    f"update core.fct_prices set price = 0 where item_id = {ITEM}",
    f"update {F} set units = null where {ONE_DAY}",
    f"update {F} set units = -1 where {ONE_DAY.replace('100', '101')}",
    f"update {F} set units = 99999, revenue = 0 where {ONE_DAY.replace('100', '102')}",
    f"update {F} set price = -1 where {ONE_DAY.replace('100', '103')}",
    f"update {F} set price = 1000 * price where {ONE_DAY.replace('100', '104')}",
    f"update {F} set store_id = null where {ONE_DAY.replace('100', '105')}",
    f"update {NODE} set units = -1 where node_id = 'total' and date = {LAST} - 40",
    f"update {NODE} set units = 9 * units where node_id like 'store_department:CA_1|FOODS_3' and date > {LAST} - 28",
    f"update {NODE} set units = units / 9 where node_id like 'store_department:CA_2|FOODS_3' and date > {LAST} - 28",
    f"update {NODE} set units = 9 * units where node_id = 'store:CA_1' and date > {LAST} - 28",
    f"update {NODE} set units = 0 where node_id = 'store:CA_2' and date > {LAST} - 28",
    f"update {NODE} set units = 9 * units where node_id = 'total' and date > {LAST} - 56 and dayofweek(date) = 3",
    f"update {FEATURES} set units_mean_28 = null where item_id = {ITEM}",
    f"update {FEATURES} set units_mean_28 = -1 where item_id = {OTHER_ITEM}",
    f"update {NODE_FEATURES} set units_mean_28 = -1 where node_id = 'total'",
]

MISSING = [
    f"delete from {SERIES} where item_id in (select item_id from core.dim_items where department_id = 'FOODS_3')",
    f"delete from core.dim_items where item_id = {ITEM}",
    f"delete from core.dim_calendar where date = {LAST} - 50 or date > {LAST} + 10",
    "delete from core.fct_regional_flags where region_id = 'CA'",
    f"delete from core.fct_prices where item_id = {OTHER_ITEM}",
    f"delete from {F} where store_id = 'CA_1' and date = {LAST} - 60",
    f"delete from {F} where store_id = 'CA_2' and date > {LAST} - 7",
    f"delete from {F} where item_id = {OTHER_ITEM}",
    f"delete from {NODE} where node_id = 'store:CA_1' and date = {LAST} - 30",
    f"delete from {NODE} where node_id = 'store_department:CA_1|FOODS_1'",
    f"delete from {FEATURES} where as_of_date > {LAST} - 7",
    f"delete from {NODE_FEATURES} where as_of_date > {LAST} - 7",
]

MOVED = [
    f"delete from {FEATURES} where item_id = {ITEM} and as_of_date = {LAST}",
    f"update {FEATURES} set as_of_date = as_of_date + 3 where as_of_date < {LAST} - 80",
    f"insert into {FEATURES} select * replace (as_of_date + 7 as as_of_date) from {FEATURES} where as_of_date = {LAST}",
    f"update {NODE} set units = 3 * units where date > {LAST} - 28",
    f"delete from {SERIES} where store_id = 'CA_1' and department_id = 'FOODS_2'",
    f"update {NODE} set units = case when dayofweek(date) = 0 then 0 else 90 end where node_id = 'store:CA_2'",
]

RENAMED = [
    f"alter table {table} rename column {column} to another"
    for table, column in (
        ("core.dim_items", "category_id"), ("core.dim_stores", "region_id"), (SERIES, "first_sale_date"),
        ("core.dim_calendar", "days_to_event"), ("core.fct_prices", "price"), (F, "revenue"), (NODE, "revenue"),
        (FEATURES, "days_on_sale"), (NODE_FEATURES, "units_mean_28"),
    )
]  # fmt: skip


def test_every_error_of_the_marts_can_happen(clean: Settings) -> None:
    failed: set[tuple[str, str]] = set()
    expected: set[tuple[str, str]] = set()
    for number, faults in enumerate((EMPTY, TWICE, WRONG_VALUES, MISSING, MOVED, RENAMED)):
        home = clean.home.parent / f"broken_{number}"
        home.mkdir()
        for name in ("warehouse.duckdb", "prediction_store.sqlite"):
            (home / name).write_bytes((clean.home / name).read_bytes())
        with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
            for fault in faults:
                connection.execute(fault)
        results = run_zones(Settings(home=home), "marts").results
        failed |= {(r.dataset, r.expectation) for r in results if not r.success}
        expected |= {(r.dataset, r.expectation) for r in results if r.severity == "error"}
    assert len(expected) > 50
    assert expected <= failed, sorted(expected - failed)
