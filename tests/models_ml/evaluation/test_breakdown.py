"""Errors by node and by lead day, against a long frame in pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models_ml.evaluation.breakdown import LEAD_COLUMNS, NODE_COLUMNS, lead_errors, node_errors
from models_ml.evaluation.metrics import Evaluator
from models_ml.hierarchy.aggregation import LEVELS, Hierarchy, node_ids
from tests.models_ml.hierarchy.test_hierarchy import SERIES

HISTORY, HORIZON = 40, 28


@pytest.fixture(scope="module")
def drawn() -> tuple[Evaluator, np.ndarray, np.ndarray, np.ndarray]:
    """An evaluator; units known, units that came (of the first series none), and a forecast of the series."""
    rng = np.random.default_rng(11)
    known, came = rng.poisson(2.0, (len(SERIES), HISTORY)), rng.poisson(2.0, (len(SERIES), HORIZON))
    known[1], came[0] = 0, 0
    forecast = rng.uniform(0, 4, came.shape).astype(np.float32)
    weight = known[:, -28:].sum(axis=1).astype(np.float64)
    return Evaluator.of(Hierarchy.of(SERIES), known, came, weight), known, came, forecast


def long(values: np.ndarray, name: str) -> pd.DataFrame:
    """One row a series and day, with its node on every level."""
    frame = SERIES.assign(**{level.name: node_ids(SERIES, level) for level in LEVELS})
    return pd.concat([frame, pd.DataFrame(values)], axis=1).melt([*frame.columns], value_name=name, var_name="day")


def daily(came: np.ndarray, forecast: np.ndarray, level: str) -> pd.DataFrame:
    """Units sold and forecast of every node of a level and day."""
    both = long(came, "sold").assign(said=long(forecast, "said")["said"])
    return both.groupby([level, "day"])[["sold", "said"]].sum().reset_index()


def test_every_node_and_series_has_its_errors(drawn: tuple[Evaluator, np.ndarray, np.ndarray, np.ndarray]) -> None:
    evaluator, known, came, forecast = drawn
    errors = node_errors(evaluator, forecast)
    assert list(errors.columns) == NODE_COLUMNS
    errors = errors.set_index("node_id")
    assert len(errors) == len(evaluator.hierarchy.nodes)
    for level in LEVELS:
        days = daily(came, forecast, level.name).assign(wrong=lambda d: (d["said"] - d["sold"]).abs())
        sums = days.groupby(level.name)[["sold", "said", "wrong"]].sum()
        own = errors.loc[sums.index]
        np.testing.assert_allclose(own["actual_units"], sums["sold"])
        np.testing.assert_allclose(own["forecast_units"], sums["said"], rtol=1e-5)
        np.testing.assert_allclose(own["absolute_error_units"], sums["wrong"], rtol=1e-5)
        past = long(known, "sold").groupby([level.name, "day"])["sold"].sum().reset_index()
        for node, history in past.groupby(level.name)["sold"]:
            steps = np.diff(history.to_numpy()[np.argmax(history.to_numpy() > 0) :])
            wrong = (days["said"] - days["sold"])[days[level.name] == node]
            if steps.any():
                assert own.loc[node, "rmsse"] == pytest.approx(np.sqrt((wrong**2).mean() / (steps**2).mean()), rel=1e-5)
            else:
                assert np.isnan(own.loc[node, "rmsse"])
    assert (errors["actual_units"] == 0).any()
    assert errors["rmsse"].isna().any()


def test_every_lead_day_has_its_errors_on_every_level(
    drawn: tuple[Evaluator, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    evaluator, _, came, forecast = drawn
    errors = lead_errors(evaluator, evaluator.of_nodes(forecast))
    assert list(errors.columns) == LEAD_COLUMNS
    assert len(errors) == len(LEVELS) * HORIZON
    for level in LEVELS:
        days = daily(came, forecast, level.name).assign(wrong=lambda d: (d["said"] - d["sold"]).abs())
        sums = days.groupby("day")[["sold", "said", "wrong"]].sum()
        own = errors[errors["level"] == level.number].set_index("lead_days")
        assert list(own.index) == [day + 1 for day in sums.index]
        np.testing.assert_allclose(own["actual_units"], sums["sold"])
        np.testing.assert_allclose(own["forecast_units"], sums["said"], rtol=1e-5)
        np.testing.assert_allclose(own["absolute_error_units"], sums["wrong"], rtol=1e-5)
