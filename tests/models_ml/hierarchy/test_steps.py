"""Sums of weeks out of their days."""

from __future__ import annotations

import numpy as np
import pytest

from models_ml.hierarchy.steps import even_days, step_sums


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_18_10_whole_numbers_come_back_whole(kind: type) -> None:
    weeks = np.arange(200_000, dtype=kind)[:, None]
    assert np.array_equal(step_sums(even_days(weeks, 7).astype(kind), 7), weeks)
    for units in (1, 5, 133, 200):
        marts = np.full((1, 7), units, dtype=kind) / kind(7)
        assert step_sums(marts, 7).item() == units


def test_18_10_what_is_not_whole_stays_so() -> None:
    weeks = np.array([[0.3, 7.25, 99.99]], dtype=np.float32)
    assert step_sums(even_days(weeks, 7), 7) == pytest.approx(weeks, rel=1e-6)
    assert step_sums(weeks, 1) is weeks
