"""Which model forecasts a short history, and from where on none does."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from models_ml.errors import ModelError
from models_ml.runs.plan import fitting_model

ORIGIN = date(2024, 5, 26)


def marts(known_days: int, horizon_days: int) -> Any:
    first = ORIGIN - timedelta(days=known_days - 1)
    return SimpleNamespace(origin=ORIGIN, first_day=first, horizon_days=horizon_days)


@pytest.mark.parametrize(
    ("known", "horizon", "model"),
    [(35, 7, "recent_weeks"), (118, 7, "recent_weeks"), (119, 7, "middle_out"), (140, 28, "middle_out"),
     (139, 28, "recent_weeks"), (112, 84, "recent_weeks")],
)  # fmt: skip
def test_a_few_months_are_forecast_by_the_simple_model(known: int, horizon: int, model: str) -> None:
    name, note = fitting_model("middle_out", marts(known, horizon))
    assert name == model
    assert (str(known) in note) == (model == "recent_weeks")


def test_a_model_that_was_asked_for_is_kept() -> None:
    assert fitting_model("seasonal_naive", marts(60, 28)) == ("seasonal_naive", "")


@pytest.mark.parametrize(("known", "horizon"), [(34, 7), (55, 28), (111, 84)])
def test_less_than_a_backtest_needs_is_refused(known: int, horizon: int) -> None:
    with pytest.raises(ModelError, match=f"{known} days of sales .* need {horizon + 28}"):
        fitting_model("middle_out", marts(known, horizon))
