"""Series of published runs."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH

NAME = "store_series"
RELATION = "run_series"


def dataset(sql: Sql, runs: Sequence[str]) -> Dataset:
    """Checks of the series of runs."""
    of_runs = f"run_id in ({sql.texts(runs)})"
    absent = f"""
        select stores.run_id, stores.store_id, departments.department_id
        from (select distinct run_id, store_id from {RELATION} where {of_runs}) as stores
        inner join (select distinct run_id, department_id from {RELATION} where {of_runs}) as departments
            on stores.run_id = departments.run_id
        where not exists (
            select 1 from {RELATION} as series
            where
                series.run_id = stores.run_id
                and series.store_id = stores.store_id
                and series.department_id = departments.department_id
        )
    """
    history = f"""
        select series.run_id, series.store_id, series.units, sum(history.units) as history_units
        from (
            select rows_of_run.run_id, rows_of_run.store_id, runs.origin, sum(rows_of_run.units_last_28) as units
            from {RELATION} as rows_of_run
            inner join model_runs as runs on rows_of_run.run_id = runs.run_id
            where rows_of_run.{of_runs}
            group by rows_of_run.run_id, rows_of_run.store_id, runs.origin
        ) as series
        inner join sales_history as history
            on
                series.store_id = history.store_id
                and history.date <= series.origin
                and history.date > {sql.add_days("series.origin", -28)}
        group by series.run_id, series.store_id, series.units
    """
    dropped = f"""
        select now_served.store_id, now_served.department_id, before.series as before, now_served.series as now
        from ({_series_before(of_runs)}) as before
        left join (
            select run_id, store_id, department_id, count(*) as series from {RELATION} where {of_runs}
            group by run_id, store_id, department_id
        ) as now_served
            on
                before.run_id = now_served.run_id
                and before.store_id = now_served.store_id
                and before.department_id = now_served.department_id
    """
    lost = sql.ratio("case when coalesce(now, 0) < before then before - coalesce(now, 0) else 0 end", "before")
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per run, store and item that has forecasts.",
        remedy=REPUBLISH,
        columns=("run_id", "store_id", "item_id", "department_id", "price", "units_last_28"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) as series,
                    (select count(*) from ({absent}) as absent) as absent_departments,
                    {sql.ratio(sql.count_if("price is null"), "count(*)")} as share_without_price
                from {RELATION}
                where {of_runs}
                """,
                (
                    Measure("series", "The runs have series."),
                    Measure("absent_departments", "Every store of a run has every department.", absent),
                    Measure("share_without_price", "Nearly every series has a price.", may_be_null=True),
                ),
            ),
            Profile(
                f"""
                select max(abs(units - history_units) / (1 + history_units)) as largest_history_gap
                from ({history}) as compared
                """,
                (
                    Measure(
                        "largest_history_gap",
                        "A run's last 28 days agree with the sales history published with it.",
                        f"select run_id, store_id, units, history_units from ({history}) as compared "
                        "where abs(units - history_units) > 0.001 * (1 + history_units)",
                        may_be_null=True,
                    ),
                ),
            ),
            Profile(
                f"select max({lost}) as share_of_series_dropped from ({dropped}) as compared",
                (
                    Measure(
                        "share_of_series_dropped",
                        "No department has lost series since the run that was served before.",
                        f"select * from ({dropped}) as compared where coalesce(now, 0) < before",
                        may_be_null=True,
                    ),
                ),
            ),
        ),
    )


def _series_before(of_runs: str) -> str:
    """Series by department of the run that each store served before one of these runs, or still serves."""
    return f"""
        select moves.run_id, moves.store_id, series.department_id, count(*) as series
        from (
            select scope.run_id, scope.store_id,
                case when served.run_id = scope.run_id then latest.previous_run_id else served.run_id end
                    as run_before
            from (select distinct run_id, store_id from {RELATION} where {of_runs}) as scope
            inner join active_runs as served on scope.store_id = served.store_id
            left join (
                select store_id, previous_run_id from activations
                where id in (select max(id) from activations group by store_id)
            ) as latest on scope.store_id = latest.store_id
        ) as moves
        inner join {RELATION} as series
            on moves.run_before = series.run_id and moves.store_id = series.store_id
        group by moves.run_id, moves.store_id, series.department_id
    """
