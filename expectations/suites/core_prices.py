"""Core prices: a row an item, store and week, coming weeks included."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "core_prices"
RELATION = "core.fct_prices"


def dataset(sql: Sql, horizon_days: int) -> Dataset:
    """Checks of the prices.

    Args:
        horizon_days: days after the last sale that a forecast needs.
    """
    by_series = f"""
        select item_id, store_id, count(*) as weeks, count(distinct week_id) as distinct_weeks,
            {sql.count_if("price is null or price <= 0")} as bad_prices,
            max(coalesce(coming.is_coming, 0)) as has_coming
        from {RELATION} as prices
        left join (
            select distinct week_id as coming_week, 1 as is_coming from core.dim_calendar
            where date > {_latest()} and date <= {sql.add_days(_latest(), horizon_days)}
        ) as coming
            on prices.week_id = coming.coming_week
        group by item_id, store_id
    """
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item, store and week with a known price.",
        remedy=REBUILD,
        columns=("item_id", "store_id", "week_id", "price"),
        profiles=(
            Profile(
                f"""
                select
                    sum(weeks - distinct_weeks) as repeated_weeks,
                    sum(bad_prices) as bad_prices,
                    {sql.ratio(sql.count_if("has_coming = 0"), "count(*)")} as share_without_coming_price,
                    (select count(*) from core.dim_series) - count(*) as series_without_price
                from ({by_series}) as series
                """,
                (
                    Measure("repeated_weeks", "An item has one price per store and week.", may_be_null=True),
                    Measure(
                        "bad_prices",
                        "Prices are known and above zero.",
                        f"select item_id, store_id, week_id, price from {RELATION} where price is null or price <= 0",
                        may_be_null=True,
                    ),
                    Measure("share_without_coming_price", "Nearly every series has a price in the days to forecast."),
                    Measure("series_without_price", "Every series has prices."),
                ),
            ),
        ),
    )


def _latest() -> str:
    return "(select max(date) from core.fct_node_sales)"
