"""Raw M5 calendar: a row a day."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from datetime import date

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from models_ml.sources.m5.layout import CALENDAR_COLUMNS, FIRST_DAY, WEEKDAYS

NAME = "raw_calendar"
RELATION = "raw_m5.calendar"

# Feasts that never move: a calendar that is off by days puts them on another date.
FIXED_FEASTS = (
    ("NewYear", 1, 1),
    ("ValentinesDay", 2, 14),
    ("StPatricksDay", 3, 17),
    ("Cinco De Mayo", 5, 5),
    ("IndependenceDay", 7, 4),
    ("Halloween", 10, 31),
    ("VeteransDay", 11, 11),
    ("Christmas", 12, 25),
)


def dataset(sql: Sql) -> Dataset:
    """Checks of the raw calendar."""
    wrong_weekday = _weekday_is_wrong(sql, FIRST_DAY)
    misplaced = " or ".join(
        f"(event_name_1 = {sql.text(name)}"
        f" and (extract(month from date) <> {month} or extract(day from date) <> {day}))"
        for name, month, day in FIXED_FEASTS
    )
    day_number = f"{sql.days_between(sql.date(FIRST_DAY), 'date')} + 1"
    misnumbered = f"d is null or {day_number} <> cast(substring(d, 3) as integer)"
    days = f"""
        select
            count(*) as days,
            count(*) - count(distinct date) as repeated_days,
            {sql.days_between("min(date)", "max(date)")} + 1 - count(distinct date) as missing_days,
            {sql.count_if(misnumbered)} as misnumbered_days,
            {sql.count_if(wrong_weekday)} as wrong_weekdays,
            {sql.count_if(misplaced)} as misplaced_feasts,
            {sql.count_if("(event_name_1 is null) <> (event_type_1 is null)")} as half_events,
            {sql.count_if("date is null or wm_yr_wk is null or d is null")} as null_keys,
            {sql.ratio(sql.count_if("event_name_1 is not null"), "count(*)")} as event_share
        from {RELATION}
    """
    weeks = f"""
        select
            {sql.count_if("days > 7 or first_weekday > last_weekday or weekdays <> days")} as broken_weeks,
            {sql.count_if("days < 7")} as short_weeks
        from (
            select wm_yr_wk, count(*) as days, count(distinct wday) as weekdays,
                min(wday) as first_weekday, max(wday) as last_weekday
            from {RELATION}
            group by wm_yr_wk
        ) as weeks
    """
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per day: its retail week, weekday, events and SNAP flags.",
        remedy="Get calendar.csv again and run `demand ingest`.",
        columns=(*CALENDAR_COLUMNS, "loaded_at"),
        profiles=(
            Profile(
                days,
                (
                    Measure("days", "The calendar is long enough to learn from and to forecast into."),
                    Measure("repeated_days", "No day is repeated."),
                    Measure("missing_days", "No day is missing between the first and the last."),
                    Measure(
                        "misnumbered_days",
                        f"d_1 is {FIRST_DAY}, and each day's number follows from its date.",
                        f"select date, d from {RELATION} where {misnumbered}",
                    ),
                    Measure(
                        "wrong_weekdays",
                        f"The weekday is that of the date ({WEEKDAYS[0]} is 1).",
                        f"select date, weekday, wday from {RELATION} where {wrong_weekday}",
                    ),
                    Measure(
                        "misplaced_feasts",
                        "Holidays with a fixed date (Christmas, Halloween, ...) fall on it.",
                        f"select date, event_name_1 from {RELATION} where {misplaced}",
                    ),
                    Measure("half_events", "An event has both a name and a kind."),
                    Measure("null_keys", "Every day has a date, a week and a number."),
                    Measure("event_share", "A plausible share of days has an event."),
                ),
            ),
            Profile(
                weeks,
                (
                    Measure("broken_weeks", "A retail week holds each weekday once, Saturday to Friday."),
                    Measure("short_weeks", "Only the first and the last week may be incomplete."),
                ),
            ),
        ),
    )


def _weekday_is_wrong(sql: Sql, saturday: date) -> str:
    """Condition: weekday number or name do not belong to the date."""
    offset = f"({sql.days_between(sql.date(saturday), 'date')} % 7)"
    names = " or ".join(
        f"(wday = {number} and weekday <> {sql.text(name)})" for number, name in enumerate(WEEKDAYS, start=1)
    )
    return f"wday not between 1 and 7 or wday <> {offset} + 1 or {names}"
