"""Read and check `calendar.csv`: a row for each day, M5's numbering, events in pairs, SNAP flags by state."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from models_ml.sources.faults import input_fault
from models_ml.sources.m5.layout import (
    CALENDAR_COLUMNS,
    CALENDAR_FILE,
    EVENT_COLUMNS,
    SNAP_PREFIX,
    WEEKDAYS,
    wday,
)
from models_ml.sources.m5.rows import read_rows

_ONE_DAY = dt.timedelta(days=1)
_REGENERATE = "Take the calendar that came with the sales."


@dataclass(frozen=True)
class CalendarTable:
    """The checked calendar: `table` has the file's columns, typed as the raw table wants them."""

    table: pa.Table
    first_day: dt.date
    days: int
    states: frozenset[str]
    weeks: tuple[int, ...]  # wm_yr_wk of each day

    def date_of(self, day: int) -> dt.date:
        """Date of `d_<day>`."""
        return self.first_day + (day - 1) * _ONE_DAY


def read_calendar(path: Path) -> CalendarTable:
    """Read the calendar.

    Raises:
        InputError: a header, date, number or event is not as M5 has it; the message has line and column.
    """
    lines = read_rows(path)
    _, header = next(lines, (1, []))
    states = _check_header(header)
    checker = _RowChecker(header)
    rows: list[list[str]] = []
    for line, row in lines:
        checker.check(line, row)
        rows.append(row)
    if not rows:
        raise input_fault(CALENDAR_FILE, "there is a header and no day", line=1, remedy=_REGENERATE)
    table = _table(header, rows)
    return CalendarTable(
        table=table,
        first_day=dt.date.fromisoformat(rows[0][0]),
        days=len(rows),
        states=states,
        weeks=tuple(table["wm_yr_wk"].to_pylist()),
    )


def _check_header(header: list[str]) -> frozenset[str]:
    expected = list(CALENDAR_COLUMNS)
    flags = header[len(expected) :]
    states = [name.removeprefix(SNAP_PREFIX) for name in flags if name.startswith(SNAP_PREFIX)]
    wanted = f"The header must be {','.join(expected)} and one {SNAP_PREFIX}<STATE> column for each state."
    missing = [name for name in expected if name not in header]
    if missing:
        raise input_fault(CALENDAR_FILE, f"column {missing[0]} is missing", line=1, column=missing[0], remedy=wanted)
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise input_fault(CALENDAR_FILE, "a column comes twice", line=1, column=repeated[0], remedy=wanted)
    for name in header:
        if name not in expected and not (name.startswith(SNAP_PREFIX) and len(name) > len(SNAP_PREFIX)):
            raise input_fault(CALENDAR_FILE, "a column is not known", line=1, column=repr(name), remedy=wanted)
    for found, name in zip(header, expected, strict=False):
        if found != name:
            raise input_fault(
                CALENDAR_FILE,
                f"the columns are not in order: {name} should stand here",
                line=1,
                value=found,
                column=name,
                remedy=wanted,
            )
    return frozenset(states)


class _RowChecker:
    """Checks row after row against the header and the row before."""

    def __init__(self, header: list[str]) -> None:
        self._header = header
        self._date: dt.date | None = None
        self._week = 0
        self._days = 0

    def check(self, line: int, row: list[str]) -> None:
        if len(row) != len(self._header):
            raise input_fault(
                CALENDAR_FILE,
                f"the line has {len(row)} values and the header {len(self._header)} columns",
                line=line,
                value=",".join(row),
                remedy="Add or remove what is missing or too much; the file may be cut short.",
            )
        values = dict(zip(self._header, row, strict=True))
        date = self._check_date(line, values["date"])
        self._days += 1
        self._check_numbering(line, values, date)
        self._check_week(line, values["wm_yr_wk"], date)
        self._check_events(line, values)
        for name, value in values.items():
            if name.startswith(SNAP_PREFIX) and value not in ("0", "1"):
                raise input_fault(
                    CALENDAR_FILE,
                    "a SNAP flag is neither 0 nor 1",
                    line=line,
                    column=name,
                    value=value,
                    remedy="Write 1 for a SNAP day and 0 for any other.",
                )
        self._date = date

    def _check_date(self, line: int, text: str) -> dt.date:
        try:
            date = dt.date.fromisoformat(text)
        except ValueError:
            date = None
        if date is None or date.isoformat() != text:
            raise input_fault(
                CALENDAR_FILE,
                "the date is not one",
                line=line,
                column="date",
                value=text,
                remedy="Write dates as 2011-01-29; a spreadsheet may have changed them.",
            )
        if self._date is not None and date != self._date + _ONE_DAY:
            if date == self._date:
                problem = "the date comes twice"
            elif date < self._date:
                problem = f"the date is before the one above it, {self._date}"
            else:
                problem = f"days are missing between {self._date} and this date"
            raise input_fault(
                CALENDAR_FILE,
                problem,
                line=line,
                column="date",
                value=text,
                remedy="The calendar must have one line a day, in order, without gaps.",
            )
        return date

    def _check_numbering(self, line: int, values: dict[str, str], date: dt.date) -> None:
        number = wday(date)
        expected = {
            "weekday": WEEKDAYS[number - 1],
            "wday": str(number),
            "month": str(date.month),
            "year": str(date.year),
            "d": f"d_{self._days}",
        }
        for name, right in expected.items():
            if values[name] != right:
                raise input_fault(
                    CALENDAR_FILE,
                    f"{date} must have {right} here",
                    line=line,
                    column=name,
                    value=values[name],
                    remedy="Correct it; weeks begin on Saturday (wday 1), and the first day is d_1.",
                )

    def _check_week(self, line: int, text: str, date: dt.date) -> None:
        week = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        problem = ""
        if week == 0:
            problem = "the week is not a whole number"
        elif self._week and wday(date) != 1 and week != self._week:
            problem = f"the week changes on a {WEEKDAYS[wday(date) - 1]}; {self._week} must last until Friday"
        elif self._week and wday(date) == 1 and week <= self._week:
            problem = f"a new week begins on this Saturday, so its number must be above {self._week}"
        if problem:
            raise input_fault(CALENDAR_FILE, problem, line=line, column="wm_yr_wk", value=text, remedy=_REGENERATE)
        self._week = week

    def _check_events(self, line: int, values: dict[str, str]) -> None:
        for number in ("1", "2"):
            name, kind = values[f"event_name_{number}"], values[f"event_type_{number}"]
            if bool(name) != bool(kind):
                lacking = f"event_type_{number}" if name else f"event_name_{number}"
                raise input_fault(
                    CALENDAR_FILE,
                    f"an event has a name without a type or a type without a name; {lacking} is blank",
                    line=line,
                    column=lacking,
                    value=name or kind,
                    remedy="Fill in both or none.",
                )
        if values["event_name_2"] and not values["event_name_1"]:
            raise input_fault(
                CALENDAR_FILE,
                "the day has a second event and no first one",
                line=line,
                column="event_name_1",
                value=values["event_name_2"],
                remedy="Move the event to event_name_1 and event_type_1.",
            )


def _table(header: list[str], rows: list[list[str]]) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name, values in zip(header, zip(*rows, strict=True), strict=True):
        if name == "date":
            columns[name] = pa.array([dt.date.fromisoformat(value) for value in values], pa.date32())
        elif name in ("weekday", "d"):
            columns[name] = pa.array(values, pa.string())
        elif name in EVENT_COLUMNS:
            columns[name] = pa.array([value or None for value in values], pa.string())
        else:
            columns[name] = pa.array([int(value) for value in values], pa.int32())
    return pa.table(columns)
