from __future__ import annotations

import numpy as np
import pytest

from models_ml.prediction_store.grid import PRICE_STEPS
from models_ml.scenarios.what_if import PriceCurves, common_range, event_factors, flag_factors, is_monotone


def curves(low: list[float], high: list[float], elasticity: list[float]) -> PriceCurves:
    """Series whose model says exactly what their elasticity says."""
    own, ends = np.array(elasticity), (np.array(low), np.array(high))
    at = np.clip(np.array(PRICE_STEPS)[None, :], ends[0][:, None], ends[1][:, None])
    return PriceCurves(*ends, own, own - 0.5, own + 0.5, at ** own[:, None])


@pytest.mark.parametrize("relative", [0.85, 0.93, 1.0, 1.02, 1.1])
def test_model_and_elasticity_agree_where_they_say_the_same(relative: float) -> None:
    given = curves([0.8, 0.62, 0.85], [1.12, 1.5, 1.1], [-2.0, -0.7, 0.0])
    middle, low, high = given.by_elasticity(relative)
    assert middle == pytest.approx(relative**given.elasticity)
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert given.by_model(relative) == pytest.approx(middle, rel=0.01)


def test_at_a_step_it_is_what_was_asked_and_at_the_planned_price_nothing_changes() -> None:
    given = curves([0.5, 0.5], [1.5, 1.5], [-1.0, -3.0])
    for column, step in enumerate(PRICE_STEPS):
        assert given.by_model(step) == pytest.approx(given.responses[:, column])
    assert given.by_model(1.0) == pytest.approx([1.0, 1.0])


def test_beyond_what_a_series_has_seen_its_units_stay_at_the_end_of_it() -> None:
    given = curves([0.9, 0.7], [1.0, 1.3], [-2.0, -2.0])
    assert given.by_elasticity(0.8)[0] == pytest.approx([0.9**-2, 0.8**-2])
    assert given.by_model(0.8)[0] == pytest.approx(0.9**-2, rel=1e-3)
    assert given.by_model(1.2)[0] == pytest.approx(1.0)


def test_a_model_that_does_not_say_says_nothing() -> None:
    given = curves([0.7], [1.3], [-1.0])
    given.responses[0, 0] = np.nan
    assert np.isnan(given.by_model(0.9)).all()


def test_half_of_the_units_have_seen_the_common_range() -> None:
    low, high = np.array([0.5, 0.8, 0.9, 0.99]), np.array([1.5, 1.2, 1.1, 1.0])
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    found = common_range(low, high, weight)
    assert found == (0.9, 1.1)
    assert weight[low <= found[0]].sum() >= 5
    assert weight[high >= found[1]].sum() >= 5
    assert common_range(low, high, np.zeros(4)) == (1.0, 1.0)


def test_a_flag_changes_only_days_on_which_it_is_planned_otherwise() -> None:
    days = np.array([True, True, False, True])
    on = flag_factors(np.array([2.0, 3.0]), ["0101", "0000"], True, days)
    assert on.tolist() == [[2, 1, 1, 1], [3, 3, 1, 3]]
    off = flag_factors(np.array([2.0, 3.0]), ["0101", "0000"], False, days)
    assert off.tolist() == [[1, 0.5, 1, 0.5], [1, 1, 1, 1]]


def test_an_event_is_felt_around_its_day_and_taking_it_away_is_the_reverse() -> None:
    offsets = {-2: 1.5, 0: 0.5, 1: 1.2}
    put = event_factors(offsets, 1, True, 4)
    assert put.tolist() == [1.0, 0.5, 1.2, 1.0]
    assert (put * event_factors(offsets, 1, False, 4)).tolist() == [1, 1, 1, 1]


def test_a_response_that_rises_with_the_price_is_noticed() -> None:
    given = curves([0.5, 0.5], [1.5, 1.5], [-1.0, -1.0])
    assert is_monotone(given.responses, np.ones(2))
    given.responses[0, 3] = 0.1
    assert not is_monotone(given.responses, np.ones(2))
    assert is_monotone(given.responses, np.array([0.0, 1.0]))
