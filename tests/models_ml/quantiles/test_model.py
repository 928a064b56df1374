"""The model on simulated counts whose distribution is known, which it is not told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from models_ml.errors import ModelError
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.quantiles import QuantileModel, QuantileParameters, attach
from models_ml.forecasters.quantiles.dispersion import learn_dispersion
from models_ml.forecasters.replays import Replays
from models_ml.hierarchy.aggregation import Hierarchy
from models_ml.settings import QUANTILES

ITEMS, STORES, REPLAYS, HORIZON = 200, 2, 8, 14
EXACT = QuantileParameters(interval_coverage=1.0)
"""Quantiles of whole numbers as they are, without narrowing the interval of rare sellers."""

World = tuple[Hierarchy, Replays, np.ndarray, np.ndarray]
"""Hierarchy, replays, the mean of the days to come, and each series' true dispersion."""


def series() -> pd.DataFrame:
    rows = [(f"I_{i:03d}", f"CA_{s}", f"D_{i % 3}", "C", "CA") for s in range(STORES) for i in range(ITEMS)]
    return pd.DataFrame(rows, columns=["item_id", "store_id", "department_id", "category_id", "region_id"])


def draw(rng: np.random.Generator, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    size = 1 / dispersion
    return rng.negative_binomial(np.broadcast_to(size, mean.shape), size / (size + mean)).astype(np.float32)


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(8)
    hierarchy = Hierarchy.of(series())
    level = np.exp(rng.normal(0.5, 1.0, len(hierarchy.series)))
    dispersion = np.where(np.arange(len(level)) % 2, 0.2, 1.5)
    mean = (level[:, None, None] * rng.uniform(0.7, 1.3, (1, REPLAYS, HORIZON))).astype(np.float32)
    actual = draw(rng, mean, dispersion[:, None, None])
    replays = Replays(mean, actual, np.ones(mean.shape, dtype=bool), "regression")
    return hierarchy, replays, np.repeat(level[:, None], HORIZON, axis=1).astype(np.float32), dispersion


@pytest.fixture(scope="module")
def fitted(world: World) -> QuantileModel:
    return QuantileModel.fit(world[0], world[1], EXACT)


def test_dispersion_is_found_again(world: World) -> None:
    _, replays, _, truth = world
    group = (truth > 1).astype(int)
    found = learn_dispersion(replays.mean, replays.actual, replays.usable, group, 5.0).of_node
    assert np.median(found[truth == 1.5]) == pytest.approx(1.5, rel=0.25)
    assert np.median(found[truth == 0.2]) == pytest.approx(0.2, rel=0.5)


def test_quantiles_of_series_are_close_to_the_truth(world: World, fitted: QuantileModel) -> None:
    hierarchy, _, mean, truth = world
    found = attach(Forecast(hierarchy.series, mean), hierarchy, fitted.predict(mean)).quantiles
    assert found is not None
    size = 1 / truth[:, None, None]
    true = nbinom.ppf(np.array(QUANTILES), size, size / (size + mean[:, :, None]))
    assert np.abs(found - true).mean() < 0.12 * true.mean()
    assert np.abs(found - true).mean() < 0.5


def test_future_counts_fall_below_quantiles_as_often_as_they_should(world: World, fitted: QuantileModel) -> None:
    hierarchy, _, mean, truth = world
    rng = np.random.default_rng(99)
    quantiles = fitted.predict(mean)
    draws = [hierarchy.aggregate(draw(rng, mean, truth[:, None])) for _ in range(20)]
    for level in (1, 5, 9, 10, 12):
        at = hierarchy.level_of_node == level
        at_most = np.mean([(d[at][:, :, None] <= quantiles[at]).mean(axis=(0, 1)) for d in draws], axis=0)
        below = np.mean([(d[at][:, :, None] < quantiles[at]).mean(axis=(0, 1)) for d in draws], axis=0)
        slack = 0.05 if level < 10 else 0.015  # few nodes: what they replayed is what they know
        assert (below - slack <= QUANTILES).all(), level
        assert (at_most + slack >= QUANTILES).all(), level


def test_an_interval_of_rare_sellers_covers_no_more_than_allowed(world: World) -> None:
    hierarchy, replays, mean, truth = world
    rare = Replays(replays.mean / 8, draw(np.random.default_rng(1), replays.mean / 8, truth[:, None, None]),
                   replays.usable, "regression")  # fmt: skip
    covers = {}
    for allowed in (1.0, 0.95):
        model = QuantileModel.fit(hierarchy, rare, QuantileParameters(interval_coverage=allowed))
        at = hierarchy.level_of_node == 12
        quantiles = model.predict(mean / 8)[at]
        actual = hierarchy.aggregate(draw(np.random.default_rng(2), mean / 8, truth[:, None]))[at]
        low, high = QUANTILES.index(0.025), QUANTILES.index(0.975)
        covers[allowed] = ((actual >= quantiles[:, :, low]) & (actual <= quantiles[:, :, high])).mean()
    assert covers[1.0] > 0.97
    assert covers[0.95] == pytest.approx(0.95, abs=0.015)


def test_wrong_spread_is_put_right_by_calibration(world: World) -> None:
    """Zero-inflated sales are no negative binomial; the probabilities asked for make up for it."""
    hierarchy, replays, mean, _ = world
    rng = np.random.default_rng(3)

    def zero_inflated(m: np.ndarray) -> np.ndarray:
        return (rng.poisson(m / 0.6) * (rng.random(m.shape) < 0.6)).astype(np.float32)

    inflated = Replays(replays.mean, zero_inflated(replays.mean), replays.usable, "regression")
    model = QuantileModel.fit(hierarchy, inflated, EXACT)
    at = hierarchy.level_of_node == 12
    quantiles = model.predict(mean)[at]
    actual = hierarchy.aggregate(zero_inflated(mean))[at]
    at_most, below = (
        (actual[:, :, None] <= quantiles).mean(axis=(0, 1)),
        (actual[:, :, None] < quantiles).mean(axis=(0, 1)),
    )
    assert (below - 0.02 <= QUANTILES).all()
    assert (at_most + 0.02 >= QUANTILES).all()


def test_every_level_is_ordered_and_not_negative_and_silent_where_the_mean_is(
    world: World, fitted: QuantileModel
) -> None:
    hierarchy, _, mean, _ = world
    mean = mean.copy()
    mean[:5] = 0
    mean[:, 3] = 0
    quantiles = fitted.predict(mean)
    assert quantiles.dtype == np.float32
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert (quantiles >= 0).all()
    assert not quantiles[:, 3].any()
    attached = attach(Forecast(hierarchy.series, mean), hierarchy, quantiles)
    assert attached.quantiles is not None
    assert not attached.quantiles[:5].any()


def test_a_median_follows_the_mean(world: World, fitted: QuantileModel) -> None:
    _, _, mean, _ = world
    one, two = fitted.predict(mean), fitted.predict(2 * mean)
    assert (two >= one - 1e-3).mean() > 0.995
    assert two[0, :, 4] == pytest.approx(2 * one[0, :, 4], rel=0.05)


def test_series_and_nodes_come_in_the_order_of_the_forecast(world: World, fitted: QuantileModel) -> None:
    hierarchy, _, mean, _ = world
    forecast = attach(Forecast(hierarchy.series, mean), hierarchy, fitted.predict(mean))
    assert forecast.quantiles is not None
    assert forecast.node_quantiles is not None
    assert np.corrcoef(forecast.quantiles[:, 0, 5], mean[:, 0])[0, 1] > 0.9
    assert forecast.node_quantiles.shape == (len(forecast.hierarchy.nodes), HORIZON, len(QUANTILES))
    assert np.allclose(forecast.node_quantiles[:, :, 4], forecast.node_mean, rtol=0.15)


def test_nothing_replayed_still_gives_quantiles(world: World) -> None:
    hierarchy, _, mean, _ = world
    nothing = np.zeros((len(mean), 0, HORIZON), dtype=np.float32)
    model = QuantileModel.fit(hierarchy, Replays(nothing, nothing, nothing.astype(bool), "none"), QuantileParameters())
    quantiles = model.predict(mean)
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert (quantiles[..., -1] > 0).all()
    assert model.around(Forecast(hierarchy.series, mean)).details["quantiles"]["replay_method"] == "none"


def test_a_series_without_replays_is_as_spread_as_its_kind(world: World, fitted: QuantileModel) -> None:
    hierarchy, replays, mean, _ = world
    usable = replays.usable.copy()
    usable[7] = False
    model = QuantileModel.fit(hierarchy, Replays(replays.mean, replays.actual, usable, "regression"), EXACT)
    quantiles = attach(Forecast(hierarchy.series, mean), hierarchy, model.predict(mean)).quantiles
    assert quantiles is not None
    assert (quantiles[7, :, -1] > mean[7]).all()


def test_stored_and_reloaded_it_gives_the_same_bytes(world: World, fitted: QuantileModel, tmp_path: Path) -> None:
    hierarchy, _, mean, _ = world
    fitted.save(tmp_path)
    reloaded = QuantileModel.load(tmp_path)
    forecast = Forecast(hierarchy.series, mean)
    one, other = fitted.around(forecast), reloaded.around(forecast)
    for part in ("quantiles", "node_quantiles"):
        assert getattr(one, part).tobytes() == getattr(other, part).tobytes()
    assert one.details == other.details


def test_other_series_than_it_was_fitted_on_are_refused_by_name(world: World, fitted: QuantileModel) -> None:
    hierarchy, _, mean, _ = world
    with pytest.raises(ModelError, match="I_000 in CA_0"):
        fitted.around(Forecast(hierarchy.series.iloc[1:], mean[1:]))
    with pytest.raises(ModelError, match="order"):
        fitted.around(Forecast(hierarchy.series.iloc[::-1], mean[::-1]))


def test_stored_quantiles_of_other_probabilities_are_refused(fitted: QuantileModel, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    stored = tmp_path / "quantiles.json"
    stored.write_text(json.dumps({**json.loads(stored.read_text()), "probabilities": [0.1, 0.9]}))
    with pytest.raises(ModelError, match=r"0\.1, 0\.9"):
        QuantileModel.load(tmp_path)
