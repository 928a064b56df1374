"""Published runs and the pointers of what is served."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH

NAME = "store_runs"
RELATION = "model_runs"


def dataset(sql: Sql, runs: Sequence[str], last_sale_day: date | None) -> Dataset:
    """Checks of runs.

    Args:
        runs: the runs to check.
        last_sale_day: last day of sales in the warehouse; None if that does not matter or cannot be read.
    """
    today = sql.date(datetime.now(UTC).date())
    published = "published_at" if sql.dialect == "mssql" else "date(published_at)"
    listed = sql.texts(runs)
    freshness = ""
    fresh: tuple[Measure, ...] = ()
    skipped: tuple[str, ...] = ()
    if last_sale_day is None:
        skipped = ("days_of_newer_sales is left out: the warehouse cannot be read, or the origin was asked for",)
    else:
        newer = sql.days_between("origin", sql.date(last_sale_day))
        freshness = f", max({newer}) as days_of_newer_sales, max({newer} - horizon_days) as days_past_the_horizon"
        fresh = (
            Measure(
                "days_of_newer_sales", "The forecasts are based on the newest sales in the warehouse.", may_be_null=True
            ),
            Measure(
                "days_past_the_horizon", "The forecasts are for days whose sales are not known yet.", may_be_null=True
            ),
        )
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per run: its model, data, state and counts.",
        remedy=REPUBLISH,
        columns=("run_id", "model", "origin", "horizon_days", "status", "checksum", "series_count", "forecast_rows"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) as runs,
                    {sql.count_if("status <> 'published' or checksum is null or published_at is null")}
                        as unpublished_runs,
                    {sql.count_if("forecast_rows * step_days <> series_count * horizon_days")}
                        as runs_with_wrong_counts,
                    (
                        select count(*) from active_runs as pointers
                        left join model_runs as pointed
                            on pointers.run_id = pointed.run_id and pointed.status = 'published'
                        where pointed.run_id is null
                    ) as dangling_pointers,
                    (
                        select count(*) from active_runs as pointers
                        where not exists (
                            select 1 from run_series as series
                            where series.run_id = pointers.run_id and series.store_id = pointers.store_id
                        )
                    ) as pointers_out_of_scope,
                    max({sql.days_between(published, today)}) as days_since_publish{freshness}
                from {RELATION}
                where run_id in ({listed})
                """,
                (
                    Measure("runs", "Forecasts are served."),
                    Measure("unpublished_runs", "Every served run was published completely, with a checksum."),
                    Measure("runs_with_wrong_counts", "A run has a forecast for each series and day (or week)."),
                    Measure("dangling_pointers", "Every store's pointer names a published run."),
                    Measure("pointers_out_of_scope", "Every store's pointer names a run that has its series."),
                    Measure("days_since_publish", "The served runs were published recently.", may_be_null=True),
                    *fresh,
                ),
            ),
        ),
        skipped=skipped,
    )
