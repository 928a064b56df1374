"""What is not known of a declared column counts as usual, never as zero, and never by what comes later."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models_ml.forecasters.nodes.panel import Calendar, closed_days
from models_ml.warehouse.regressors import Regressors, days_not_given, with_usual

SINCE = date(2024, 1, 1)
VALUES = arrays.arrays(
    np.float64, (3, 12), elements=st.one_of(st.just(np.nan), st.floats(-5, 5, allow_nan=False, width=32))
)


@given(VALUES, st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_usual_value_is_of_known_days_alone(values: np.ndarray, known_days: int, random: object) -> None:
    filled = with_usual(values, known_days)
    assert np.isfinite(filled).all()
    known = ~np.isnan(values)
    np.testing.assert_array_equal(filled[known], values[known])
    for row, own in enumerate(values):
        past = own[:known_days][~np.isnan(own[:known_days])]
        if past.size:
            np.testing.assert_allclose(filled[row][~known[row]], past.mean(), atol=1e-9)
    later = np.where(known & (np.arange(12) >= known_days), values + 7, values)  # another future
    np.testing.assert_array_equal(with_usual(later, known_days)[~known], filled[~known])


@given(st.integers(-20, 40), st.integers(0, 30), st.integers(0, 30))
def test_days_outside_those_given(first: int, length: int, days: int) -> None:
    begin, end = SINCE + timedelta(days=first), SINCE + timedelta(days=first + length)
    of = Regressors(("promo",), (), (), {"promo": (begin, end)})
    expected = [not begin <= SINCE + timedelta(days=day) <= end for day in range(days)]
    assert days_not_given(of, "promo", SINCE, days).tolist() == expected
    assert days_not_given(of, "never", SINCE, days).all()


def closed(stated_until: int) -> np.ndarray:
    """Closed days of one store for four weeks after twelve, of which some say that Sundays are closed, day 2 too."""
    days, known = 112, 84
    weekday = (np.arange(days) % 7 + 1).astype(np.int8)
    units = np.where(weekday[:known] == 7, 0.0, 100.0)[None, :]
    stated = (weekday == 7) & (np.arange(days) < known + stated_until)
    stated[known + 2] = stated_until > 2
    none = np.zeros(days, dtype=np.int8)
    calendar = Calendar(weekday, none, none, none, (), none, {}, none, none)
    nodes = pd.DataFrame({"store_id": ["S"]})
    return closed_days(nodes, units, calendar, {"S": stated})[0, known:]


def test_a_store_that_says_nothing_of_coming_days_stays_closed_on_its_weekday() -> None:
    """The flag may end with the sales, or with a table of coming days that ends before the horizon."""
    sundays = np.arange(28) % 7 == 6
    np.testing.assert_array_equal(closed(0), sundays)
    np.testing.assert_array_equal(closed(28), sundays | (np.arange(28) == 2))
    np.testing.assert_array_equal(closed(16), sundays | (np.arange(28) == 2))
