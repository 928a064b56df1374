"""Forecasts of published runs: a row a run, store, item and day, or week of weekly sales."""

# ruff: noqa: S608 - queries are made of this package's own names and of run ids, which are written as literals
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from expectations.checks import Dataset, Measure, Profile, parameter
from expectations.sql import Sql
from expectations.suites.remedies import REPUBLISH
from models_ml.settings import QUANTILE_COLUMNS

NAME = "store_forecasts"
RELATION = "forecasts"

CROSSED = f"{QUANTILE_COLUMNS[0]} < 0 or " + " or ".join(f"{low} > {high}" for low, high in pairwise(QUANTILE_COLUMNS))
INCOMPLETE = " or ".join(f"{column} is null" for column in QUANTILE_COLUMNS)
BAD_MEAN = "mean is null or mean < 0"


def dataset(sql: Sql, runs: Sequence[str]) -> Dataset:
    """Checks of the item forecasts of runs."""
    of_runs = f"run_id in ({sql.texts(runs)})"
    ballast, factor = parameter(NAME, "ballast_units"), parameter(NAME, "explosion_factor")
    # One pass over the forecasts; what follows reads a row a series.
    by_series = f"""
        select run_id, store_id, item_id, count(*) as days,
            min(target_date) as first_date, max(target_date) as last_date,
            sum(mean) as units,
            {sql.count_if(BAD_MEAN)} as bad_means,
            {sql.count_if(CROSSED)} as crossed,
            {sql.count_if(INCOMPLETE)} as incomplete,
            {sql.count_if(f"mean > {QUANTILE_COLUMNS[-1]}")} as above
        from {RELATION}
        where {of_runs}
        group by run_id, store_id, item_id
    """
    series = f"""
        select
            series.run_id, series.store_id, series.item_id, series.department_id, series.units_last_28,
            runs.horizon_days, runs.step_days, runs.origin,
            made.days, made.first_date, made.last_date, made.units / runs.horizon_days as daily_mean,
            made.bad_means, made.crossed, made.incomplete, made.above
        from run_series as series
        inner join model_runs as runs on series.run_id = runs.run_id
        left join ({by_series}) as made
            on series.run_id = made.run_id and series.store_id = made.store_id and series.item_id = made.item_id
        where series.{of_runs}
    """
    wrong_days = (
        f"days * step_days <> horizon_days or {sql.days_between('origin', 'first_date')} <> 1"
        f" or {sql.days_between('origin', 'last_date')} <> horizon_days - step_days + 1"
    )
    # One horizon's sales that come to many times the recent ones; new items have little behind them to compare.
    explodes = f"daily_mean > {factor} * ({ballast} + units_last_28 / 28.0)"
    departments = f"""
        select run_id, store_id, department_id,
            {sql.ratio(f"{ballast} + sum(coalesce(daily_mean, 0))", f"{ballast} + sum(units_last_28) / 28.0")} as level
        from ({series}) as series
        group by run_id, store_id, department_id
    """
    total_days = "sum(coalesce(days, 0))"
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per run, store, item and day to come: mean and nine quantiles.",
        remedy=REPUBLISH,
        columns=("run_id", "store_id", "item_id", "target_date", "mean", *QUANTILE_COLUMNS),
        profiles=(
            Profile(
                f"""
                select
                    {sql.ratio(sql.count_if("days is null"), "count(*)")} as share_without_forecast,
                    {sql.count_if(wrong_days)} as series_with_wrong_days,
                    (select count(*) from {RELATION} where {of_runs}) - {total_days} as forecasts_of_no_series,
                    sum(bad_means) as negative_or_missing_means,
                    sum(crossed) as crossed_quantiles,
                    {sql.ratio("sum(incomplete)", total_days)} as share_without_quantiles,
                    {sql.ratio("sum(above)", total_days)} as share_of_means_above_quantiles,
                    {sql.ratio(sql.count_if("daily_mean = 0"), "count(*)")} as share_of_zero_series,
                    {sql.ratio(sql.count_if(explodes), "count(*)")} as share_of_exploding_series
                from ({series}) as series
                """,
                (
                    Measure(
                        "share_without_forecast",
                        "Every series has a forecast.",
                        f"select run_id, store_id, item_id from ({series}) as series where days is null",
                    ),
                    Measure(
                        "series_with_wrong_days",
                        "Every series has each day (or week) of the horizon.",
                        f"select run_id, store_id, item_id, days, first_date, last_date from ({series}) as series "
                        f"where {wrong_days}",
                    ),
                    Measure("forecasts_of_no_series", "No forecast is of a series that the run does not have."),
                    Measure(
                        "negative_or_missing_means",
                        "Forecasts are known and not negative.",
                        f"select store_id, item_id, target_date, mean from {RELATION} where {of_runs} and ({BAD_MEAN})",
                    ),
                    Measure(
                        "crossed_quantiles",
                        "Quantiles are at least 0 and do not cross.",
                        f"select store_id, item_id, target_date from {RELATION} where {of_runs} and ({CROSSED})",
                    ),
                    Measure("share_without_quantiles", "Every forecast has its nine quantiles."),
                    Measure("share_of_means_above_quantiles", "Hardly any mean is above the highest quantile."),
                    Measure("share_of_zero_series", "Few series are forecast to sell nothing at all."),
                    Measure(
                        "share_of_exploding_series",
                        f"Hardly any series is forecast at {factor:g} times its recent sales.",
                        f"select store_id, item_id, daily_mean, units_last_28 from ({series}) as series "
                        f"where {explodes}",
                    ),
                ),
            ),
            Profile(
                f"""
                select min(level) as lowest_department_level, max(level) as highest_department_level
                from ({departments}) as departments
                """,
                (
                    Measure(
                        "lowest_department_level",
                        "No store's department is forecast far below its last 28 days.",
                        f"select store_id, department_id, level from ({departments}) as departments where level < 0.6",
                    ),
                    Measure(
                        "highest_department_level",
                        "No store's department is forecast far above its last 28 days.",
                        f"select store_id, department_id, level from ({departments}) as departments where level > 1.6",
                    ),
                ),
            ),
        ),
    )
