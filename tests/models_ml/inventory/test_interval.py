"""The spread of sums over several days, on demand whose law is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from models_ml.evaluation import counts
from models_ml.forecasters.replays import Replays
from models_ml.inventory.interval import learn_spread
from models_ml.inventory.policy import stock_target

SERIES, REPLAYS, HORIZON, DAYS = 3_000, 13, 28, 10


@pytest.fixture(scope="module")
def demand() -> tuple[np.ndarray, np.ndarray]:
    """Means, and demand whose level errs the same way on all days of a replay: successive days are correlated."""
    rng = np.random.default_rng(3)
    mean = np.repeat(rng.lognormal(0.0, 1.2, SERIES)[:, None], REPLAYS * HORIZON, axis=1)
    level = np.repeat(rng.gamma(8, 1 / 8, (SERIES, REPLAYS)), HORIZON, axis=1)
    shape = (SERIES, REPLAYS, HORIZON)
    return mean.reshape(shape), rng.poisson(mean * level).astype(float).reshape(shape)


def replays(demand: tuple[np.ndarray, np.ndarray], which: slice) -> Replays:
    mean, actual = (values[:, which] for values in demand)
    return Replays(mean.astype(np.float32), actual.astype(np.float32), np.ones(mean.shape, bool), "rule")


@pytest.mark.parametrize("service_level", [0.8, 0.95, 0.99])
def test_sums_stay_within_the_level_as_often_as_asked(
    demand: tuple[np.ndarray, np.ndarray], service_level: float
) -> None:
    """Learned on twelve replays, tried on the thirteenth; in every volume, not only on average over them."""
    spread = learn_spread(replays(demand, slice(1, None)), np.zeros(SERIES, dtype=int), DAYS)
    expected, actual = (values[:, 0, :DAYS].sum(axis=1) for values in demand)
    asked = np.full(SERIES, service_level)
    shares = (np.arange(SERIES) * 0.618034) % 1
    level = stock_target(expected, spread, asked, np.ones(SERIES, bool), shares).level
    kept = actual <= level
    assert kept.mean() == pytest.approx(service_level, abs=0.02)
    for part in np.array_split(np.argsort(expected), 3):
        assert kept[part].mean() == pytest.approx(service_level, abs=0.035)


def test_independent_days_would_be_too_narrow(demand: tuple[np.ndarray, np.ndarray]) -> None:
    """What the replayed sums are for: with the spread of one day carried over as if days were independent, stock runs
    out far more often than asked."""
    expected, actual = (values[:, 0, :DAYS].sum(axis=1) for values in demand)
    fast = expected > 30
    independent = stats.poisson.ppf(0.95, expected[fast])
    assert (actual[fast] <= independent).mean() < 0.87


def test_a_forecaster_better_than_its_twin_holds_less_than_for_the_twins_errors(
    demand: tuple[np.ndarray, np.ndarray],
) -> None:
    """The twin errs by its items' levels, too; the forecaster tells an eighth of its own replays, which count half."""
    mean, actual = demand
    wrong = np.random.default_rng(4).lognormal(-0.08, 0.4, (SERIES, REPLAYS, 1))
    twin, own = replays((mean * wrong, actual), slice(1, None)), replays(demand, slice(1, None))
    told = np.random.default_rng(5).random(own.usable.shape[:2]) < 1 / 8
    own = replace(own, usable=own.usable & told[:, :, None])
    expected, came = (values[:, 0, :DAYS].sum(axis=1) for values in demand)
    shares = (np.arange(SERIES) * 0.618034) % 1

    def kept(asked: float, errors: Replays | None) -> float:
        spread = learn_spread(twin, np.zeros(SERIES, dtype=int), DAYS, errors)
        target = stock_target(expected, spread, np.full(SERIES, asked), np.ones(SERIES, bool), shares)
        return float((came <= target.level).mean())

    for asked in (0.8, 0.9, 0.95):
        by_twin, by_both = kept(asked, None) - asked, kept(asked, own) - asked
        assert by_twin > 0.02
        assert by_both == pytest.approx(by_twin / 2, abs=0.012)


def test_shelves_that_were_empty_are_expected_to_sell_what_such_shelves_sold() -> None:
    mean = np.zeros((40, 5, HORIZON), dtype=np.float32)
    mean[20:] = 1.0
    actual = np.full(mean.shape, 0.2, dtype=np.float32)
    spread = learn_spread(Replays(mean, actual, np.ones(mean.shape, bool), "rule"), np.repeat([0, 1], 20), DAYS)
    assert spread.least[:20] == pytest.approx(0.2 * DAYS)
    assert not spread.least[20:].any()


def test_18_07_expected_demand_is_the_forecast_and_what_sells_without_one_is_safety_stock() -> None:
    """A forecaster without replays of its own was refused by the store's check: its policies expected more than it."""
    mean = np.zeros((40, 5, HORIZON), dtype=np.float32)
    mean[20:] = 1.0
    actual = np.full(mean.shape, 0.2, dtype=np.float32)
    spread = learn_spread(Replays(mean, actual, np.ones(mean.shape, bool), "rule"), np.repeat([0, 1], 20), DAYS)
    forecast = np.where(np.arange(40) < 20, 0.0, float(DAYS))
    target = stock_target(forecast, spread, np.full(40, 0.95), np.ones(40, bool))
    assert np.array_equal(target.expected, forecast)
    assert (target.level[:20] > 0).all()  # held all the same
    assert (target.short[:20] == 0).all()


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 2.0), (4.0, 0.5), (25.0, 0.1)])
def test_expected_short_is_the_sum_over_all_demands(mean: float, dispersion: float) -> None:
    size = 1 / dispersion
    units = np.arange(2_000)
    mass = stats.nbinom.pmf(units, size, size / (size + mean))
    for stock in (0, 1, 5, 40):
        brute = (mass * np.maximum(units - stock, 0)).sum()
        told = counts.expected_short(np.array([mean]), np.array([dispersion]), np.array([float(stock)]))
        assert told[0] == pytest.approx(brute, rel=1e-6, abs=1e-9)


def test_levels_are_the_distributions_quantiles_where_nothing_was_replayed() -> None:
    nothing = np.zeros((3, 0, HORIZON), dtype=np.float32)
    spread = learn_spread(Replays(nothing, nothing, nothing.astype(bool), "none"), np.zeros(3, dtype=int), DAYS)
    mean = np.array([0.5, 5.0, 50.0])
    level = stock_target(mean, spread, np.full(3, 0.9), np.ones(3, bool)).level
    assert (counts.cumulative(level, mean, spread.dispersion) >= 0.9).all()
    assert (counts.cumulative(level - 1, mean, spread.dispersion) < 0.9).all()


def test_stored_replays_are_the_usable_ones(demand: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    every = replays(demand, slice(0, 3))
    usable = np.random.default_rng(6).random(every.usable.shape[:2]) < 0.2
    some = replace(every, usable=every.usable & usable[:, :, None])
    some.save(tmp_path / "replays.npz")
    read = Replays.load(tmp_path / "replays.npz")
    assert read.method == some.method
    assert read.usable.tobytes() == some.usable.tobytes()
    assert read.mean.tobytes() == (some.mean * some.usable).tobytes()
    assert read.actual.tobytes() == (some.actual * some.usable).tobytes()
