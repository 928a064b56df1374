from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models_ml.errors import ModelError
from models_ml.forecasters.item_boosting import ItemBoosting, ItemBoostingParameters
from models_ml.forecasters.item_boosting.features import ItemFeatures, read_item_features
from models_ml.forecasters.item_boosting.sampling import SamplingParameters, held_out, sample_rows
from models_ml.warehouse.connection import Warehouse
from models_ml.warehouse.marts import SERIES_KEYS, Marts, read_daily
from tests.models_ml.forecasters.conftest import HORIZON, Twins

pytestmark = pytest.mark.dbt

WEEKS = 12
QUICK = ItemBoostingParameters(rounds=20, sampling=SamplingParameters(weeks=WEEKS, rows=5_000))


class Altered(Warehouse):
    """A warehouse of which one relation is changed on the way out."""

    def __init__(self, warehouse: Warehouse, relation: str, change: Any) -> None:
        self.warehouse, self.relation, self.change = warehouse, relation, change

    def read(self, relation: str, columns: Sequence[str], **filters: Any) -> pa.Table:
        table = self.warehouse.read(relation, columns, **filters)
        return self.change(table) if relation == self.relation else table


def without_rows(table: pa.Table) -> pa.Table:
    return table.slice(0, 0)


def without_units(table: pa.Table) -> pa.Table:
    column = table.schema.get_field_index("units")
    return table.set_column(column, "units", pc.multiply(table["units"], 0))


def altered(marts: Marts, relation: str, change: Any) -> Marts:
    return replace(marts, warehouse=Altered(marts.warehouse, relation, change))


@pytest.fixture(scope="module")
def marts(twins: Twins) -> Marts:
    return twins.marts(twins.true)


@pytest.fixture(scope="module")
def features(marts: Marts) -> ItemFeatures:
    return read_item_features(marts, WEEKS, QUICK.launches)


def quick_forecast(marts: Marts) -> np.ndarray:
    forecaster = ItemBoosting(seed=3, threads=1, parameters=QUICK)
    forecaster.fit(marts)
    return forecaster.forecast(marts).mean


def test_features_are_those_of_their_own_series_and_day(marts: Marts, features: ItemFeatures) -> None:
    """Trailing means of the marts, found again from daily sales for each series and as-of day."""
    since = features.as_of[0]
    daily = read_daily(marts, since, marts.origin, "units")
    for position in (5, WEEKS):
        day = (features.as_of[position] - since).days
        week = daily[:, day - 6 : day + 1].mean(axis=1)
        seasoned = features.series_values["days_on_sale"][:, position] >= 7
        assert seasoned.any()
        read = features.series_values["units_mean_7"][:, position]
        np.testing.assert_allclose(read[seasoned], week[seasoned], rtol=1e-5)


def test_the_weekday_mean_is_that_of_the_target_day(marts: Marts, features: ItemFeatures) -> None:
    daily = read_daily(marts, marts.origin - timedelta(days=6), marts.origin, "units")
    seasoned = np.flatnonzero(features.series_values["days_on_sale"][:, -1] >= 7)
    last = len(features.as_of) - 1
    for lead in (1, 4, 9):
        rows = features.rows(seasoned, np.full(len(seasoned), last), np.full(len(seasoned), lead))
        same_day_last_week = daily[seasoned, (lead - 1) % 7]
        mean = features.series_values["units_mean_7"][seasoned, last]
        expected = (same_day_last_week + 0.02) / (mean + 0.02)
        np.testing.assert_allclose(rows[:, features.names.index("weekday_7")], expected, rtol=1e-4)


def test_every_sampled_target_is_known_at_the_origin(features: ItemFeatures) -> None:
    series, as_of, lead, weight = sample_rows(features, HORIZON, QUICK.sampling, seed=1)
    target = features.as_of_position[as_of] + lead
    assert len(series) > 1_000
    assert target.max() <= features.as_of_position[-1]
    assert lead.min() >= 1
    assert lead.max() <= HORIZON
    assert (features.series_values["days_on_sale"][series, as_of] >= 7).all()
    assert weight.mean() == pytest.approx(1)


def test_what_is_held_out_is_not_learned_from(features: ItemFeatures) -> None:
    series, as_of, lead, _ = sample_rows(features, HORIZON, QUICK.sampling, seed=1)
    days_ago = features.as_of_position[-1] - features.as_of_position[as_of] - lead
    assert not held_out(series, days_ago // HORIZON, len(features.level)).any()
    kept_out = held_out(*np.indices((len(features.level), 13)), len(features.level))
    assert 0.15 < kept_out.mean() < 0.35
    assert kept_out.any(axis=1).all()


def test_a_trial_is_the_fitted_models_forecast_from_an_earlier_origin(marts: Marts) -> None:
    fitted = ItemBoosting(seed=3, threads=1, parameters=QUICK)
    fitted.fit(marts)
    tried = fitted.tried(marts, 0)
    assert tried is not None
    series, units = tried
    earlier = replace(marts, origin=marts.origin - timedelta(days=HORIZON))
    names = pd.MultiIndex.from_frame(marts.series[SERIES_KEYS])[series]
    rows = pd.MultiIndex.from_frame(earlier.series[SERIES_KEYS]).get_indexer(names)
    np.testing.assert_allclose(units, fitted.items(earlier)[rows], rtol=1e-5)
    assert held_out(series, np.zeros(len(series), dtype=int), len(marts.series)).all()
    off_the_grid = fitted.tried(marts, 1)
    assert off_the_grid is not None
    assert held_out(off_the_grid[0], np.ones(len(off_the_grid[0]), dtype=int), len(marts.series)).all()
    assert (off_the_grid[1] > 0).all()
    assert fitted.tried(marts, 4) is None  # it learned from a quarter of a year


def test_the_sample_is_unbiased(features: ItemFeatures) -> None:
    """Weighed, slow and fast sellers count as often as they are there and not held out, where the horizon is known."""
    series, as_of, _, weight = sample_rows(
        features, HORIZON, SamplingParameters(weeks=WEEKS, rows=400_000, rows_per_series=100), seed=1
    )
    day = 3
    days_ago = features.as_of_position[-1] - features.as_of_position[day] - np.arange(1, HORIZON + 1)
    held = held_out(np.arange(len(features.level))[:, None], days_ago[None, :] // HORIZON, len(features.level))
    eligible = np.flatnonzero((features.series_values["days_on_sale"][:, day] >= 7) & ~held.any(axis=1))
    assert len(eligible) > 40
    drawn = np.bincount(series[as_of == day], weight[as_of == day], minlength=len(features.level))[eligible]
    np.testing.assert_allclose(drawn / drawn.mean(), 1.0, atol=0.35)


def test_without_prices_their_features_are_left_out(marts: Marts) -> None:
    priceless = altered(marts, "features.fct_price_features", without_rows)
    names = set(read_item_features(priceless, 0, QUICK.launches).names)
    assert "log_level" in names
    assert not any("price" in name for name in names)
    mean = quick_forecast(priceless)
    assert np.isfinite(mean).all()
    assert mean.sum() > 0


def test_where_nothing_was_sold_every_series_keeps_its_level(marts: Marts) -> None:
    mean = quick_forecast(altered(marts, "core.fct_daily_sales", without_units))
    assert np.isfinite(mean).all()
    sold = mean.max(axis=1) > 0
    np.testing.assert_allclose(mean[sold].max(axis=1), mean[sold, -1])


def test_a_new_item_is_forecast_like_its_department(twins: Twins, marts: Marts) -> None:
    forecaster = ItemBoosting(seed=3, threads=1, parameters=QUICK)
    forecaster.fit(marts)
    forecast = forecaster.forecast(marts)
    new = (forecast.series["item_id"] == twins.new).to_numpy()
    assert (forecast.mean[new][:, -1] > 0).all()
    assert forecast.mean[new][:, -1].max() <= forecast.mean[~new][:, -1].max()


def test_stored_and_reloaded_it_forecasts_the_same(marts: Marts, tmp_path: Path) -> None:
    fitted = ItemBoosting(seed=3, threads=1, parameters=QUICK)
    fitted.fit(marts)
    fitted.save(tmp_path)
    reloaded = ItemBoosting(seed=3, threads=2, parameters=QUICK)
    reloaded.restore(tmp_path)
    assert reloaded.forecast(marts).mean.tobytes() == fitted.forecast(marts).mean.tobytes()


def test_a_stored_model_refuses_other_stores(twins: Twins, marts: Marts) -> None:
    fitted = ItemBoosting(seed=3, threads=1, parameters=QUICK)
    fitted.fit(marts)
    with pytest.raises(ModelError, match="categories of store"):
        fitted.forecast(twins.marts(twins.true, ("CA_1",)))


def test_says_which_days_have_features(marts: Marts) -> None:
    off_grid = replace(marts, origin=date.fromordinal(marts.origin.toordinal() - 3))
    with pytest.raises(ModelError, match="every Sunday"):
        read_item_features(off_grid, 1, QUICK.launches)


def test_wants_to_be_fitted_first(marts: Marts) -> None:
    with pytest.raises(ModelError, match="call fit first"):
        ItemBoosting(seed=0, threads=1).forecast(marts)
