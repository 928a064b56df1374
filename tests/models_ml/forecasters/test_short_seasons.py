"""Node models on histories of a year or less, of which a horizon is a large part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models_ml.forecasters.middle_out.boosting import BoostingParameters, fit_boosting
from models_ml.forecasters.nodes.panel import Calendar, NodePanel, first_origin
from models_ml.forecasters.nodes.regression import RegressionParameters, fit_regression

HORIZON = 56
NODES = 4


def seasonal(known: int) -> tuple[NodePanel, np.ndarray]:
    """Nodes whose weeks are alike and whose level is a wave of a year that begins to fall; and what they will sell."""
    days = pd.date_range(end="2024-06-01", periods=known).append(pd.date_range("2024-06-02", periods=HORIZON))
    wave = 1 + 0.4 * np.cos(2 * np.pi * (days.dayofyear.to_numpy() - 130) / 365.25)
    level = np.array([40.0, 60.0, 90.0, 30.0])[:, None]
    noise = np.random.default_rng(1).lognormal(0, 0.03, (NODES, len(days)))
    units = level * wave * np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.4, 0.9])[days.dayofweek] * noise
    names = [str(number) for number in range(NODES)]
    nothing, ones = np.zeros((NODES, len(days))), np.ones(NODES)
    panel = NodePanel(
        nodes=pd.DataFrame(
            {"node_id": names, "store_id": names, "department_id": "d", "category_id": "c", "region_id": "r"}
        ),
        known_days=known,
        horizon_days=HORIZON,
        units=units[:, :known],
        closed=nothing.astype(bool),
        regional_flag=nothing,
        on_sale=nothing + 5,
        weight=ones / NODES,
        scale=ones,
        calendar=Calendar(
            weekday=days.dayofweek.to_numpy() + 1,
            day_of_month=days.day.to_numpy(),
            day_of_year=days.dayofyear.to_numpy(),
            month=days.month.to_numpy(),
            event_names=(),
            event=np.zeros(len(days)),
            event_windows={},
            major_event=np.full(len(days), np.nan),
            major_distance=np.full(len(days), np.nan),
        ),
    )
    return panel, units[:, known:]


def off(said: np.ndarray, sold: np.ndarray) -> float:
    """Relative error of the sum of all nodes and days."""
    return abs(float(said.sum() / sold.sum()) - 1)


def test_a_season_seen_once_is_known_to_come_again() -> None:
    """A year and a half of history: the level that follows from last year, not the one that the last weeks point to."""
    panel, sold = seasonal(532)
    stays = off(np.repeat(panel.units[:, -28:].mean(axis=1, keepdims=True), HORIZON, axis=1), sold)
    regression = fit_regression(panel, RegressionParameters()).predict(panel)
    boosting = fit_boosting(panel, BoostingParameters(rounds=100, seeds=1), seed=1, threads=1).predict(panel)
    assert off(regression, sold) < stays / 2
    assert off(boosting, sold) < stays


def test_a_part_of_a_year_tells_no_season() -> None:
    panel, sold = seasonal(380)
    fitted = fit_regression(panel, RegressionParameters())
    waves = [name.startswith("season") for name in fitted.regressors]
    assert sum(waves) == 12
    assert np.abs(fitted.coefficients[:, waves]).max() < 1e-6
    assert off(fitted.predict(panel), sold) < 0.3


@pytest.mark.parametrize(("last", "first"), [(1913, 400), (764, 400), (763, 399), (476, 112), (392, 28), (84, 28)])
def test_training_begins_where_a_year_of_it_is_left(last: int, first: int) -> None:
    assert first_origin(400, last) == first
