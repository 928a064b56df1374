"""Dates and numbers of M5's calendar against rules that are written down elsewhere."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN, easter
from pandas.tseries.holiday import USFederalHolidayCalendar

from models_ml.sources.m5.events import LAST_YEAR, Event, events_between
from models_ml.sources.m5.layout import FIRST_DAY, WEEKDAYS, wday, week_numbers

LAST_DAY = dt.date(LAST_YEAR, 12, 31)
EVENTS = events_between(FIRST_DAY, LAST_DAY)


def dates_of(name: str) -> set[dt.date]:
    return {date for date, events in EVENTS.items() if name in [event.name for event in events]}


def test_weekdays_begin_on_saturday() -> None:
    for offset in range(400):
        date = FIRST_DAY + dt.timedelta(days=offset)
        assert WEEKDAYS[wday(date) - 1] == date.strftime("%A")


def test_weeks_run_from_saturday_to_friday_and_years_begin_in_late_january() -> None:
    dates = [FIRST_DAY + dt.timedelta(days=day) for day in range((LAST_DAY - FIRST_DAY).days + 1)]
    numbers = week_numbers(dates)
    assert numbers[0] == 11101
    for (date, number), following in zip(zip(dates, numbers, strict=True), numbers[1:], strict=False):
        same_week = wday(date) != 7
        assert (number == following) == same_week
        if not same_week:
            assert following == number + 1 or (following % 100 == 1 and following // 100 == number // 100 + 1)
    firsts = [date for date, number in zip(dates, numbers, strict=True) if number % 100 == 1 and wday(date) == 1]
    assert all(dt.date(d.year, 1, 26) <= d <= dt.date(d.year, 2, 1) for d in firsts)
    assert len(firsts) == 10


@pytest.mark.parametrize(("name", "method"), [("Easter", EASTER_WESTERN), ("OrthodoxEaster", EASTER_ORTHODOX)])
def test_easter_is_that_of_dateutil(name: str, method: int) -> None:
    assert dates_of(name) == {easter(year, method) for year in range(2011, LAST_YEAR + 1)}


@pytest.mark.parametrize(
    ("name", "holiday"),
    [
        ("MartinLutherKingDay", "Birthday of Martin Luther King, Jr."),
        ("PresidentsDay", "Washington's Birthday"),
        ("MemorialDay", "Memorial Day"),
        ("LaborDay", "Labor Day"),
        ("ColumbusDay", "Columbus Day"),
        ("Thanksgiving", "Thanksgiving Day"),
    ],
)
def test_national_days_are_those_of_pandas(name: str, holiday: str) -> None:
    official = USFederalHolidayCalendar().holidays(str(FIRST_DAY), str(LAST_DAY), return_name=True)
    assert dates_of(name) == {stamp.date() for stamp in pd.DatetimeIndex(official[official == holiday].index)}


def test_two_events_of_one_day_stand_side_by_side() -> None:
    assert EVENTS[dt.date(2011, 4, 24)] == [
        Event(dt.date(2011, 4, 24), "OrthodoxEaster", "Religious"),
        Event(dt.date(2011, 4, 24), "Easter", "Cultural"),
    ]
    assert max(len(events) for events in EVENTS.values()) == 2
