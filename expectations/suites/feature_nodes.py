"""Node features: a row a node and day; a row knows that day and the days before, and nothing later."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "feature_nodes"
RELATION = "features.fct_node_features"


def dataset(sql: Sql) -> Dataset:
    """Checks of the node features."""
    again = f"""
        select features.node_id, features.as_of_date, features.units_mean_28 as stored, sales.expected, sales.days
        from {RELATION} as features
        inner join (
            select node_id, date,
                avg(units) over (partition by node_id order by date rows between 27 preceding and current row)
                    as expected,
                count(*) over (partition by node_id order by date rows between 27 preceding and current row) as days
            from core.fct_node_sales
        ) as sales on features.node_id = sales.node_id and features.as_of_date = sales.date
    """
    differs = "days = 28 and (stored is null or abs(stored - expected) > 0.001 * (1 + expected))"
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per aggregate node and as-of day: what is known at the end of that day.",
        remedy=REBUILD,
        columns=("node_id", "as_of_date", "units_mean_28"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) - count(distinct {sql.concat("node_id", "'|'", "cast(as_of_date as string)")})
                        as repeated_rows,
                    (select count(*) from core.fct_node_sales) - count(*) as missing_rows,
                    {sql.count_if("units_mean_28 < 0")} as impossible_features,
                    {sql.days_between("max(as_of_date)", "max(latest)")} as days_behind
                from {RELATION}
                cross join (select max(date) as latest from core.fct_node_sales) as bounds
                """,
                (
                    Measure("repeated_rows", "There is one row per node and day."),
                    Measure("missing_rows", "Exactly the nodes and days with sales have features."),
                    Measure("impossible_features", "Means are not negative."),
                    Measure("days_behind", "The features reach to the last day of sales, and not past it."),
                ),
            ),
            Profile(
                f"select {sql.count_if(differs)} as means_that_differ from ({again}) as again",
                (
                    Measure(
                        "means_that_differ",
                        "Trailing means match the sales up to the as-of day: no look-ahead, no lost day.",
                        f"select node_id, as_of_date, stored, expected from ({again}) as again where {differs}",
                    ),
                ),
            ),
        ),
    )
