"""Raw tables of the long source: sales by date, store and item, and the columns that were declared."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql

SALES = "raw_long.sales"
REGRESSORS = "raw_long.regressors"
_REMEDY = "Correct the table or source.yml (`demand check` names rows) and run `demand ingest`."


def sales(sql: Sql) -> Dataset:
    """Checks of the sales and of the items and stores that they name."""
    unknown = "select distinct {0}_id from {1} where {0}_id not in (select {0}_id from raw_long.{0}s)"
    moved = "select department_id from raw_long.items group by department_id having count(distinct category_id) > 1"
    ends = f"select store_id, max(date) as last_date from {SALES} group by store_id"
    early = f"select store_id, last_date from ({ends}) as ends where last_date < (select max(date) from {SALES})"
    return Dataset(
        name="raw_long_sales",
        relation=SALES,
        about="One row per date, store and item with units.",
        remedy=_REMEDY,
        columns=("date", "store_id", "item_id", "units", "price", "is_stockout", "loaded_at"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) as sales_rows,
                    count(distinct {sql.concat("item_id", "'|'", "store_id")}) as series,
                    {sql.count_if("date is null or store_id is null or item_id is null")} as null_keys,
                    {sql.count_if("units is null")} as null_units,
                    (select count(*) from ({unknown.format("item", SALES)}) as lost) as items_unknown,
                    (select count(*) from ({unknown.format("store", SALES)}) as lost) as stores_unknown,
                    (select count(*) from ({moved}) as moved) as departments_in_two_categories,
                    {sql.ratio(sql.count_if("units < 0"), "count(*)")} as negative_share,
                    {sql.ratio(sql.count_if("is_stockout = 1"), "count(*)")} as stockout_share,
                    (select count(*) from ({early}) as early) as stores_that_end_early,
                    {sql.days_between("min(date)", "max(date)")} + 1 as days
                from {SALES}
                """,
                (
                    Measure("sales_rows", "There are sales."),
                    Measure("series", "There are series."),
                    Measure("null_keys", "Every row names date, store and item."),
                    Measure("null_units", "Every row has units."),
                    Measure("items_unknown", "Every item has its attributes.", unknown.format("item", SALES)),
                    Measure("stores_unknown", "Every store has its attributes.", unknown.format("store", SALES)),
                    Measure("departments_in_two_categories", "A department is in one category.", moved),
                    Measure("negative_share", "Few rows are returns."),
                    Measure("stockout_share", "Few days are stock-outs."),
                    Measure("stores_that_end_early", "Every store has sales up to the last day.", early),
                    Measure("days", "There is enough history to learn from."),
                ),
            ),
        ),
    )


def regressors(sql: Sql) -> Dataset:
    """Checks of the declared columns."""
    undeclared = "regressor not in (select regressor from raw_long.declared_regressors)"
    past_only = "regressor in (select regressor from raw_long.declared_regressors where availability = 'past_only')"
    ahead = f"{past_only} and date > (select max(date) from {SALES})"
    keys = "date, store_id, item_id, regressor"
    return Dataset(
        name="raw_long_regressors",
        relation=REGRESSORS,
        about="One row per date, store, item and declared column whose value is not zero.",
        remedy=_REMEDY,
        columns=("date", "store_id", "item_id", "regressor", "value"),
        profiles=(
            Profile(
                f"""
                select
                    {sql.count_if(undeclared)} as undeclared_rows,
                    {sql.count_if(ahead)} as past_only_rows_ahead,
                    (
                        select count(*) from (select {keys} from {REGRESSORS} group by {keys} having count(*) > 1)
                        as repeated
                    ) as repeated_rows
                from {REGRESSORS}
                """,
                (
                    Measure("undeclared_rows", "Every column is declared.", may_be_null=True),
                    Measure("past_only_rows_ahead", "A past-only column has no future days.", may_be_null=True),
                    Measure("repeated_rows", "A column has one value per series and day."),
                ),
            ),
        ),
    )
