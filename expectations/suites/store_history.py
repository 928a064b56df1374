"""Recent sales beside the published forecasts."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH

NAME = "store_history"
RELATION = "sales_history"


def dataset(sql: Sql, runs: Sequence[str]) -> Dataset:
    """Checks of the sales history of the runs' stores."""
    of_runs = f"run_id in ({sql.texts(runs)})"
    by_series = f"""
        select store_id, item_id, count(*) as days, min(date) as first_date, max(date) as last_date
        from {RELATION}
        group by store_id, item_id
    """
    # A week is there by its first day.
    broken = f"days * step_days <> {sql.days_between('first_date', 'last_date')} + step_days"
    stale = f"{sql.days_between('last_date', 'origin')} >= step_days"
    # A launch within the horizon has no history yet.
    expected = f"""
        select series.store_id, series.item_id, runs.origin, runs.step_days
        from run_series as series
        inner join model_runs as runs on series.run_id = runs.run_id
        where series.{of_runs} and (series.launch_date is null or series.launch_date <= runs.origin)
    """
    series = f"""
        select expected.store_id, expected.item_id, expected.origin, expected.step_days,
            history.days, history.first_date, history.last_date
        from ({expected}) as expected
        left join ({by_series}) as history
            on expected.store_id = history.store_id and expected.item_id = history.item_id
    """
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per store, item and recent day (or week): units and price, for charts.",
        remedy=REPUBLISH,
        columns=("store_id", "item_id", "date", "units", "price"),
        profiles=(
            Profile(
                f"""
                select
                    count(distinct case when {stale} then store_id end) as stores_with_stale_history,
                    {sql.count_if("days is null")} as series_without_history,
                    {sql.count_if(broken)} as series_with_broken_days
                from ({series}) as series
                """,
                (
                    Measure("stores_with_stale_history", "Every store's history reaches its run's origin."),
                    Measure(
                        "series_without_history",
                        "Every series on sale has a history.",
                        f"select store_id, item_id from ({series}) as series where days is null",
                    ),
                    Measure(
                        "series_with_broken_days", "The history has every day (or week) between its first and its last."
                    ),
                ),
            ),
        ),
    )
