"""Core daily sales: a row an item, store and day on sale."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from datetime import date

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "core_daily_sales"
RELATION = "core.fct_daily_sales"

_DAY_ZERO = date(2010, 1, 1)


def dataset(sql: Sql) -> Dataset:
    """Checks of the daily sales."""
    outlier = parameter(NAME, "outlier_units")
    jump = parameter(NAME, "price_factor")
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item, store and day on sale: units, price and revenue.",
        remedy=REBUILD,
        columns=("item_id", "store_id", "date", "units", "price", "revenue", "is_price_carried"),
        profiles=(
            Profile(
                _values(sql, outlier),
                (
                    Measure("sales_rows", "There are sales."),
                    Measure("null_keys", "Every row names item, store and day."),
                    Measure(
                        "null_values",
                        "Units, price and revenue are known on every day on sale.",
                        _where("units is null or price is null or revenue is null"),
                    ),
                    Measure("negative_units", "Units are never negative.", _where("units < 0")),
                    Measure(
                        "outlier_units",
                        f"No series sells more than {outlier:g} units on a day.",
                        _where(f"units > {outlier}"),
                    ),
                    Measure("non_positive_prices", "Prices are above zero.", _where("price <= 0")),
                    Measure("wrong_revenue", "Revenue is units times price.", _where(_WRONG_REVENUE)),
                    Measure("share_of_carried_prices", "Few prices are carried over from an earlier week."),
                    Measure("stores_that_end_early", "Every store has sales up to the same last day."),
                    Measure("missing_store_days", "Every store has rows for every day between its first and its last."),
                ),
            ),
            Profile(
                _series(sql, jump),
                (
                    Measure(
                        "series_with_broken_days",
                        "Each series has exactly one row per day from its launch on.",
                        f"select item_id, store_id, days, first_date, last_date from ({_by_series(sql)}) as series "
                        f"where {_BROKEN}",
                    ),
                    Measure("series_of_other_dates", "Each series runs from its launch to the last day of sales."),
                    Measure("series_without_sales_rows", "Every series on sale has sales rows."),
                    Measure("series_unknown", "Every series with sales is known."),
                    Measure("series_with_price_spikes", f"No price is {jump:g} times the item's usual price."),
                ),
            ),
        ),
    )


_WRONG_REVENUE = "abs(revenue - units * price) > 0.005 + 0.000001 * abs(revenue)"

# Days 1..n have one count, one sum and one sum of squares; a repeat with a gap elsewhere keeps at most the first.
_BROKEN = (
    "days <> last_number - first_number + 1 or "
    "numbers * 2 <> days * (first_number + last_number) or "
    "squares * 6 <> last_number * (last_number + 1) * (2 * last_number + 1)"
    " - (first_number - 1) * first_number * (2 * first_number - 1)"
)


def _where(condition: str) -> str:
    return f"select item_id, store_id, date, units, price, revenue from {RELATION} where {condition}"


def _values(sql: Sql, outlier: float) -> str:
    by_day = f"""
        select store_id, date, count(*) as sales_rows,
            {sql.count_if("item_id is null or store_id is null or date is null")} as null_keys,
            {sql.count_if("units is null or price is null or revenue is null")} as null_values,
            {sql.count_if("units < 0")} as negative_units,
            {sql.count_if(f"units > {outlier}")} as outlier_units,
            {sql.count_if("price <= 0")} as non_positive_prices,
            {sql.count_if(_WRONG_REVENUE)} as wrong_revenue,
            {sql.count_if("is_price_carried = 1")} as carried_prices
        from {RELATION}
        group by store_id, date
    """
    by_store = f"""
        select store_id, sum(sales_rows) as sales_rows, sum(null_keys) as null_keys, sum(null_values) as null_values,
            sum(negative_units) as negative_units, sum(outlier_units) as outlier_units,
            sum(non_positive_prices) as non_positive_prices, sum(wrong_revenue) as wrong_revenue,
            sum(carried_prices) as carried_prices,
            {sql.days_between("min(date)", "max(date)")} + 1 - count(*) as missing_days,
            max(date) as last_date
        from ({by_day}) as days
        group by store_id
    """
    return f"""
        select
            sum(sales_rows) as sales_rows,
            sum(null_keys) as null_keys,
            sum(null_values) as null_values,
            sum(negative_units) as negative_units,
            sum(outlier_units) as outlier_units,
            sum(non_positive_prices) as non_positive_prices,
            sum(wrong_revenue) as wrong_revenue,
            {sql.ratio("sum(carried_prices)", "sum(sales_rows)")} as share_of_carried_prices,
            {sql.count_if("last_date <> latest")} as stores_that_end_early,
            sum(missing_days) as missing_store_days
        from (select stores.*, max(last_date) over () as latest from ({by_store}) as stores) as stores
    """


def _by_series(sql: Sql) -> str:
    number = f"cast({sql.days_between(sql.date(_DAY_ZERO), 'date')} as bigint)"
    return f"""
        select item_id, store_id, count(*) as days, min(date) as first_date, max(date) as last_date,
            min({number}) as first_number, max({number}) as last_number,
            sum({number}) as numbers, sum({number} * {number}) as squares,
            avg(price) as mean_price, max(price) as highest_price
        from {RELATION}
        group by item_id, store_id
    """


def _series(sql: Sql, jump: float) -> str:
    return f"""
        select
            {sql.count_if(f"days is not null and ({_BROKEN})")} as series_with_broken_days,
            {sql.count_if("first_date <> expected_first or last_date <> latest")} as series_of_other_dates,
            {sql.count_if("days is null and launch_date <= latest")} as series_without_sales_rows,
            {sql.count_if("launch_date is null")} as series_unknown,
            {sql.count_if(f"highest_price > {jump} * mean_price")} as series_with_price_spikes
        from (
            select sales.*, known.launch_date,
                case when known.launch_date > bounds.first_day then known.launch_date else bounds.first_day end
                    as expected_first,
                bounds.latest
            from ({_by_series(sql)}) as sales
            full outer join core.dim_series as known
                on sales.item_id = known.item_id and sales.store_id = known.store_id
            cross join (select min(date) as first_day, max(date) as latest from core.fct_node_sales) as bounds
        ) as compared
    """
