"""Series features: a row a series and as-of day; a row knows that day and the days before, and nothing later."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "feature_series"
RELATION = "features.fct_series_features"


def dataset(sql: Sql) -> Dataset:
    """Checks of the series features."""
    back = int(parameter(NAME, "recomputed_days_back"))
    by_day = f"""
        select as_of_date, count(*) as feature_rows,
            count(distinct {sql.concat("item_id", "'|'", "store_id")}) as series,
            {sql.count_if("units_mean_28 is null or days_on_sale is null")} as null_features,
            {sql.count_if("units_mean_28 < 0 or days_on_sale < 1")} as impossible_features
        from {RELATION}
        group by as_of_date
    """
    # Sundays, and the last sale day with days whole weeks before it.
    off_grid = (
        f"{sql.days_between(_A_SUNDAY, 'as_of_date')} % 7 <> 0 and {sql.days_between('as_of_date', _LATEST)} % 7 <> 0"
    )
    days = f"""
        select
            count(*) as as_of_days,
            sum(feature_rows - series) as repeated_rows,
            sum(null_features) as null_features,
            sum(impossible_features) as impossible_features,
            {sql.days_between("max(as_of_date)", _LATEST)} as days_behind,
            {sql.count_if(f"as_of_date > {_LATEST}")} as days_from_the_future,
            {sql.count_if(off_grid)} as days_off_the_grid,
            (
                (select count(*) from core.dim_series where launch_date <= {_LATEST})
                - max(case when as_of_date = {_LATEST} then series else 0 end)
            ) as series_without_features
        from ({by_day}) as days
    """
    # Two days are computed again from the sales themselves: the last, and one well before it.
    earlier = sql.add_days(_LATEST, -back)
    days_meant = "case when features.days_on_sale < 28 then features.days_on_sale else 28 end"
    again = f"""
        select features.item_id, features.store_id, features.as_of_date, features.units_mean_28 as stored,
            {sql.ratio("coalesce(sales.units, 0)", days_meant)} as expected
        from {RELATION} as features
        left join (
            select item_id, store_id, as_of_date, sum(units) as units
            from (
                select item_id, store_id, units,
                    case when date > {sql.add_days(_LATEST, -28)} then {_LATEST} else {earlier} end as as_of_date
                from core.fct_daily_sales
                where
                    date > {sql.add_days(_LATEST, -28)}
                    or (date <= {earlier} and date > {sql.add_days(_LATEST, -back - 28)})
            ) as windows
            group by item_id, store_id, as_of_date
        ) as sales
            on
                features.item_id = sales.item_id
                and features.store_id = sales.store_id
                and features.as_of_date = sales.as_of_date
        where features.as_of_date in ({_LATEST}, {earlier})
    """
    differs = "stored is null or abs(stored - expected) > 0.001 * (1 + expected)"
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item, store and as-of day: what is known at the end of that day.",
        remedy=REBUILD,
        columns=("item_id", "store_id", "as_of_date", "days_on_sale", "units_mean_28"),
        profiles=(
            Profile(
                days,
                (
                    Measure("as_of_days", "There are features."),
                    Measure("repeated_rows", "There is one row per series and as-of day."),
                    Measure("null_features", "Recent means are known on every as-of day."),
                    Measure("impossible_features", "Means are not negative, and a series has been on sale."),
                    Measure("days_behind", "The features reach to the last day of sales."),
                    Measure("days_from_the_future", "No feature row is dated after the last sale."),
                    Measure("days_off_the_grid", "As-of days are Sundays, or whole weeks before the last day."),
                    Measure("series_without_features", "Every series on sale has features on the last day."),
                ),
            ),
            Profile(
                f"select {sql.count_if(differs)} as means_that_differ from ({again}) as again",
                (
                    Measure(
                        "means_that_differ",
                        "Trailing means match the sales up to the as-of day: no look-ahead, no lost day.",
                        f"select item_id, store_id, as_of_date, stored, expected from ({again}) as again "
                        f"where {differs}",
                    ),
                ),
            ),
        ),
    )


_LATEST = "(select max(date) from core.fct_node_sales)"
_A_SUNDAY = "date '1970-01-04'"
