"""Names that M5's raw files use: file names, columns, and how its weeks and weekdays are numbered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

CALENDAR_FILE = "calendar.csv"
SALES_FILE = "sales_train_evaluation.csv"
VALIDATION_SALES_FILE = "sales_train_validation.csv"
PRICES_FILE = "sell_prices.csv"

EVENT_COLUMNS = ("event_name_1", "event_type_1", "event_name_2", "event_type_2")
CALENDAR_COLUMNS = ("date", "wm_yr_wk", "weekday", "wday", "month", "year", "d", *EVENT_COLUMNS)
"""Columns of the calendar before its `snap_<STATE>` columns."""

SNAP_PREFIX = "snap_"
ID_COLUMNS = ("id", "item_id", "dept_id", "cat_id", "store_id", "state_id")
"""Columns of the sales file before its day columns `d_1`, `d_2`, ..."""

PRICE_COLUMNS = ("store_id", "item_id", "wm_yr_wk", "sell_price")

FIRST_DAY = dt.date(2011, 1, 29)
"""The day that M5 calls d_1, a Saturday and the first of week 11101."""

WEEKDAYS = ("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
"""Names of `wday` 1..7."""


def wday(date: dt.date) -> int:
    """M5's weekday number: 1 is Saturday, 7 is Friday."""
    return (date.weekday() + 2) % 7 + 1


def day_columns(days: int) -> list[str]:
    """`d_1` .. `d_<days>`."""
    return [f"d_{day}" for day in range(1, days + 1)]


def week_numbers(dates: Sequence[dt.date]) -> list[int]:
    """`wm_yr_wk` of each date: 1, two digits of the retail year, two digits of the week in it.

    A week runs from Saturday to Friday, and a retail year begins with the first Saturday from 26 January on,
    which is the rule that M5's numbers follow from 2011 to 2016 (2013 has 53 weeks).
    """
    return [_week_number(date) for date in dates]


def _week_number(date: dt.date) -> int:
    saturday = date - dt.timedelta(days=wday(date) - 1)
    year = saturday.year if saturday >= _retail_year_start(saturday.year) else saturday.year - 1
    week = (saturday - _retail_year_start(year)).days // 7 + 1
    return 10_000 + (year % 100) * 100 + week


def _retail_year_start(year: int) -> dt.date:
    earliest = dt.date(year, 1, 26)
    return earliest + dt.timedelta(days=(1 - wday(earliest)) % 7)
