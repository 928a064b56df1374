"""Quantiles on real marts: nothing of the future, one store, items without sales or history, any forecaster."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from models_ml.forecasters.base import Forecast
from models_ml.forecasters.moving_average import MovingAverage
from models_ml.forecasters.quantiles import fit_quantiles
from models_ml.forecasters.quantiles.replay import replay
from models_ml.runs.backtest import backtest
from models_ml.warehouse.marts import Marts
from tests.models_ml.forecasters.conftest import ORIGIN, Twins

pytestmark = pytest.mark.dbt


@cache
def forecast_of(twins: Twins, future: str, stores: tuple[str, ...] = ()) -> Forecast:
    marts = twins.marts(getattr(twins, future), stores)
    return fit_quantiles(marts).around(MovingAverage().forecast(marts))


def both(forecast: Forecast) -> tuple[np.ndarray, np.ndarray]:
    assert forecast.quantiles is not None
    assert forecast.node_quantiles is not None
    return forecast.quantiles, forecast.node_quantiles


def test_quantiles_know_nothing_of_the_future(twins: Twins) -> None:
    for one, other in zip(both(forecast_of(twins, "true")), both(forecast_of(twins, "scrambled")), strict=True):
        assert one.tobytes() == other.tobytes()


def test_replays_know_nothing_of_what_came_after_them(twins: Twins) -> None:
    """The last horizon before the origin is scrambled in one twin, as seen from its end: its replay must not change."""
    later = pd.Timestamp(ORIGIN) + pd.Timedelta(days=28)
    one, other = (
        replay(Marts(twins.marts(home).warehouse, later.date(), 28)) for home in (twins.true, twins.scrambled)
    )
    assert one.mean[:, 0].tobytes() == other.mean[:, 0].tobytes()
    assert one.actual[:, 0].tobytes() != other.actual[:, 0].tobytes()


def test_history_long_enough_replays_the_regression(twins: Twins) -> None:
    replays = replay(twins.marts(twins.true))
    assert replays.method == "regression"
    ratio = replays.mean[replays.usable].sum() / replays.actual[replays.usable].sum()
    assert ratio == pytest.approx(1.0, abs=0.1)


def test_a_short_history_is_replayed_by_its_level(twins: Twins) -> None:
    marts = twins.marts(twins.true)
    early = Marts(marts.warehouse, (pd.Timestamp(marts.first_day) + pd.Timedelta(days=200)).date(), 28)
    replays = replay(early)
    assert (replays.method, replays.count) == ("trailing", 6)
    quantiles, nodes = both(fit_quantiles(early).around(MovingAverage().forecast(early)))
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert (nodes[0, :, -1] > nodes[0, :, 0]).all()


def test_days_before_a_launch_have_zeros_and_days_after_it_do_not_fail(twins: Twins) -> None:
    forecast = forecast_of(twins, "true")
    quantiles, _ = both(forecast)
    assert not quantiles[forecast.mean == 0].any()
    assert np.isfinite(quantiles).all()


def test_one_store(twins: Twins) -> None:
    quantiles, nodes = both(forecast_of(twins, "true", ("CA_1",)))
    assert (np.diff(quantiles, axis=2) >= 0).all()
    assert (np.diff(nodes, axis=2) >= 0).all()


def test_repeatable_byte_for_byte(twins: Twins) -> None:
    again = forecast_of.__wrapped__(twins, "true")
    assert both(again)[0].tobytes() == both(forecast_of(twins, "true"))[0].tobytes()


def test_a_backtest_scores_quantiles_on_all_levels_and_classes(twins: Twins) -> None:
    marts = twins.marts(twins.true)
    quiet = ORIGIN - timedelta(days=56)  # no series leaps in its horizon, which no moving average could know of
    metrics = backtest(marts, [quiet], [MovingAverage]).metrics
    wspl = metrics[metrics["metric"] == "wspl"].set_index("level")["value"]
    assert sorted(wspl.index) == list(range(13))
    assert wspl[0] == pytest.approx(wspl.drop(0).mean())
    for metric in ("coverage_95_week", "coverage_95_horizon"):
        sums = metrics[metrics["metric"] == metric].set_index("level")["value"]
        assert sorted(sums.index) == [*range(10), 12]
        assert sums.between(0.5, 1).all(), metric
    of_sums = metrics["metric"].isin(["coverage_95_week", "coverage_95_horizon"])
    classes = metrics[metrics["metric"].str.startswith("coverage_95_") & ~of_sums]
    assert set(classes["level"]) == {12}
    assert classes["value"].between(0.5, 1).all()
