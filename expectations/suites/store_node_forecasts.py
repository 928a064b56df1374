"""Forecasts of published runs at the aggregate nodes: a row a run, node and day."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH
from expectations.suites.store_forecasts import BAD_MEAN, CROSSED
from models_ml.settings import QUANTILE_COLUMNS

NAME = "store_node_forecasts"
RELATION = "node_forecasts"


def dataset(sql: Sql, runs: Sequence[str]) -> Dataset:
    """Checks of the node forecasts of runs."""
    of_runs = f"run_id in ({sql.texts(runs)})"
    by_node = f"""
        select run_id, node_id, count(*) as days, min(target_date) as first_date, max(target_date) as last_date,
            {sql.count_if(BAD_MEAN)} as bad_means, {sql.count_if(CROSSED)} as crossed
        from {RELATION}
        where {of_runs}
        group by run_id, node_id
    """
    nodes = f"""
        select nodes.run_id, nodes.node_id, runs.origin, runs.horizon_days, runs.step_days,
            made.days, made.first_date, made.last_date, made.bad_means, made.crossed
        from run_nodes as nodes
        inner join model_runs as runs on nodes.run_id = runs.run_id
        left join ({by_node}) as made on nodes.run_id = made.run_id and nodes.node_id = made.node_id
        where nodes.{of_runs}
    """
    wrong_days = (
        f"days is null or days * step_days <> horizon_days or {sql.days_between('origin', 'first_date')} <> 1"
        f" or {sql.days_between('origin', 'last_date')} <> horizon_days - step_days + 1"
    )
    by_level = f"""
        select made.run_id, made.target_date, nodes.level, sum(made.mean) as units
        from {RELATION} as made
        inner join run_nodes as nodes on made.run_id = nodes.run_id and made.node_id = nodes.node_id
        where made.{of_runs}
        group by made.run_id, made.target_date, nodes.level
    """
    by_date = f"""
        select run_id, target_date, min(units) as lowest, max(units) as highest
        from ({by_level}) as levels
        group by run_id, target_date
    """
    items = (
        f"select run_id, target_date, sum(mean) as units from forecasts where {of_runs} group by run_id, target_date"
    )
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per run, aggregate node and day to come: mean and nine quantiles.",
        remedy=REPUBLISH,
        columns=("run_id", "node_id", "target_date", "mean", *QUANTILE_COLUMNS),
        profiles=(
            Profile(
                f"""
                select
                    {sql.count_if(wrong_days)} as nodes_with_wrong_days,
                    coalesce(sum(bad_means), 0) as negative_or_missing_means,
                    coalesce(sum(crossed), 0) as crossed_quantiles
                from ({nodes}) as nodes
                """,
                (
                    Measure(
                        "nodes_with_wrong_days",
                        "Every node has each day (or week) of the horizon.",
                        f"select run_id, node_id, days from ({nodes}) as nodes where {wrong_days}",
                    ),
                    Measure("negative_or_missing_means", "Forecasts are known and not negative."),
                    Measure("crossed_quantiles", "Quantiles are at least 0 and do not cross."),
                ),
            ),
            Profile(
                f"""
                select
                    max((highest - lowest) / (1 + highest)) as largest_level_gap,
                    max(abs(highest - items.units) / (1 + items.units)) as largest_gap_to_items
                from ({by_date}) as dates
                left join ({items}) as items
                    on dates.run_id = items.run_id and dates.target_date = items.target_date
                """,
                (
                    Measure("largest_level_gap", "On every day, the levels sum to the same total.", may_be_null=True),
                    Measure(
                        "largest_gap_to_items", "On every day, the total is the sum of the items.", may_be_null=True
                    ),
                ),
            ),
        ),
    )
