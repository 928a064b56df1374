"""The holidays, feasts and finals that M5's calendar names, on their true dates from 2011 to 2020."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

LAST_YEAR = 2020
"""Last year of the tables below; the other events follow a rule and know no end."""


class Event(NamedTuple):
    """One event of a day, with the name and the type that M5 gives it."""

    date: dt.date
    name: str
    kind: str


_MONDAY, _THURSDAY, _SUNDAY = 0, 3, 6

_FIXED = (  # name, type, month, day
    ("NewYear", "National", 1, 1),
    ("OrthodoxChristmas", "Religious", 1, 7),
    ("ValentinesDay", "Cultural", 2, 14),
    ("StPatricksDay", "Cultural", 3, 17),
    ("Cinco De Mayo", "Cultural", 5, 5),
    ("IndependenceDay", "National", 7, 4),
    ("Halloween", "Cultural", 10, 31),
    ("VeteransDay", "National", 11, 11),
    ("Christmas", "National", 12, 25),
)

_NTH_WEEKDAY = (  # name, type, month, weekday, which one of the month (-1: the last)
    ("MartinLutherKingDay", "National", 1, _MONDAY, 3),
    ("SuperBowl", "Sporting", 2, _SUNDAY, 1),
    ("PresidentsDay", "National", 2, _MONDAY, 3),
    ("Mother's day", "Cultural", 5, _SUNDAY, 2),
    ("MemorialDay", "National", 5, _MONDAY, -1),
    ("Father's day", "Cultural", 6, _SUNDAY, 3),
    ("LaborDay", "National", 9, _MONDAY, 1),
    ("ColumbusDay", "National", 10, _MONDAY, 2),
    ("Thanksgiving", "National", 11, _THURSDAY, 4),
)

# Lunar feasts and finals of 2011..2020, as (month, day); a January date belongs to the following year.
_TABLES: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {
    ("Purim End", "Religious"): (
        (3, 20), (3, 8), (2, 24), (3, 16), (3, 5), (3, 24), (3, 12), (3, 1), (3, 21), (3, 10),
    ),
    ("Pesach End", "Religious"): (
        (4, 26), (4, 14), (4, 2), (4, 22), (4, 11), (4, 30), (4, 18), (4, 7), (4, 27), (4, 16),
    ),
    ("Chanukah End", "Religious"): (
        (12, 28), (12, 16), (12, 5), (12, 24), (12, 14), (1, 1), (12, 20), (12, 10), (12, 30), (12, 18),
    ),
    ("Ramadan starts", "Religious"): (
        (8, 1), (7, 20), (7, 9), (6, 29), (6, 18), (6, 7), (5, 27), (5, 16), (5, 6), (4, 24),
    ),
    ("Eid al-Fitr", "Religious"): (
        (8, 31), (8, 19), (8, 8), (7, 29), (7, 18), (7, 7), (6, 26), (6, 15), (6, 5), (5, 24),
    ),
    ("EidAlAdha", "Religious"): (
        (11, 7), (10, 26), (10, 15), (10, 4), (9, 24), (9, 13), (9, 2), (8, 22), (8, 12), (7, 31),
    ),
    ("NBAFinalsStart", "Sporting"): (
        (5, 31), (6, 12), (6, 6), (6, 5), (6, 4), (6, 2), (6, 1), (5, 31), (5, 30), (9, 30),
    ),
    ("NBAFinalsEnd", "Sporting"): (
        (6, 12), (6, 21), (6, 20), (6, 15), (6, 16), (6, 19), (6, 12), (6, 8), (6, 13), (10, 11),
    ),
}  # fmt: skip

_KIND_ORDER = ("Religious", "Sporting", "National", "Cultural")


def events_between(first: dt.date, last: dt.date) -> dict[dt.date, list[Event]]:
    """Events of the days `first` .. `last`, at most two a day, as M5's calendar has room for.

    Of two on one day, religious events come first, then sporting, national and cultural ones.
    """
    by_date: dict[dt.date, list[Event]] = {}
    for year in range(first.year, last.year + 1):
        for event in _events_of(year):
            if first <= event.date <= last:
                by_date.setdefault(event.date, []).append(event)
    for date, events in by_date.items():
        by_date[date] = sorted(events, key=lambda event: (_KIND_ORDER.index(event.kind), event.name))[:2]
    return by_date


def _events_of(year: int) -> list[Event]:
    easter = _easter(year)
    events = [Event(dt.date(year, month, day), name, kind) for name, kind, month, day in _FIXED]
    events += [
        Event(_nth_weekday(year, month, weekday, nth), name, kind) for name, kind, month, weekday, nth in _NTH_WEEKDAY
    ]
    events += [
        Event(easter, "Easter", "Cultural"),
        Event(_orthodox_easter(year), "OrthodoxEaster", "Religious"),
        Event(easter - dt.timedelta(days=46), "LentStart", "Religious"),
        Event(easter - dt.timedelta(days=39), "LentWeek2", "Religious"),
    ]
    for (name, kind), dates in _TABLES.items():
        for table_year, (month, day) in enumerate(dates, start=2011):
            actual_year = table_year + 1 if month == 1 else table_year
            if actual_year == year:
                events.append(Event(dt.date(year, month, day), name, kind))
    return events


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> dt.date:
    if nth > 0:
        first = dt.date(year, month, 1)
        return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    last = dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)
    return last - dt.timedelta(days=(last.weekday() - weekday) % 7)


def _easter(year: int) -> dt.date:
    """Western Easter Sunday, by the Gregorian computus (Meeus, Jones, Butcher)."""
    golden = year % 19
    century, year_of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    lunar_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - lunar_shift + 15) % 30
    leap_years, year_rest = divmod(year_of_century, 4)
    weekday_shift = (32 + 2 * century_rest + 2 * leap_years - epact - year_rest) % 7
    correction = (golden + 11 * epact + 22 * weekday_shift) // 451
    month, day = divmod(epact + weekday_shift - 7 * correction + 114, 31)
    return dt.date(year, month, day + 1)


def _orthodox_easter(year: int) -> dt.date:
    """Orthodox Easter Sunday, by Meeus's Julian computus; Julian dates are 13 days behind until 2099."""
    full_moon = (19 * (year % 19) + 15) % 30
    weekday_shift = (2 * (year % 4) + 4 * (year % 7) - full_moon + 34) % 7
    month, day = divmod(full_moon + weekday_shift + 114, 31)
    return dt.date(year, month, day + 1) + dt.timedelta(days=13)
