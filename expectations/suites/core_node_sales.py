"""Core node sales: a row an aggregate node and day; here the level of sales is judged."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.served import ServedDepartment
from expectations.sql import Sql
from expectations.suites.core_series import served_rows
from expectations.suites.remedies import REBUILD

NAME = "core_node_sales"
RELATION = "core.fct_node_sales"
NODES = "core.dim_nodes"

_UNUSUAL = f"level < {parameter(NAME, 'unusual_below')} or level > {parameter(NAME, 'unusual_above')}"


def dataset(sql: Sql, served: Sequence[ServedDepartment]) -> Dataset:
    """Checks of the node sales.

    Args:
        served: what the stores in scope serve now.
    """
    recent = int(parameter(NAME, "recent_days"))
    before = int(parameter(NAME, "days_before"))
    profiles = [
        Profile(
            _values(sql),
            (
                Measure("missing_node_days", "Every node has every day from its first to the last."),
                Measure("repeated_node_days", "There is one row per node and day."),
                Measure("nodes_without_sales", "Every node has sales."),
                Measure("bad_values", "Units and revenue are known and not negative."),
            ),
        ),
        Profile(
            _coherence(),
            (
                Measure("largest_level_gap", "On every day, each of the nine levels sums to the total."),
                Measure("largest_total_gap", "On every day, the total is the sum of the items' sales."),
            ),
        ),
        Profile(
            _levels(sql, recent, before),
            (
                Measure(
                    "lowest_department_level",
                    f"No store's department collapses: last {recent} days against the {before} before.",
                    _nodes_beyond(sql, recent, before, f"level < {parameter(NAME, 'unusual_below')}"),
                    may_be_null=True,
                ),
                Measure(
                    "highest_department_level",
                    f"No store's department explodes: last {recent} days against the {before} before.",
                    _nodes_beyond(sql, recent, before, f"level > {parameter(NAME, 'unusual_above')}"),
                    may_be_null=True,
                ),
                Measure(
                    "unusual_departments",
                    f"No store's department is at an unusual level: last {recent} days against the {before} before.",
                    _nodes_beyond(sql, recent, before, _UNUSUAL),
                ),
                Measure(
                    "lowest_store_level",
                    f"No store collapses: last {recent} days against the {before} before.",
                    may_be_null=True,
                ),
                Measure(
                    "highest_store_level",
                    f"No store explodes: last {recent} days against the {before} before.",
                    may_be_null=True,
                ),
            ),
        ),
        Profile(
            _weekdays(sql, 2 * recent, before),
            (
                Measure(
                    "weekday_shift",
                    f"The week has its usual shape: largest change of a weekday's share in the last {2 * recent} days.",
                    may_be_null=True,
                ),
            ),
        ),
        Profile(
            _silence(sql),
            (
                Measure("silent_days_at_the_end", "No store's data ends in days without any sale.", may_be_null=True),
                Measure("share_of_silent_days", "A store sells something on nearly every day.", may_be_null=True),
            ),
        ),
    ]
    skipped: tuple[str, ...] = ()
    if served:
        profiles.append(_against_served(sql, served))
    else:
        skipped = ("largest_restatement is left out: nothing is served yet",)
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per aggregate node (levels 1 to 9) and day: units, revenue, series on sale.",
        remedy=REBUILD,
        columns=("node_id", "date", "units", "revenue", "series_on_sale"),
        profiles=tuple(profiles),
        skipped=skipped,
    )


def _values(sql: Sql) -> str:
    by_node = f"""
        select node_id, count(*) as days, count(distinct date) as distinct_days,
            min(date) as first_date, max(date) as last_date,
            {sql.count_if("units is null or units < 0 or revenue is null or revenue < 0")} as bad_values
        from {RELATION}
        group by node_id
    """
    latest = f"(select max(date) from {RELATION})"
    return f"""
        select
            sum({sql.days_between("first_date", latest)} + 1 - distinct_days) as missing_node_days,
            sum(days - distinct_days) as repeated_node_days,
            (select count(*) from {NODES} where node_id not in (select node_id from {RELATION})) as nodes_without_sales,
            sum(bad_values) as bad_values
        from ({by_node}) as nodes
    """


def _coherence() -> str:
    by_level = f"""
        select sales.date, nodes.level, sum(sales.units) as units
        from {RELATION} as sales
        inner join {NODES} as nodes on sales.node_id = nodes.node_id
        group by sales.date, nodes.level
    """
    by_date = f"""
        select date, min(units) as lowest, max(units) as highest, count(*) as levels,
            max(case when level = 1 then units end) as total
        from ({by_level}) as levels
        group by date
    """
    items = "select date, sum(units) as units from core.fct_daily_sales group by date"
    return f"""
        select
            max(case when levels < 9 then 1 else (highest - lowest) / (1 + highest) end) as largest_level_gap,
            max(abs(coalesce(total, 0) - coalesce(items.units, 0)) / (1 + coalesce(items.units, 0)))
                as largest_total_gap
        from ({by_date}) as nodes
        full outer join ({items}) as items on nodes.date = items.date
    """


def _level_by_node(sql: Sql, recent: int, before: int, level: int) -> str:
    """Recent daily units over the usual ones; a few units are added to both, since a tiny node jumps by chance."""
    ballast = parameter(NAME, "ballast_units")
    latest = f"(select max(date) from {RELATION})"
    split = sql.add_days(latest, -recent)
    begin = sql.add_days(latest, -recent - before)
    recent_units = f"case when sales.date > {split} then sales.units end"
    usual_units = f"case when sales.date <= {split} then sales.units end"
    return f"""
        select sales.node_id,
            {sql.ratio(f"{ballast} + avg({recent_units})", f"{ballast} + avg({usual_units})")} as level
        from {RELATION} as sales
        inner join {NODES} as nodes on sales.node_id = nodes.node_id and nodes.level = {level}
        where sales.date > {begin}
        group by sales.node_id
        having count(*) = {recent + before}
    """


def _nodes_beyond(sql: Sql, recent: int, before: int, condition: str) -> str:
    return f"select node_id, level from ({_level_by_node(sql, recent, before, 9)}) as nodes where {condition}"


def _levels(sql: Sql, recent: int, before: int) -> str:
    return f"""
        select
            departments.lowest as lowest_department_level, departments.highest as highest_department_level,
            departments.unusual as unusual_departments,
            stores.lowest as lowest_store_level, stores.highest as highest_store_level
        from (
            select min(level) as lowest, max(level) as highest, {sql.count_if(_UNUSUAL)} as unusual
            from ({_level_by_node(sql, recent, before, 9)}) as nodes
        ) as departments
        cross join (
            select min(level) as lowest, max(level) as highest from ({_level_by_node(sql, recent, before, 3)}) as nodes
        ) as stores
    """


def _weekdays(sql: Sql, recent: int, before: int) -> str:
    latest = f"(select max(date) from {RELATION})"
    split = sql.add_days(latest, -recent)
    days = f"""
        select calendar.weekday,
            sum(case when sales.date > {split} then sales.units end) as recent,
            sum(case when sales.date <= {split} then sales.units end) as usual,
            count(*) as days
        from {RELATION} as sales
        inner join core.dim_calendar as calendar on sales.date = calendar.date
        where sales.node_id = 'total' and sales.date > {sql.add_days(latest, -recent - before)}
        group by calendar.weekday
    """
    recent_share = sql.ratio("recent", "sum(recent) over ()")
    usual_share = sql.ratio("usual", "sum(usual) over ()")
    return f"""
        select
            case when sum(recent) >= {parameter(NAME, "weekday_units")} and sum(days) = {recent + before}
                then max(abs(recent_share - usual_share)) end as weekday_shift
        from (
            select recent, days, {recent_share} as recent_share, {usual_share} as usual_share from ({days}) as days
        ) as shares
    """


def _silence(sql: Sql) -> str:
    busy = parameter(NAME, "busy_store_units")
    silence = sql.days_between("last_sale", "last_date")
    stores = f"""
        select sales.node_id, max(sales.date) as last_date,
            case when avg(sales.units) >= {busy} then count(*) end as days,
            max(case when sales.units > 0 then sales.date end) as last_sale,
            case when avg(sales.units) >= {busy} then {sql.count_if("sales.units = 0")} end as silent
        from {RELATION} as sales
        inner join {NODES} as nodes on sales.node_id = nodes.node_id and nodes.level = 3
        group by sales.node_id
    """
    return f"""
        select
            max(case when days is not null then {silence} end) as silent_days_at_the_end,
            {sql.ratio("sum(silent)", "sum(days)")} as share_of_silent_days
        from ({stores}) as stores
    """


def _against_served(sql: Sql, served: Sequence[ServedDepartment]) -> Profile:
    compared = f"""
        select served.store_id, served.department_id, served.units as served, sum(sales.units) as now_known
        from ({served_rows(sql, served)}) as served
        inner join {NODES} as nodes
            on nodes.level = 9 and served.store_id = nodes.store_id and served.department_id = nodes.department_id
        inner join {RELATION} as sales
            on
                nodes.node_id = sales.node_id
                and sales.date <= served.origin
                and sales.date > {sql.add_days("served.origin", -28)}
        group by served.store_id, served.department_id, served.units
    """
    return Profile(
        f"""
        select max(abs(now_known - served) / (1 + served)) as largest_restatement from ({compared}) as compared
        """,
        (
            Measure(
                "largest_restatement",
                "Sales of the 28 days before the served forecasts have not been restated.",
                f"select store_id, department_id, served, now_known from ({compared}) as compared "
                "where abs(now_known - served) > 0.05 * (1 + served)",
                may_be_null=True,
            ),
        ),
    )
