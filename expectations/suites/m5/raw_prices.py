"""Raw M5 prices: a row an item, store and week on sale."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.sql import Sql
from expectations.suites.m5.raw_sales import RELATION as SALES
from models_ml.sources.m5.layout import PRICE_COLUMNS

NAME = "raw_prices"
RELATION = "raw_m5.sell_prices"


def dataset(sql: Sql) -> Dataset:
    """Checks of the raw prices."""
    jump = parameter(NAME, "jump_factor")
    values = f"""
        select
            count(*) as price_rows,
            {sql.count_if("store_id is null or item_id is null or wm_yr_wk is null")} as null_keys,
            {sql.count_if("sell_price is null")} as null_prices,
            {sql.count_if("sell_price <= 0")} as non_positive_prices,
            max({sql.double("sell_price")}) as highest_price
        from {RELATION}
    """
    # A price list has a row for each week, so one grouping by series finds repeats and jumps alike.
    series = f"""
        select
            coalesce(sum(weeks - distinct_weeks), 0) as repeated_prices,
            {sql.count_if(f"highest > {jump} * middle")} as series_with_spikes,
            {sql.ratio(sql.count_if(f"lowest * {jump} < middle"), "count(*)")} as share_near_zero,
            {sql.ratio(sql.count_if("weeks < last_week_rank"), "count(*)")} as share_with_gaps
        from ({_by_series(sql)}) as series
    """
    joins = f"""
        select
            {sql.count_if("sales.item_id is null")} as prices_without_sales,
            {sql.count_if("prices.item_id is null")} as series_without_price,
            count(distinct prices.store_id) - count(distinct sales.store_id) as stores_without_sales
        from (select distinct store_id, item_id from {RELATION}) as prices
        full outer join (select distinct store_id, item_id from {SALES}) as sales
            on prices.store_id = sales.store_id and prices.item_id = sales.item_id
    """
    weeks = f"""
        select
            {sql.count_if("calendar.wm_yr_wk is null")} as unknown_weeks,
            (
                select count(*) from (select distinct wm_yr_wk from raw_m5.calendar) as known
                where wm_yr_wk not in (select wm_yr_wk from {RELATION} where wm_yr_wk is not null)
            ) as weeks_without_price
        from (select distinct wm_yr_wk from {RELATION}) as prices
        left join (select distinct wm_yr_wk from raw_m5.calendar) as calendar
            on prices.wm_yr_wk = calendar.wm_yr_wk
    """
    missing = (
        f"select distinct store_id, item_id from {SALES} where not exists (select 1 from {RELATION} as prices "
        f"where prices.store_id = {SALES.split('.')[1]}.store_id and prices.item_id = {SALES.split('.')[1]}.item_id)"
    )
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item, store and week: the price at which it was, or will be, on sale.",
        remedy="Get sell_prices.csv again and run `demand ingest`.",
        columns=(*PRICE_COLUMNS, "loaded_at"),
        profiles=(
            Profile(
                values,
                (
                    Measure("price_rows", "There are prices."),
                    Measure("null_keys", "Every price names its store, item and week."),
                    Measure(
                        "null_prices",
                        "No price is empty.",
                        f"select store_id, item_id, wm_yr_wk from {RELATION} where sell_price is null",
                    ),
                    Measure(
                        "non_positive_prices",
                        "Prices are above zero.",
                        f"select * from {RELATION} where sell_price <= 0",
                    ),
                    Measure("highest_price", "No price is implausibly high."),
                ),
            ),
            Profile(
                series,
                (
                    Measure("repeated_prices", "An item has one price per store and week."),
                    Measure(
                        "series_with_spikes",
                        f"No price is {jump:g} times the item's usual price.",
                        f"select store_id, item_id, middle, highest from ({_by_series(sql)}) as series "
                        f"where highest > {jump} * middle",
                    ),
                    Measure("share_near_zero", f"Hardly any item falls to 1/{jump:g} of its usual price (clearance)."),
                    Measure("share_with_gaps", "Few items lose their price for weeks after launch."),
                ),
            ),
            Profile(
                joins,
                (
                    Measure("prices_without_sales", "Every priced item and store is in the sales."),
                    Measure("series_without_price", "Every series in the sales has a price.", missing),
                    Measure("stores_without_sales", "The sales have every store that the prices have."),
                ),
            ),
            Profile(
                weeks,
                (
                    Measure("unknown_weeks", "Every price is for a week of the calendar."),
                    Measure("weeks_without_price", "Prices reach to the end of the calendar, the days to forecast."),
                ),
            ),
        ),
    )


def _by_series(sql: Sql) -> str:
    middle = "percentile_approx(sell_price, 0.5)" if sql.dialect == "databricks" else "median(sell_price)"
    return f"""
        select store_id, item_id, count(*) as weeks, count(distinct wm_yr_wk) as distinct_weeks,
            min(sell_price) as lowest, {middle} as middle, max(sell_price) as highest,
            max(calendar.week_number) - min(calendar.week_number) + 1 as last_week_rank
        from {RELATION} as prices
        inner join (
            select wm_yr_wk as week_id, row_number() over (order by wm_yr_wk) as week_number
            from (select distinct wm_yr_wk from raw_m5.calendar) as weeks
        ) as calendar on prices.wm_yr_wk = calendar.week_id
        group by store_id, item_id
    """
