"""Core series: a row an item and store."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile
from expectations.served import ServedDepartment
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "core_series"
RELATION = "core.dim_series"


def dataset(sql: Sql, served: Sequence[ServedDepartment]) -> Dataset:
    """Checks of the series.

    Args:
        served: what the stores in scope serve now.
    """
    ids = ("item_id", "store_id", "department_id", "category_id", "region_id", "launch_date")
    no_id = " or ".join(f"{column} is null" for column in ids)
    absent = f"""
        select stores.store_id, departments.department_id
        from (select distinct store_id from {RELATION}) as stores
        cross join (select distinct department_id from {RELATION}) as departments
        where not exists (
            select 1 from {RELATION} as series
            where series.store_id = stores.store_id and series.department_id = departments.department_id
        )
    """
    orphans = f"""
        select series.item_id, series.store_id
        from {RELATION} as series
        left join core.dim_items as items
            on series.item_id = items.item_id and series.department_id = items.department_id
        left join core.dim_stores as stores
            on series.store_id = stores.store_id and series.region_id = stores.region_id
        where items.item_id is null or stores.store_id is null
    """
    profiles = [
        Profile(
            f"""
            select
                count(*) as series,
                count(*) - count(distinct {sql.concat("item_id", "'|'", "store_id")}) as repeated_series,
                {sql.count_if(no_id)} as null_ids,
                (select count(*) from ({orphans}) as orphans) as orphan_series,
                (select count(*) from ({absent}) as absent) as absent_departments,
                {sql.count_if("first_sale_date < launch_date")} as sales_before_launch,
                {sql.ratio(sql.count_if("first_sale_date is null"), "count(*)")} as share_never_sold,
                {sql.count_if("last_date <> (select max(date) from core.fct_node_sales)")} as wrong_last_dates
            from {RELATION}
            """,
            (
                Measure("series", "There are series."),
                Measure(
                    "repeated_series",
                    "There is one row per item and store.",
                    f"select item_id, store_id, count(*) as copies from {RELATION} "
                    "group by item_id, store_id having count(*) > 1",
                ),
                Measure("null_ids", "Every series has its ids and a launch date."),
                Measure(
                    "orphan_series",
                    "Every series has a known item and store, with the same department and region.",
                    orphans,
                ),
                Measure("absent_departments", "Every store has every department.", absent),
                Measure("sales_before_launch", "Nothing is sold before its launch."),
                Measure("share_never_sold", "Few series have never sold."),
                Measure("wrong_last_dates", "The series end on the last day of sales."),
            ),
        )
    ]
    skipped: tuple[str, ...] = ()
    if served:
        profiles.append(_against_served(sql, served))
    else:
        skipped = ("share_of_served_series_lost is left out: nothing is served yet",)
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item and store, with its departments and dates.",
        remedy=REBUILD,
        columns=(*ids, "store_department_id", "first_sale_date", "last_date"),
        profiles=tuple(profiles),
        skipped=skipped,
    )


def served_rows(sql: Sql, served: Sequence[ServedDepartment]) -> str:
    """The served departments as a query."""
    return " union all ".join(
        f"select {sql.text(one.store_id)} as store_id, {sql.text(one.department_id)} as department_id, "
        f"{one.series} as series, {sql.double(repr(one.units_last_28))} as units, {sql.date(one.origin)} as origin"
        for one in served
    )


def _against_served(sql: Sql, served: Sequence[ServedDepartment]) -> Profile:
    # A store that the data lacks keeps its run and is a check of its own (core_stores).
    compared = f"""
        select served.store_id, served.department_id, served.series as served,
            coalesce(now_known.series, 0) as now_known
        from ({served_rows(sql, served)}) as served
        left join (
            select store_id, department_id, count(*) as series from {RELATION} group by store_id, department_id
        ) as now_known
            on served.store_id = now_known.store_id and served.department_id = now_known.department_id
        where served.store_id in (select store_id from {RELATION})
    """
    lost = sql.ratio("case when served > now_known then served - now_known else 0 end", "served")
    return Profile(
        f"select max({lost}) as share_of_served_series_lost from ({compared}) as compared",
        (
            Measure(
                "share_of_served_series_lost",
                "No department loses series that are served now. If this is intended, use another DEMAND_HOME.",
                f"select store_id, department_id, served, now_known from ({compared}) as compared "
                "where now_known < served",
                may_be_null=True,
            ),
        ),
    )
