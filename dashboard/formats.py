"""Formats of numbers, dates and spans, shared by all pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

THIN_SPACE = "\u202f"
MINUS = "\u2212"
NO_VALUE = "–"
MULTIPLE_FROM = 2.0

_DAY_SECONDS = 86_400
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def units(value: float | None) -> str:
    """Units sold: whole and grouped from ten on, one decimal below, e.g. `12 345`, `3.4`; `–` for none."""
    if value is None:
        return NO_VALUE
    text = f"{abs(value):.1f}" if abs(value) < 10 else f"{abs(value):,.0f}".replace(",", THIN_SPACE)
    if text == "0.0" and value == 0:
        text = "0"
    return (MINUS if value < 0 and text.strip("0.") else "") + text


def count(value: int) -> str:
    """A count with digit grouping: `12 345`."""
    return f"{value:,}".replace(",", THIN_SPACE)


def short_units(value: float | None) -> str:
    """Units for a headline, at most four figures: `1.13 M`, `35.9 k`, `812`, `3.4`; `–` for none."""
    if value is None:
        return NO_VALUE
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        scaled = abs(value) / size
        if scaled >= (1 if suffix == "M" else 10):
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{MINUS if value < 0 else ''}{scaled:.{digits}f}{THIN_SPACE}{suffix}"
    return units(value)


def percent(ratio: float | None, *, signed: bool = False, digits: int = 0) -> str:
    """A ratio as percent, e.g. 0.034 -> `3 %`, signed `+3 %`; `–` for none."""
    if ratio is None:
        return NO_VALUE
    rounded = round(ratio * 100, digits)
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):.{digits}f}{THIN_SPACE}%"


def score(value: float | None) -> str:
    """An error measure without unit (WRMSSE, RMSSE), three decimals; `–` for none."""
    return NO_VALUE if value is None else f"{value:.3f}"


def cause(family: str) -> str:
    """Title of a feature family, e.g. `day_of_month` -> `day of month`."""
    return "promotions and similar" if family == "declared" else family.replace("_", " ")


def price(value: float | None) -> str:
    """A price in the data's own currency, two decimals; `–` for none."""
    return NO_VALUE if value is None else f"{value:,.2f}".replace(",", THIN_SPACE)


def day(value: dt.date | None) -> str:
    """A day with its year, e.g. `22 May 2016`; `–` for none."""
    return NO_VALUE if value is None else f"{value.day} {value:%b %Y}"


def step(step_days: int) -> str:
    """The period of a run's forecasts: `day`, or `week` for weekly sales."""
    return "day" if step_days == 1 else "week"


def span(days: int, step_days: int) -> str:
    """A number of days in the run's periods: `28 days`, `1 day`, or `4 weeks` for weekly sales."""
    count, name = days // step_days, step(step_days)
    return f"{count} {name}{'' if count == 1 else 's'}"


def next_span(days: int, step_days: int) -> str:
    """The coming days in words: `next 28 days`, `next 4 weeks`, `next week`."""
    text = span(days, step_days)
    return f"next {text.removeprefix('1 ')}" if text.startswith("1 ") else f"next {text}"


def span_before(days: int, step_days: int) -> str:
    """The preceding days in words: `the 28 days before`, `the 4 weeks before`, `the week before`."""
    return f"the {span(days, step_days).removeprefix('1 ')} before"


def steps_ahead(lead_days: int, step_days: int) -> int:
    """The forecast's period that contains a lead day: the eighth day is in the second week."""
    return (lead_days - 1) // step_days + 1


def day_range(first: dt.date, last: dt.date) -> str:
    """A span of days without repeating month or year, e.g. `23–29 May 2016`."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} – {day(last)}"
    return f"{day(first)} – {day(last)}"


def age(seconds: float | None) -> str:
    """How long ago, in the largest whole unit, e.g. `3 hours ago`; `–` for none."""
    if seconds is None:
        return NO_VALUE
    for size, name in ((_DAY_SECONDS, "day"), (3_600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def change(now: float | None, before: float | None) -> float | None:
    """Relative change of `now` against `before`; none where either is missing or `before` is zero."""
    if now is None or before is None or before == 0:
        return None
    return now / before - 1


def miss(ratio: float | None, *, digits: int = 0) -> str:
    """An error relative to sales: percent, or a multiple from 200 % on; `–` for none."""
    if ratio is None or abs(ratio) < MULTIPLE_FROM:
        return percent(ratio, digits=digits)
    return f"{ratio:.1f} times what was sold" if abs(ratio) < 10 else f"{count(round(ratio))} times what was sold"


def model(name: str) -> str:
    """Title of a model."""
    return name.replace("_", " ")


def csv(frame: pd.DataFrame) -> str:
    """A table as CSV, safe from formula injection: an apostrophe is put before `=`, `+`, `-` and `@`."""

    def escaped(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell

    text: str = frame.map(escaped).rename(columns=escaped).to_csv(index=False)
    return text


def range_text(low: float | None, high: float | None) -> str:
    """`12 – 34`; a dash without a range."""
    if low is None or high is None:
        return NO_VALUE
    return f"{units(low)} – {units(high)}"


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested document flattened to `a.b.c` keys, to compare two runs line by line."""
    flat: dict[str, str] = {}
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, Mapping):
            flat |= flatten(inner, f"{name}.")
        elif isinstance(inner, float):
            flat[name] = f"{inner:.6g}"
        else:
            flat[name] = str(inner)
    return flat
