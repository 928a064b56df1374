"""What every forecaster must keep, whichever it is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from models_ml.errors import ModelError
from models_ml.evaluation.hierarchy import LEVELS, Hierarchy
from models_ml.forecasters.base import Forecast, Forecaster, on_sale
from models_ml.forecasters.moving_average import MovingAverage
from models_ml.forecasters.registry import CLASSES, make_forecaster
from models_ml.marts import Marts, read_daily
from tests.models_ml.forecasters.conftest import HORIZON, Twins

pytestmark = pytest.mark.dbt


@pytest.fixture(params=sorted(CLASSES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def forecast_of(name: str, twins: Twins, future: str, stores: tuple[str, ...] = ()) -> Forecast:
    marts = twins.marts(getattr(twins, future), stores)
    forecaster = make_forecaster(name, seed=7, threads=2)
    forecaster.fit(marts)
    return forecaster.forecast(marts)


def test_meets_the_interface(name: str) -> None:
    forecaster = make_forecaster(name, seed=1, threads=1)
    assert isinstance(forecaster, Forecaster)
    assert forecaster.name == name


def test_is_whole_finite_and_not_negative(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    assert forecast.mean.shape == (len(forecast.series), HORIZON)
    assert np.isfinite(forecast.mean).all()
    assert (forecast.mean >= 0).all()
    assert forecast.mean.sum() > 0


def test_knows_nothing_of_the_future(name: str, twins: Twins) -> None:
    assert_same_future(forecast_of(name, twins, "true"), forecast_of(name, twins, "scrambled"))


def assert_same_future(true: Forecast, scrambled: Forecast) -> None:
    """Forecasts from twins that differ only after the origin must not differ."""
    assert true.series.equals(scrambled.series)
    assert true.mean.tobytes() == scrambled.mean.tobytes()
    for part in ("quantiles", "node_quantiles"):
        one, other = getattr(true, part), getattr(scrambled, part)
        assert (one is None) == (other is None)
        assert one is None or one.tobytes() == other.tobytes()


def test_is_repeatable_byte_for_byte(name: str, twins: Twins) -> None:
    again = forecast_of.__wrapped__(name, twins, "true")
    assert again.mean.tobytes() == forecast_of(name, twins, "true").mean.tobytes()


class Peeking(MovingAverage):
    """A moving average with a planted look-ahead feature: sales read past the guard of `Marts.daily`."""

    def __init__(self, days_ahead: int) -> None:
        super().__init__()
        self.days_ahead = days_ahead

    def forecast(self, marts: Marts) -> Forecast:
        future = read_daily(marts, marts.target_dates[0], marts.target_dates[self.days_ahead - 1], "units")
        honest = super().forecast(marts)
        return Forecast(honest.series, honest.mean + 0.01 * future.mean(axis=1, keepdims=True) * on_sale(marts))


@pytest.mark.parametrize("days_ahead", [1, HORIZON])
def test_a_planted_look_ahead_is_caught(twins: Twins, days_ahead: int) -> None:
    forecasts = [Peeking(days_ahead).forecast(twins.marts(home)) for home in (twins.true, twins.scrambled)]
    with pytest.raises(AssertionError):
        assert_same_future(*forecasts)


def test_marts_refuse_sales_after_the_origin(twins: Twins) -> None:
    marts = twins.marts(twins.true)
    for read in (marts.daily, marts.store_department_daily):
        with pytest.raises(ModelError, match="not known"):
            read(marts.origin, marts.target_dates[0])


def test_all_twelve_levels_add_up(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    hierarchy = Hierarchy.of(forecast.series, LEVELS)
    sums = hierarchy.aggregate(forecast.mean)
    for level in LEVELS:
        at = hierarchy.level_of_node == level.number
        np.testing.assert_allclose(sums[at].sum(axis=0), forecast.mean.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(forecast.node_mean, sums[hierarchy.level_of_node <= 9], rtol=1e-4, atol=1e-4)


def test_an_item_that_is_not_on_sale_yet_is_not_forecast(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    marts = twins.marts(twins.true)
    rows = np.flatnonzero(forecast.series["item_id"] == twins.new)
    assert len(rows) > 0
    targets = np.array(marts.target_dates, dtype="datetime64[D]")
    before = targets < forecast.series["launch_date"].to_numpy()[rows][0].astype("datetime64[D]")
    assert before.any()
    assert not before.all()
    assert (forecast.mean[rows][:, before] == 0).all()


def test_an_item_that_never_sold_is_forecast_at_next_to_nothing(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    unsold = forecast.mean[forecast.series["item_id"] == twins.unsold]
    assert unsold.size
    assert unsold.max() <= 0.5


def test_works_for_one_store(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true", ("CA_1",))
    assert set(forecast.series["store_id"]) == {"CA_1"}
    assert forecast.mean.sum() > 0


def test_quantiles_are_in_order_and_hold_the_mean_of_a_busy_node(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    if forecast.quantiles is None:
        return
    assert forecast.node_quantiles is not None
    for quantiles in (forecast.quantiles, forecast.node_quantiles):
        assert (quantiles >= 0).all()
        assert (np.diff(quantiles, axis=2) >= 0).all()
    total, mean = forecast.node_quantiles[0], forecast.node_mean[0]
    assert ((total[:, 0] < mean) & (mean < total[:, -1])).all()
