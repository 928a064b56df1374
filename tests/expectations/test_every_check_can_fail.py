"""Each check of the raw tables and the marts that stops the job fails on data that is wrong in its way.

Several faults share a copy of the data, and none hides another's. The marts are broken after staging has made them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from expectations.run import run_zones
from models_ml.job.raw_data import ingest_raw
from models_ml.settings import Settings
from models_ml.sources.long.simulate import simulate as simulate_long

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


S, P, C = "raw_m5.sales_train_evaluation", "raw_m5.sell_prices", "raw_m5.calendar"
ONE_ID = f"id = (select min(id) from {S})"
LAST_ID = f"id = (select max(id) from {S})"
SOME_ID = f"id = (select min(id) from {S} where store_id = 'CA_2')"
WEEK = f"wm_yr_wk = (select min(wm_yr_wk) + {{}} from {P}) and store_id = 'CA_1'"
LATE = [f"d_{day}" for day in range(773, 801)]

RAW_M5 = (
    [f"delete from {table}" for table in (S, P, C)],
    [f"insert into {table} select * from {table}" for table in (S, P, C)],
    [
        f"update {S} set d_100 = null where {ONE_ID}",
        f"update {S} set d_101 = -3 where {ONE_ID}",
        f"update {S} set d_102 = 1000000 where {ONE_ID}",
        f"alter table {S} alter column d_103 type double",
        f"update {S} set d_103 = 0.5 where {ONE_ID}",
        f"update {S} set {', '.join(f'd_{day} = 0' for day in range(1, 300))}",
        f"update {S} set dept_id = null where {ONE_ID}",
        f"update {S} set state_id = 'ZZ' where {LAST_ID}",
        f"update {S} set cat_id = 'ELSE', id = 'no item' where {SOME_ID}",
        f"update {P} set item_id = null where {WEEK.format(0)}",
        f"update {P} set sell_price = null where {WEEK.format(1)}",
        f"update {P} set sell_price = 0 where {WEEK.format(2)}",
        f"update {P} set sell_price = 9999 where {WEEK.format(3)}",
        f"update {P} set wm_yr_wk = 19901 where {WEEK.format(4)}",
        f"update {C} set d = 'd_9999' where d = 'd_5'",
        f"update {C} set wday = wday % 7 + 1",
        f"update {C} set event_name_1 = 'Christmas', event_type_1 = null where d = 'd_6'",
        f"update {C} set wm_yr_wk = null where d = 'd_7'",
    ],
    [
        f"delete from {S} where store_id = 'CA_2' and dept_id = 'FOODS_3'",
        f"delete from {P} where item_id = (select min(item_id) from {P})",
        f"delete from {C} where d in ('d_100', 'd_200', 'd_300') or cast(substring(d, 3) as integer) > 803",
        f"update {S} set {', '.join(f'{day} = 0' for day in LATE)} where store_id = 'CA_1'",
        f"update {S} set {', '.join(f'{day} = 9 * {day} + 9' for day in LATE)} where store_id = 'CA_2'",
        f"update {C} set event_name_1 = 'Christmas', event_type_1 = 'National' where d = 'd_801'",
        f"update {C} set event_name_1 = 'Christmas', event_type_1 = 'National' where d = 'd_400'",
    ],
    [
        f"delete from {S} where store_id = 'CA_2'",
        f"create or replace table {S} as select * exclude ({', '.join(f'd_{day}' for day in range(50, 801))}) from {S}",
        *(f"alter table {table} rename column loaded_at to another" for table in (S, P, C)),
    ],
)

L, R = "raw_long.sales", "raw_long.regressors"
PAST_ONLY = "(select min(regressor) from raw_long.declared_regressors where availability = 'past_only')"

RAW_LONG = (
    [f"delete from {L}", f"alter table {R} rename column value to another"],
    [
        f"update {L} set item_id = null where date = (select min(date) from {L})",
        f"update {L} set units = null where date = (select min(date) + 1 from {L})",
        "delete from raw_long.items where item_id = (select max(item_id) from raw_long.items)",
        "delete from raw_long.stores where store_id = (select max(store_id) from raw_long.stores)",
        "insert into raw_long.items select * replace ('new' as item_id, 'ELSE' as category_id) from raw_long.items",
        f"insert into {R} select * from {R}",
        f"insert into {R} select * replace ('another' as regressor) from {R} limit 1",
        f"insert into {R} select * replace ({PAST_ONLY} as regressor, date '2099-01-01' as date) from {R} limit 1",
        "insert into raw_long.declared_regressors select * replace ('late' as regressor, 'past_only' as availability)"
        " from raw_long.declared_regressors limit 1",
        f"insert into {R} select * replace ('late' as regressor, date '2099-01-01' as date) from {R} limit 1",
    ],
    [
        f"delete from {L} where date > (select min(date) + 20 from {L})",
        f"alter table {L} rename column loaded_at to another",
    ],
)


def sweep(clean: Settings, zone: str, groups: Sequence[Sequence[str]]) -> tuple[set[str], set[str]]:
    """Apply each group of faults to a copy of the clean world.

    Returns:
        The checks of severity `error` that failed on none of them, and all of severity `error`.
    """
    failed: set[str] = set()
    expected: set[str] = set()
    for number, faults in enumerate(groups):
        home = clean.home.parent / f"broken_{clean.source}_{zone}_{number}"
        home.mkdir()
        for name in ("warehouse.duckdb", "prediction_store.sqlite"):
            (home / name).write_bytes((clean.home / name).read_bytes())
        with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
            for fault in faults:
                connection.execute(fault)
        results = run_zones(Settings(home=home, source=clean.source), zone).results
        failed |= {f"{r.dataset}.{r.expectation}" for r in results if not r.success}
        expected |= {f"{r.dataset}.{r.expectation}" for r in results if r.severity == "error"}
    return expected - failed, expected


def test_every_error_of_the_marts_can_happen(clean: Settings) -> None:
    never, checks = sweep(clean, "marts", (EMPTY, TWICE, WRONG_VALUES, MISSING, MOVED, RENAMED))
    assert len(checks) > 50
    assert never == set()


def test_18_05_every_error_of_the_raw_tables_can_happen(clean: Settings) -> None:
    never, checks = sweep(clean, "raw", RAW_M5)
    assert len(checks) > 35
    assert never == set()


def test_18_05_every_error_of_a_long_sources_raw_tables_can_happen(clean: Settings, tmp_path: Path) -> None:
    files, home = tmp_path / "files", tmp_path / "home"
    simulate_long(files, stores=2, items=8, days=400, seed=3)
    settings = Settings(home=home, source="long", data_dir=files)
    assert ingest_raw(settings).series > 8
    (home / "prediction_store.sqlite").write_bytes((clean.home / "prediction_store.sqlite").read_bytes())
    never, checks = sweep(settings, "raw", RAW_LONG)
    assert len(checks) > 10
    assert never == set()
