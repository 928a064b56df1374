"""Quantiles of a week's sum, on simulated days whose errors go together, or do not; the model is not told which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models_ml.forecasters.quantiles import QuantileModel, QuantileParameters
from models_ml.forecasters.quantiles.model import week_sums
from models_ml.forecasters.replays import Replays
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, Hierarchy
from models_ml.settings import QUANTILES

STORES, DEPARTMENTS, REPLAYS, HORIZON, FUTURES = 8, 10, 13, 28, 40
LOW, HIGH = QUANTILES.index(0.025), QUANTILES.index(0.975)
DAY_SPREAD = 0.15


def drawn(rng: np.random.Generator, mean: np.ndarray, shared: float) -> np.ndarray:
    """Counts around means (.. x horizon): a part `shared` of the log errors' variance is that of the whole week."""
    week = np.repeat(rng.normal(0, 1, (*mean.shape[:-1], HORIZON // 7)), 7, axis=-1)
    noise = DAY_SPREAD * (np.sqrt(shared) * week + np.sqrt(1 - shared) * rng.normal(0, 1, mean.shape))
    return rng.poisson(mean * np.exp(noise - DAY_SPREAD**2 / 2)).astype(np.float32)


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_a_weeks_range_holds_as_often_as_it_says_whether_errors_of_days_go_together_or_not(shared: float) -> None:
    rng = np.random.default_rng(5)
    series = pd.DataFrame(
        [
            (f"I_{d}", f"CA_{s}", f"D_{d}", f"C_{d % 3}", "CA" if s % 2 else "TX")
            for s in range(STORES)
            for d in range(DEPARTMENTS)
        ],
        columns=["item_id", "store_id", "department_id", "category_id", "region_id"],
    )
    level = rng.uniform(50, 400, (len(series), 1, 1))
    mean = (level * rng.uniform(0.8, 1.2, (1, REPLAYS, HORIZON))).astype(np.float32)
    replays = Replays(mean, drawn(rng, mean, shared), np.ones(mean.shape, dtype=bool), "regression")
    hierarchy = Hierarchy.of(series)
    model = QuantileModel.fit(hierarchy, replays, QuantileParameters())

    ahead = np.repeat(level[:, 0], HORIZON, axis=1).astype(np.float32)
    weeks, days = model.predict_weeks(ahead), model.predict(ahead)
    aggregates = Hierarchy.of(series, AGGREGATE_LEVELS)
    assert weeks.shape == (len(aggregates.nodes), HORIZON // 7, len(QUANTILES))
    assert (np.diff(weeks, axis=2) >= 0).all()
    at = aggregates.level_of_node == AGGREGATE_LEVELS[-1].number
    came = np.stack([week_sums(aggregates.aggregate(drawn(rng, ahead, shared))) for _ in range(FUTURES)])[:, at]
    inside = (came >= weeks[at, :, LOW]) & (came <= weeks[at, :, HIGH])
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    # The days' quantiles added up are right only where all days of a week err alike.
    added = [week_sums(days[: len(at)][at][:, :, position]) for position in (LOW, HIGH)]
    naive = ((came >= added[0]) & (came <= added[1])).mean()
    assert naive > 0.99 if shared < 1 else naive == pytest.approx(0.95, abs=0.03)


def test_a_last_week_that_is_shorter_is_summed_over_its_days() -> None:
    assert week_sums(np.arange(10.0)).tolist() == [21.0, 24.0]
