from __future__ import annotations

import csv
import datetime as dt
import io

import pandas as pd
import pytest

from dashboard import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.04, "0.0"),
        (3.44, "3.4"),
        (-3.44, "−3.4"),
        (12345.6, "12\u202f346"),
    ],
)
def test_units_are_grouped_and_small_ones_keep_a_decimal(value: float | None, text: str) -> None:
    assert formats.units(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(812.0, "812"), (9_999.0, "9\u202f999"), (35_940.0, "35.9\u202fk"), (1_126_000.0, "1.13\u202fM"), (None, "–")],
)
def test_a_headline_has_at_most_four_figures(value: float | None, text: str) -> None:
    assert formats.short_units(value) == text


def test_percent_says_its_sign_only_when_asked_and_never_a_negative_zero() -> None:
    assert formats.percent(0.034) == "3\u202f%"
    assert formats.percent(0.034, signed=True) == "+3\u202f%"
    assert formats.percent(-0.034, signed=True) == "−3\u202f%"
    assert formats.percent(-0.0001, signed=True) == "0\u202f%"
    assert formats.percent(None) == "–"


def test_a_span_of_days_does_not_repeat_itself() -> None:
    assert formats.day_range(dt.date(2016, 5, 23), dt.date(2016, 5, 29)) == "23–29 May 2016"
    assert formats.day_range(dt.date(2016, 5, 23), dt.date(2016, 6, 19)) == "23 May – 19 Jun 2016"
    assert formats.day_range(dt.date(2015, 12, 30), dt.date(2016, 1, 5)) == "30 Dec 2015 – 5 Jan 2016"
    assert formats.day_range(dt.date(2016, 5, 23), dt.date(2016, 5, 23)) == "23 May 2016"


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"), (200_000, "2 days ago")]
)
def test_age_is_in_the_largest_whole_unit(seconds: float, text: str) -> None:
    assert formats.age(seconds) == text


def test_change_needs_something_to_compare_with() -> None:
    assert formats.change(110, 100) == pytest.approx(0.1)
    assert formats.change(110, 0) is None
    assert formats.change(110, None) is None


@pytest.mark.parametrize(
    ("days", "step_days", "span", "coming", "before"),
    [
        (28, 1, "28 days", "next 28 days", "the 28 days before"),
        (28, 7, "4 weeks", "next 4 weeks", "the 4 weeks before"),
        (7, 7, "1 week", "next week", "the week before"),
        (84, 7, "12 weeks", "next 12 weeks", "the 12 weeks before"),
    ],
)
def test_spans_are_in_the_steps_of_the_run(days: int, step_days: int, span: str, coming: str, before: str) -> None:
    assert formats.span(days, step_days) == span
    assert formats.next_span(days, step_days) == coming
    assert formats.span_before(days, step_days) == before


def test_lead_days_are_counted_in_steps() -> None:
    assert [formats.steps_ahead(lead, 1) for lead in (1, 28)] == [1, 28]
    assert [formats.steps_ahead(lead, 7) for lead in (1, 8, 78)] == [1, 2, 12]


def test_18_20_a_csv_holds_no_formulas() -> None:
    frame = pd.DataFrame({"=name": ["=1+1", "@x", "-2", "+3", "plain"], "change": [-0.5, 1.0, None, 2.0, -3.0]})
    rows = list(csv.reader(io.StringIO(formats.csv(frame))))
    assert rows[0] == ["'=name", "change"]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'@x", "'-2", "'+3", "plain"]
    assert [row[1] for row in rows[1:]] == ["-0.5", "1.0", "", "2.0", "-3.0"]


def test_21_12_an_error_beyond_what_was_sold_is_a_multiple() -> None:
    assert formats.miss(0.41) == "41\u202f%"
    assert formats.miss(3.14) == "3.1 times what was sold"
    assert formats.miss(41.9) == "42 times what was sold"
