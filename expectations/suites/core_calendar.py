"""Core calendar: a row a day, past and coming; and its flags by region."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from datetime import date

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "core_calendar"
RELATION = "core.dim_calendar"
REGIONS = "core.fct_regional_flags"

_A_SATURDAY = date(2011, 1, 1)


def dataset(sql: Sql, horizon_days: int) -> Dataset:
    """Checks of the calendar.

    Args:
        horizon_days: days after the last sale that a forecast needs.
    """
    # The remainder is made positive, so that days before 2011 count too.
    offset = f"((({sql.days_between(sql.date(_A_SATURDAY), 'date')}) % 7 + 7) % 7)"
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per day, with week, weekday and the events around it.",
        remedy=REBUILD,
        columns=("date", "day_index", "week_id", "weekday", "is_event", "days_since_event", "days_to_event"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) - count(distinct date) as repeated_days,
                    {sql.days_between("min(date)", "max(date)")} + 1 - count(distinct date) as missing_days,
                    {sql.count_if(f"day_index <> {sql.days_between('first_date', 'date')} + 1")} as misnumbered_days,
                    {sql.count_if(f"weekday is null or weekday <> {offset} + 1")} as wrong_weekdays,
                    {sql.days_between("max(last_date)", "max(date)")} - {horizon_days} as days_beyond_horizon,
                    {sql.count_if("(is_event = 1) <> (days_since_event = 0)")} as misplaced_events,
                    (
                        (select count(*) from {RELATION}) * (select count(distinct region_id) from core.dim_stores)
                        - (
                            select count(*) from {REGIONS}
                            where region_id in (select region_id from core.dim_stores)
                        )
                    ) as missing_regional_flags,
                    (select {sql.count_if("regional_flag is null or regional_flag not in (0, 1)")} from {REGIONS})
                        as wrong_regional_flags
                from {RELATION}
                cross join (
                    select min(calendar.date) as first_date, max(sales.last_date) as last_date
                    from {RELATION} as calendar
                    cross join (select max(date) as last_date from core.fct_node_sales) as sales
                ) as bounds
                """,
                (
                    Measure("repeated_days", "No day is repeated."),
                    Measure("missing_days", "No day is missing."),
                    Measure("misnumbered_days", "The day index counts the days from the first."),
                    Measure(
                        "wrong_weekdays",
                        "The weekday is that of the date (Saturday is 1).",
                        f"select date, weekday from {RELATION} where weekday <> {offset} + 1",
                    ),
                    Measure("days_beyond_horizon", f"The calendar reaches {horizon_days} days past the last sale."),
                    Measure("misplaced_events", "Exactly the days with an event are 0 days from one."),
                    Measure("missing_regional_flags", "Every region has a flag for every day."),
                    Measure("wrong_regional_flags", "A regional flag is 0 or 1."),
                ),
            ),
        ),
    )
