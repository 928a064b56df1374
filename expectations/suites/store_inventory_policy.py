"""Ordering policies of published runs."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH
from models_ml.inventory.terms import BOUNDS

NAME = "store_inventory_policy"
RELATION = "inventory_policy"
PROTECTION = "(lead_time_days + review_period_days)"


def dataset(sql: Sql, runs: Sequence[str]) -> Dataset:
    """Checks of the ordering policies of runs."""
    of_runs = f"run_id in ({sql.texts(runs)})"
    policies = f"""
        select policies.*, runs.horizon_days
        from {RELATION} as policies
        inner join model_runs as runs on policies.run_id = runs.run_id
        where policies.{of_runs}
    """
    uncovered = f"""
        select series.run_id, series.store_id, series.item_id
        from run_series as series
        left join {RELATION} as policies
            on
                series.run_id = policies.run_id
                and series.store_id = policies.store_id
                and series.item_id = policies.item_id
        where series.{of_runs} and policies.run_id is null
    """
    bad_terms = " or ".join(f"not ({term} between {low} and {high})" for term, (low, high) in BOUNDS.items())
    bad_terms = f"{bad_terms} or {PROTECTION} > horizon_days"
    bad_levels = "reorder_point < 0 or order_up_to < reorder_point or mean_stock < 0 or mean_stock > order_up_to"
    bad_safety = "abs(order_up_to - expected_demand - safety_stock) > 0.001"
    bad_demand = "expected_demand < 0 or expected_short < 0 or expected_short > expected_demand * 1.001 + 0.001"
    bad_cover = (
        f"abs(days_of_cover * expected_demand - order_up_to * {sql.double(PROTECTION)})"
        f" > 0.001 * (1 + order_up_to * {sql.double(PROTECTION)})"
        " and expected_demand > 0"
    )
    least = f"expected_demand >= {parameter(NAME, 'sold_often_units')} and service_level >= 0.8"
    # Of a day (or week) as much as the protection interval has of it.
    part = f"{PROTECTION} - {sql.days_between('runs.origin', 'made.target_date')} + 1"
    demand = f"""
        select policies.run_id, policies.store_id, series.department_id, policies.item_id, policies.expected_demand,
            sum(made.mean * case when {part} >= runs.step_days then 1 else {sql.ratio(part, "runs.step_days")} end)
                as forecast_units
        from {RELATION} as policies
        inner join model_runs as runs on policies.run_id = runs.run_id
        inner join run_series as series
            on
                policies.run_id = series.run_id
                and policies.store_id = series.store_id
                and policies.item_id = series.item_id
        inner join forecasts as made
            on
                policies.run_id = made.run_id
                and policies.store_id = made.store_id
                and policies.item_id = made.item_id
        where policies.{of_runs} and {part} > 0
        group by policies.run_id, policies.store_id, series.department_id, policies.item_id, policies.expected_demand
    """
    by_department = f"""
        select run_id, store_id, department_id,
            sum(expected_demand) as expected_demand, sum(forecast_units) as forecast_units
        from ({demand}) as demand
        group by run_id, store_id, department_id
    """
    gap = "abs(expected_demand - forecast_units) / (1 + forecast_units)"
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per run, store and item: what to order up to, and when.",
        remedy=REPUBLISH,
        columns=(
            *("run_id", "store_id", "item_id", *BOUNDS, "expected_demand", "safety_stock", "reorder_point"),
            *("order_up_to", "expected_short", "days_of_cover", "mean_stock"),
        ),
        profiles=(
            Profile(
                f"""
                select {sql.ratio(f"(select count(*) from ({uncovered}) as uncovered)", "count(*)")}
                    as share_without_policy
                from run_series
                where {of_runs}
                """,
                (
                    Measure(
                        "share_without_policy",
                        "Every series has a policy, unless its lead time and review period outlast the forecast.",
                        uncovered,
                    ),
                ),
            ),
            Profile(
                f"""
                select
                    {sql.count_if(bad_terms)} as terms_out_of_bounds,
                    {sql.count_if(bad_levels)} as impossible_levels,
                    {sql.count_if(bad_safety)} as wrong_safety_stocks,
                    {sql.count_if(bad_demand)} as impossible_shortages,
                    {sql.count_if(bad_cover)} as wrong_days_of_cover,
                    {sql.ratio(sql.count_if(f"{least} and safety_stock < 0"), sql.count_if(least))}
                        as share_without_safety_stock
                from ({policies}) as policies
                """,
                (
                    Measure(
                        "terms_out_of_bounds",
                        "Lead times, review periods, service levels and costs are within their bounds and the horizon.",
                        f"select * from ({policies}) as policies where {bad_terms}",
                    ),
                    Measure(
                        "impossible_levels",
                        "The reorder point is at most the order-up-to level; mean stock lies between 0 and that level.",
                        f"select * from ({policies}) as policies where {bad_levels}",
                    ),
                    Measure(
                        "wrong_safety_stocks",
                        "Safety stock is the order-up-to level minus expected demand.",
                        f"select * from ({policies}) as policies where {bad_safety}",
                    ),
                    Measure(
                        "impossible_shortages",
                        "Expected shortage does not exceed expected demand.",
                        f"select * from ({policies}) as policies where {bad_demand}",
                    ),
                    Measure(
                        "wrong_days_of_cover",
                        "Days of cover are the order-up-to level over expected daily demand.",
                        f"select * from ({policies}) as policies where {bad_cover}",
                    ),
                    # What sells less than a unit an interval may be held below its mean, and yet mostly be there.
                    Measure(
                        "share_without_safety_stock",
                        "Fast movers with a high service level have safety stock.",
                        f"select * from ({policies}) as policies where {least} and safety_stock < 0",
                        may_be_null=True,
                    ),
                ),
            ),
            Profile(
                f"select max({gap}) as largest_gap_to_forecasts from ({by_department}) as departments",
                (
                    Measure(
                        "largest_gap_to_forecasts",
                        "By store and department, expected demand equals the forecast of the protection interval.",
                        f"select * from ({by_department}) as departments where {gap} > 0.02",
                        may_be_null=True,
                    ),
                ),
            ),
        ),
    )
