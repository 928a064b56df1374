"""Backtest metrics of published runs."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH
from models_ml.forecasters.registry import BASELINE

NAME = "store_metrics"
RELATION = "run_metrics"


def dataset(sql: Sql, runs: Sequence[str]) -> Dataset:
    """Checks of the metrics of runs."""
    of_runs = f"run_id in ({sql.texts(runs)})"
    by_run = f"""
        select runs.run_id,
            count(metrics.value) as measured,
            max({sql.days_between("runs.origin", "metrics.fold")} + runs.horizon_days) as days_too_late,
            avg(case when metrics.metric = 'wrmsse' and metrics.level = 0 and metrics.model = runs.model
                then metrics.value end) as wrmsse,
            avg(case when metrics.metric = 'wrmsse' and metrics.level = 0 and metrics.model = '{BASELINE}'
                then metrics.value end) as baseline,
            avg(case when metrics.metric = 'coverage_95' and metrics.level = 12 and metrics.model = runs.model
                then metrics.value end) as coverage
        from model_runs as runs
        left join {RELATION} as metrics on runs.run_id = metrics.run_id
        where runs.{of_runs}
        group by runs.run_id
    """
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per run, fold, model, level and metric of the backtest.",
        remedy=REPUBLISH,
        columns=("run_id", "fold", "model", "level", "metric", "value"),
        profiles=(
            Profile(
                f"""
                select
                    {sql.count_if("measured = 0")} as runs_without_backtest,
                    {sql.count_if("days_too_late > 0")} as folds_from_the_future,
                    max({sql.ratio("wrmsse", "baseline")}) as wrmsse_against_baseline,
                    min(coverage) as lowest_coverage_95,
                    max(coverage) as highest_coverage_95
                from ({by_run}) as runs
                """,
                (
                    Measure("runs_without_backtest", "Every served run was backtested."),
                    Measure("folds_from_the_future", "Every fold's window ends by the run's origin."),
                    Measure(
                        "wrmsse_against_baseline",
                        "The model beats the seasonal naive forecast (ratio of their WRMSSE).",
                        may_be_null=True,
                    ),
                    Measure(
                        "lowest_coverage_95",
                        "About 95 % of sales fall within items' 95 % intervals.",
                        may_be_null=True,
                    ),
                    Measure("highest_coverage_95", "Items' 95 % intervals are not far too wide.", may_be_null=True),
                ),
            ),
        ),
    )
