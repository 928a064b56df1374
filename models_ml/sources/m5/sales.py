"""Check the sales file line by line: header, ids that agree with each other, whole and non-negative units.

A line of M5 has two thousand values, so a loop over lines costs little, and the values are looked at by byte
searches of the standard library: all of M5 takes about a second, with the line of any fault at hand.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from models_ml.errors import InputError
from models_ml.sources.faults import input_fault
from models_ml.sources.m5.calendar import CalendarTable
from models_ml.sources.m5.layout import CALENDAR_FILE, ID_COLUMNS, SNAP_PREFIX, VALIDATION_SALES_FILE

_DAY_BYTES = b"0123456789,"
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_TEN_DIGITS = b"0" * 10  # may be beyond an INTEGER
_DAY_COLUMN = re.compile(r"d_[1-9][0-9]*")
_LARGEST_UNITS = 2**31 - 1
_PARENTS = (("item_id", "dept_id"), ("dept_id", "cat_id"), ("store_id", "state_id"))


@dataclass
class SalesSummary:
    """What the sales file holds."""

    days: int
    series: set[tuple[str, str]] = field(default_factory=set)  # (store_id, item_id)
    items: set[str] = field(default_factory=set)
    stores: dict[str, None] = field(default_factory=dict)  # in the order of the file


def check_sales(path: Path, calendar: CalendarTable) -> SalesSummary:
    """Check the whole file, which DuckDB can then read with typed columns.

    Args:
        path: the evaluation or the validation file; ids must end in the same word.
        calendar: the checked calendar, which must know every day and every state.

    Raises:
        InputError: the first fault, with line, column and value.
    """
    name = path.name
    suffix = "_validation" if name == VALIDATION_SALES_FILE else "_evaluation"
    with path.open("rb") as file:
        days = _check_header(name, file.readline(), calendar)
        summary = SalesSummary(days=days)
        checker = _LineChecker(name, suffix, calendar, summary)
        for line, content in enumerate(file, start=2):
            checker.check(line, content.rstrip(b"\r\n"))
    if not summary.series:
        raise input_fault(name, "there is a header and no series", line=1, remedy="Get the whole file again.")
    return summary


def _check_header(name: str, content: bytes, calendar: CalendarTable) -> int:
    header = _unquoted(content.removeprefix(codecs.BOM_UTF8))
    wanted = f"The header must be {','.join(ID_COLUMNS)},d_1,d_2,... without a gap."
    missing = [column for column in ID_COLUMNS if column not in header]
    if missing:
        raise input_fault(name, f"column {missing[0]} is missing", line=1, column=missing[0], remedy=wanted)
    for position, column in enumerate(ID_COLUMNS):
        if header[position] != column:
            raise input_fault(
                name,
                f"the columns are not in order: {column} should stand here",
                line=1,
                column=column,
                value=header[position],
                remedy=wanted,
            )
    day_columns = header[len(ID_COLUMNS) :]
    if not day_columns:
        raise input_fault(name, "there is no day column", line=1, column="d_1", remedy=wanted)
    for day, column in enumerate(day_columns, start=1):
        if column != f"d_{day}":
            known = _DAY_COLUMN.fullmatch(column) is not None
            problem = f"d_{day} should stand here" if known else "a column is not known"
            raise input_fault(name, problem, line=1, column=f"d_{day}", value=column, remedy=wanted)
    if len(day_columns) > calendar.days:
        raise input_fault(
            name,
            f"{CALENDAR_FILE} ends with d_{calendar.days}, on {calendar.date_of(calendar.days)}, "
            f"and the sales with d_{len(day_columns)}",
            line=1,
            column=f"d_{calendar.days + 1}",
            remedy="Use the calendar that came with these sales.",
        )
    return len(day_columns)


class _LineChecker:
    """Checks line after line; keeps what earlier lines said about items, departments and stores."""

    def __init__(self, name: str, suffix: str, calendar: CalendarTable, summary: SalesSummary) -> None:
        self._name = name
        self._suffix = suffix
        self._calendar = calendar
        self._summary = summary
        self._parents: dict[tuple[str, str], tuple[str, int]] = {}  # (column, child) -> (parent, line)
        self._lines: dict[tuple[str, str], int] = {}
        self._blank_line = 0

    def check(self, line: int, content: bytes) -> None:
        if self._blank_line:
            raise self._fault(self._blank_line, None, "the line is blank", None, "Remove it.")
        if not content:
            self._blank_line = line  # the last line may be
            return
        ids, units = self._split(line, content)
        self._check_units(line, units)
        self._check_ids(line, dict(zip(ID_COLUMNS, ids, strict=True)))

    def _split(self, line: int, content: bytes) -> tuple[list[str], bytes]:
        if b'"' in content:
            fields = _unquoted(content)
            if not fields or any("," in value for value in fields):
                raise self._fault(
                    line, None, "a quoted value holds a comma or does not end",
                    content[:60].decode(errors="replace"),
                    "Write plain values without quotes.",
                )  # fmt: skip
            content = ",".join(fields).encode()
        parts = content.split(b",", len(ID_COLUMNS))
        values = len(parts) - 1 + (parts[-1].count(b",") + 1 if len(parts) > len(ID_COLUMNS) else 1)
        expected = len(ID_COLUMNS) + self._summary.days
        if values != expected:
            raise self._fault(
                line, None, f"the line has {values:,} values and the header {expected:,} columns",
                content[:60].decode(errors="replace"),
                "Get the file again; it may be cut short.",
            )  # fmt: skip
        return [part.decode() for part in parts[:-1]], parts[-1]

    def _check_units(self, line: int, units: bytes) -> None:
        digits_only = not units.translate(None, _DAY_BYTES)
        none_blank = b",," not in units and units[:1] != b"," and units[-1:] not in (b",", b"")
        if digits_only and none_blank and _TEN_DIGITS not in units.translate(_DIGITS_AS_ZERO):
            return
        for day, value in enumerate(units.decode().split(","), start=1):
            fault = _units_fault(value)
            if fault:
                problem, remedy = fault
                raise self._fault(line, f"d_{day}", problem, value, remedy)

    def _check_ids(self, line: int, ids: dict[str, str]) -> None:
        for column, value in ids.items():
            if not value.strip():
                raise self._fault(line, column, "the value is blank", value, "Fill it in.")
        key = (ids["store_id"], ids["item_id"])
        if key in self._summary.series:
            raise self._fault(
                line, "id", f"the series is there already, on line {self._lines[key]:,}", ids["id"],
                "Keep one line for each item and store.",
            )  # fmt: skip
        expected = f"{ids['item_id']}_{ids['store_id']}{self._suffix}"
        if ids["id"] != expected:
            raise self._fault(
                line,
                "id",
                f"item_id and store_id make it {expected}",
                ids["id"],
                "Correct the id or the columns.",
            )
        for column, parent_column in _PARENTS:
            parent = ids[parent_column]
            known, known_line = self._parents.setdefault((column, ids[column]), (parent, line))
            if known != parent:
                raise self._fault(
                    line, parent_column,
                    f"{column} {ids[column]} belongs to {parent_column} {known} on line {known_line:,}",
                    parent,
                    f"Give each {column} one {parent_column}.",
                )  # fmt: skip
        state = ids["state_id"]
        if state not in self._calendar.states:
            raise self._fault(
                line, "state_id", f"{CALENDAR_FILE} has no column {SNAP_PREFIX}{state} for the state", state,
                f"Add {SNAP_PREFIX}{state} to {CALENDAR_FILE} (0 on every day if the state pays no SNAP).",
            )  # fmt: skip
        self._lines[key] = line
        self._summary.series.add(key)
        self._summary.items.add(ids["item_id"])
        self._summary.stores.setdefault(ids["store_id"])

    def _fault(self, line: int, column: str | None, problem: str, value: str | None, remedy: str) -> InputError:
        return input_fault(self._name, problem, line=line, column=column, value=value, remedy=remedy)


def _unquoted(content: bytes) -> list[str]:
    """The values of one line; none if a quotation mark on it does not end."""
    try:
        return next(csv.reader([content.decode()], strict=True), [])
    except csv.Error:
        return []


def _units_fault(value: str) -> tuple[str, str] | None:
    """What is wrong with a day's units, and the remedy; None if nothing is."""
    if value.isascii() and value.isdigit():
        if int(value) <= _LARGEST_UNITS:
            return None
        return "the units are beyond all measure", f"Correct them; the largest number is {_LARGEST_UNITS:,}."
    if not value.strip():
        return "the units are blank", "Write 0 for a day without a sale."
    try:
        number = float(value)
    except ValueError:
        return "the units are not a number", "Write a whole number from 0 on."
    if number < 0:
        return "the units are negative", "Take returns out, so that every day is 0 or more."
    return "the units are not a whole number", "Write digits only, such as 3."
