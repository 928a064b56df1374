"""Raw M5 sales: a row a series, a column a day."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.sql import Sql
from models_ml.errors import WarehouseError
from models_ml.sources.m5.layout import ID_COLUMNS, SALES_FILE

NAME = "raw_sales"
RELATION = "raw_m5.sales_train_evaluation"


def dataset(engine: Engine, sql: Sql) -> Dataset:
    """Checks of the raw sales; the day columns are read from the table.

    Raises:
        WarehouseError: the raw tables are not there.
    """
    days = _day_columns(engine, sql)
    recent = int(parameter(NAME, "recent_days"))
    outlier = parameter(NAME, "outlier_units")
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item and store, one column per day: units sold.",
        remedy=f"Get {SALES_FILE} again and run `demand ingest`.",
        columns=(*ID_COLUMNS, *days, "loaded_at"),
        profiles=(
            Profile(
                _series(sql, len(days)),
                (
                    Measure("series", "There are series."),
                    Measure(
                        "repeated_series",
                        "There is one row per item and store.",
                        f"select item_id, store_id, count(*) as copies from {RELATION} "
                        "group by item_id, store_id having count(*) > 1",
                    ),
                    Measure("null_ids", "Every series names item, department, category, store and state."),
                    Measure(
                        "ids_that_disagree",
                        "The id begins with item and store.",
                        f"select id, item_id, store_id from {RELATION} where {_id_disagrees(sql)}",
                    ),
                    Measure("items_in_two_departments", "An item has one department and category everywhere."),
                    Measure("stores_in_two_states", "A store is in one state."),
                    Measure("absent_departments", "Every store has every department.", _absent_departments()),
                    Measure("days", "There is enough history to learn from."),
                    Measure("days_ahead", "The calendar extends past the last sale."),
                ),
            ),
            Profile(
                units_query(sql, days, recent, outlier),
                (
                    Measure("null_units", "Every day of every series has a number."),
                    Measure("negative_units", "Units are never negative.", _series_below_zero(days)),
                    Measure("fractional_units", "Units are whole."),
                    Measure("outlier_units", f"No series sells more than {outlier:g} units on a day."),
                    Measure("share_of_empty_days", "A store sells something on nearly every day.", may_be_null=True),
                    Measure(
                        "highest_christmas_level",
                        "Stores are closed on Christmas; sales then mean shifted days (share of a usual day).",
                        may_be_null=True,
                    ),
                    Measure(
                        "lowest_recent_level",
                        f"No store's last {recent} days collapse against the {12 * recent} before.",
                        may_be_null=True,
                    ),
                    Measure(
                        "highest_recent_level",
                        f"No store's last {recent} days explode against the {12 * recent} before.",
                        may_be_null=True,
                    ),
                ),
            ),
        ),
    )


def _series(sql: Sql, days: int) -> str:
    no_id = " or ".join(f"{column} is null" for column in ID_COLUMNS)
    moved_items = f"""
        select item_id from {RELATION} group by item_id
        having count(distinct dept_id) > 1 or count(distinct cat_id) > 1
    """
    moved_stores = f"select store_id from {RELATION} group by store_id having count(distinct state_id) > 1"
    return f"""
        select
            count(*) as series,
            count(*) - count(distinct {sql.concat("item_id", "'|'", "store_id")}) as repeated_series,
            {sql.count_if(no_id)} as null_ids,
            {sql.count_if(_id_disagrees(sql))} as ids_that_disagree,
            (select count(*) from ({moved_items}) as moved) as items_in_two_departments,
            (select count(*) from ({moved_stores}) as moved) as stores_in_two_states,
            (select count(*) from ({_absent_departments()}) as absent) as absent_departments,
            {days} as days,
            (select count(*) from raw_m5.calendar) - {days} as days_ahead
        from {RELATION}
    """


def units_query(sql: Sql, days: list[str], recent: int, outlier: float) -> str:
    """All measures of the cells. They are grouped by store and day first: one pass over them serves every measure."""
    cells = f"""
        select store_id, cast(substring(day, 3) as integer) as day_number,
            {sql.count_if("units is null")} as null_units,
            {sql.count_if("units < 0")} as negative_units,
            {sql.count_if("units <> floor(units)")} as fractional_units,
            {sql.count_if(f"units > {outlier}")} as outlier_units,
            sum({sql.double("units")}) as units
        from (select store_id, day, units from {sql.unpivot(RELATION, days, "day", "units")}) as cells
        group by store_id, day
    """
    last = f"day_number > {len(days) - recent}"
    ballast, busy = parameter(NAME, "ballast_units"), parameter(NAME, "busy_store_units")
    before = f"day_number between {len(days) - 13 * recent + 1} and {len(days) - recent}"
    level = sql.ratio(
        f"{ballast} + avg(case when {last} then units end)", f"{ballast} + avg(case when {before} then units end)"
    )
    if len(days) < 13 * recent:
        level = sql.double("null")
    closed = (
        "select cast(substring(d, 3) as integer) as closed_day from raw_m5.calendar where event_name_1 = 'Christmas'"
    )
    stores = f"""
        select
            sum(null_units) as null_units,
            sum(negative_units) as negative_units,
            sum(fractional_units) as fractional_units,
            sum(outlier_units) as outlier_units,
            case when avg(units) >= {busy} then count(*) end as days,
            case when avg(units) >= {busy} then {sql.count_if("units is null or units = 0")} end as empty_days,
            {level} as level,
            {sql.ratio("max(case when closed_day is not null then units end)", "avg(units)")} as christmas_level
        from ({cells}) as days
        left join ({closed}) as closed on days.day_number = closed.closed_day
        group by store_id
    """
    return f"""
        select
            sum(null_units) as null_units,
            sum(negative_units) as negative_units,
            sum(fractional_units) as fractional_units,
            sum(outlier_units) as outlier_units,
            {sql.ratio("sum(empty_days)", "sum(days)")} as share_of_empty_days,
            max(christmas_level) as highest_christmas_level,
            min(level) as lowest_recent_level,
            max(level) as highest_recent_level
        from ({stores}) as stores
    """


def _day_columns(engine: Engine, sql: Sql) -> list[str]:
    """The columns d_1, d_2, ... in the table's order."""
    with engine.connect() as connection:
        try:
            columns = list(connection.execute(text(sql.placed(f"select * from {RELATION} limit 0"))).keys())
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            raise WarehouseError(f"{RELATION} cannot be read ({reason}). Run `demand ingest`.") from None
    return [column for column in columns if column.startswith("d_")]


def _id_disagrees(sql: Sql) -> str:
    expected = sql.concat("item_id", "'_'", "store_id", "'_'")
    return f"substring(id, 1, length({expected})) <> {expected}"


def _series_below_zero(days: list[str]) -> str:
    return f"select item_id, store_id from {RELATION} where least({', '.join(days)}) < 0"


def _absent_departments() -> str:
    """Store and department pairs that other stores make one expect, and that have no series."""
    return f"""
        select stores.store_id, departments.dept_id
        from (select distinct store_id from {RELATION}) as stores
        cross join (select distinct dept_id from {RELATION}) as departments
        where not exists (
            select 1 from {RELATION} as sales
            where sales.store_id = stores.store_id and sales.dept_id = departments.dept_id
        )
    """
