"""What every forecaster must keep, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models_ml.errors import ModelError
from models_ml.forecasters.assortment import on_sale
from models_ml.forecasters.base import Forecast, Forecaster, Storable
from models_ml.forecasters.moving_average import MovingAverage
from models_ml.forecasters.quantiles import QuantileModel, fit_quantiles
from models_ml.forecasters.registry import CLASSES, make_forecaster
from models_ml.forecasters.storage import FittedModel
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, LEVELS
from models_ml.settings import QUANTILES
from models_ml.warehouse.connection import Warehouse
from models_ml.warehouse.marts import Marts, read_daily
from tests.models_ml.forecasters.conftest import BUSY_UNITS, HORIZON, Twins

pytestmark = pytest.mark.dbt


@pytest.fixture(params=sorted(CLASSES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def fitted(name: str, twins: Twins, future: str, stores: tuple[str, ...]) -> Forecaster:
    forecaster = make_forecaster(name, seed=7, threads=2)
    forecaster.fit(twins.marts(getattr(twins, future), stores))
    return forecaster


@cache
def forecast_of(name: str, twins: Twins, future: str, stores: tuple[str, ...] = ()) -> Forecast:
    """Mean and quantiles; the quantiles' model is the same for all."""
    forecaster = fitted(name, twins, future, stores)
    model = FittedModel(forecaster, quantile_model(twins, future, stores))
    return model.forecast(twins.marts(getattr(twins, future), stores))


@cache
def quantile_model(twins: Twins, future: str, stores: tuple[str, ...]) -> QuantileModel:
    return fit_quantiles(twins.marts(getattr(twins, future), stores))


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
    assert_same_bytes(true, scrambled)


def assert_same_bytes(one: Forecast, other: Forecast) -> None:
    assert one.mean.tobytes() == other.mean.tobytes()
    for part in ("quantiles", "node_quantiles"):
        assert (getattr(one, part) is None) == (getattr(other, part) is None)
        assert getattr(one, part) is None or getattr(one, part).tobytes() == getattr(other, part).tobytes()


@dataclass(frozen=True)
class Shuffled(Warehouse):
    """A warehouse that returns rows in another order, as any warehouse may."""

    warehouse: Warehouse

    def read(self, relation: str, columns: Sequence[str], **rest: Any) -> pa.Table:
        """See `Warehouse.read`."""
        table = self.warehouse.read(relation, columns, **rest)
        return table.take(np.random.default_rng(3).permutation(table.num_rows))


def test_is_repeatable_byte_for_byte(name: str, twins: Twins) -> None:
    """In whatever order the warehouse returns its rows."""
    again = make_forecaster(name, seed=7, threads=2)
    true = twins.marts(twins.true)
    marts = replace(true, warehouse=Shuffled(true.warehouse))
    again.fit(marts)
    assert again.forecast(marts).mean.tobytes() == forecast_of(name, twins, "true").mean.tobytes()


def test_stored_and_reloaded_it_forecasts_the_same_bytes(name: str, twins: Twins, tmp_path: Path) -> None:
    """In another folder and with other threads."""
    FittedModel(fitted(name, twins, "true", ()), quantile_model(twins, "true", ())).save(tmp_path / "stored")
    (tmp_path / "stored").rename(tmp_path / "moved")
    reloaded = FittedModel.load(tmp_path / "moved", threads=1)
    assert reloaded.forecaster.parameters() == fitted(name, twins, "true", ()).parameters()
    assert_same_bytes(reloaded.forecast(twins.marts(twins.true)), forecast_of(name, twins, "true"))


def test_a_model_of_all_stores_refuses_one_alone(name: str, twins: Twins) -> None:
    """Rather than forecast it with what belongs to others."""
    model = FittedModel(fitted(name, twins, "true", ()), quantile_model(twins, "true", ()))
    with pytest.raises(ModelError, match=r"[Tt]rain"):
        model.forecast(twins.marts(twins.true, ("CA_1",)))


def test_forecasts_nothing_before_it_is_fitted(name: str, twins: Twins, tmp_path: Path) -> None:
    forecaster = make_forecaster(name, seed=7, threads=1)
    if not isinstance(forecaster, Storable):
        # Nothing to learn: what is not fitted must forecast the same bytes as what is.
        mean = forecaster.forecast(twins.marts(twins.true)).mean
        assert mean.tobytes() == fitted(name, twins, "true", ()).forecast(twins.marts(twins.true)).mean.tobytes()
        return
    with pytest.raises(ModelError, match="fit"):
        forecaster.forecast(twins.marts(twins.true))
    with pytest.raises(ModelError, match="fit"):
        forecaster.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


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
    """Nodes as published against a pandas sum of the series, level by level; above items they are given."""
    forecast = forecast_of(name, twins, "true")
    long = forecast.series.reset_index(drop=True).join(pd.DataFrame(forecast.mean.astype(np.float64)))
    days = list(range(HORIZON))
    nodes = forecast.hierarchy.nodes.join(pd.DataFrame(forecast.node_mean))
    total = long[days].sum()
    for level in LEVELS:
        sums = long.groupby(list(level.keys))[days].sum() if level.keys else total.to_frame().T
        np.testing.assert_allclose(sums.sum(), total, rtol=1e-9)
        if level in AGGREGATE_LEVELS:
            own = nodes[nodes["level"] == level.number].sort_values(list(level.keys) or "node_id")[days]
            np.testing.assert_allclose(own, sums, rtol=1e-4, atol=1e-4)


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


def test_a_new_item_without_history_is_forecast_like_others_of_its_department(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    new = (forecast.series["item_id"] == twins.new).to_numpy()
    like = forecast.series["department_id"] == forecast.series["department_id"][new].iloc[0]
    assert np.isfinite(forecast.mean[new]).all()
    assert forecast.mean[new].max() <= forecast.mean[like & ~new].max()


@pytest.mark.parametrize("kind", ["dead", "out_of_season"])
def test_an_item_that_stopped_selling_is_forecast_at_next_to_nothing(name: str, kind: str, twins: Twins) -> None:
    """Whatever its department sells, and however much it sold in another season or in years gone by."""
    forecast = forecast_of(name, twins, "true")
    stopped = forecast.mean[forecast.series["item_id"] == twins.on_and_off[kind]]
    assert stopped.size
    assert stopped.mean(axis=1).max() <= 0.02 * BUSY_UNITS


@pytest.mark.parametrize("kind", ["in_season", "reviving"])
def test_an_item_that_sells_again_is_forecast_between_nothing_and_what_it_sold(
    name: str, kind: str, twins: Twins
) -> None:
    forecast = forecast_of(name, twins, "true")
    again = forecast.mean[forecast.series["item_id"] == twins.on_and_off[kind]]
    assert again.size
    assert again.mean(axis=1).min() >= 0.05 * BUSY_UNITS
    assert again.mean(axis=1).max() <= 2 * BUSY_UNITS


def test_works_for_one_store(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true", ("CA_1",))
    both = forecast_of(name, twins, "true")
    in_store = (both.series["store_id"] == "CA_1").to_numpy()
    assert forecast.series["item_id"].tolist() == both.series["item_id"][in_store].tolist()
    assert set(forecast.hierarchy.nodes["store_id"].dropna()) == {"CA_1"}
    # The item model alone learns from rows of both stores, and two items that leap from nothing are many of them.
    tolerance = 0.3 if name == "item_lightgbm" else 0.2
    assert forecast.mean.sum() == pytest.approx(both.mean[in_store].sum(), rel=tolerance)


def test_quantiles_are_in_order_and_hold_the_mean_of_a_busy_node(name: str, twins: Twins) -> None:
    forecast = forecast_of(name, twins, "true")
    assert forecast.quantiles is not None
    assert forecast.node_quantiles is not None
    for quantiles, mean in ((forecast.quantiles, forecast.mean), (forecast.node_quantiles, forecast.node_mean)):
        assert quantiles.shape == (*mean.shape, len(QUANTILES))
        assert (quantiles >= 0).all()
        assert (np.diff(quantiles, axis=2) >= 0).all()
        assert not quantiles[mean == 0].any()
    total, mean = forecast.node_quantiles[0], forecast.node_mean[0]
    assert ((total[:, 0] < mean) & (mean < total[:, -1])).all()
