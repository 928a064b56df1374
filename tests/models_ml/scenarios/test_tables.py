"""Rows of the store on simulated marts: the model's responses, trusted ranges, and no look into the future."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models_ml.forecasters.item_boosting import ItemBoosting, ItemBoostingParameters
from models_ml.forecasters.item_boosting.bound import ItemBound
from models_ml.forecasters.item_boosting.responses import LEADS
from models_ml.forecasters.item_boosting.sampling import SamplingParameters
from models_ml.forecasters.seasonal_naive import SeasonalNaive
from models_ml.prediction_store.frames import ARROW_SCHEMAS
from models_ml.prediction_store.grid import PRICE_STEPS, RESPONSE_COLUMNS
from models_ml.scenarios.history import read_price_history
from models_ml.scenarios.tables import scenario_tables
from models_ml.warehouse.connection import Warehouse
from models_ml.warehouse.marts import Marts
from tests.models_ml.forecasters.conftest import Twins

pytestmark = pytest.mark.dbt

QUICK = ItemBoostingParameters(rounds=20, sampling=SamplingParameters(weeks=20, rows=8_000))
CUT = 0.9


class CheaperAhead(Warehouse):
    """A warehouse whose prices after a week are cut."""

    def __init__(self, warehouse: Warehouse, week: int) -> None:
        self.warehouse, self.week = warehouse, week

    def read(self, relation: str, columns: Sequence[str], **filters: Any) -> pa.Table:
        table = self.warehouse.read(relation, columns, **filters)
        if relation != "features.fct_price_features":
            return table
        frame = table.to_pandas()
        ahead = frame["week_number"] > self.week
        for column in ("price", "price_to_item_mean"):
            frame.loc[ahead, column] *= CUT
        frame.loc[ahead, "weeks_since_price_change"] = (frame["week_number"] - self.week - 1)[ahead]
        return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.fixture(scope="module")
def marts(twins: Twins) -> Marts:
    return twins.marts(twins.true)


@pytest.fixture(scope="module")
def model(marts: Marts) -> ItemBoosting:
    forecaster = ItemBoosting(seed=3, threads=1, parameters=QUICK)
    forecaster.fit(marts)
    return forecaster


@pytest.fixture(scope="module")
def tables(marts: Marts, model: ItemBoosting) -> dict[str, pa.Table]:
    return scenario_tables(model, marts)


def test_a_response_is_the_forecast_from_a_warehouse_with_that_price(marts: Marts, model: ItemBoosting) -> None:
    week = int(marts.calendar.loc[pd.Timestamp(marts.origin), "week_number"])
    # A response is what the model says; the bound on what a series may sell acts on forecasts alone.
    unbounded = copy(model)
    unbounded._fitted = replace(model.fitted(), bound=ItemBound(most=np.inf))
    cheaper = unbounded.items(replace(marts, warehouse=CheaperAhead(marts.warehouse, week)))
    base = unbounded.items(marts)
    priced = np.isfinite(read_price_history(marts).planned)  # type: ignore[union-attr]
    days = np.array(LEADS) - 1
    answer = model.price_responses(marts, np.full((len(base), 1), CUT))[:, 0]
    everywhere = (base[:, days] > 0).all(axis=1) & np.isfinite(answer) & priced
    assert everywhere.sum() > 100
    expected = cheaper[:, days].sum(axis=1) / base[:, days].sum(axis=1)
    np.testing.assert_allclose(answer[everywhere], expected[everywhere], rtol=2e-3)
    assert np.abs(expected[everywhere] - 1).max() > 0.01


def test_rows_are_those_of_the_store(tables: dict[str, pa.Table]) -> None:
    assert set(tables) == {"department_elasticities", "scenario_series", "scenario_flags", "scenario_events"}
    for name, table in tables.items():
        target = ARROW_SCHEMAS[name]
        assert set(table.column_names) == set(target.names), name
        table.select(target.names).cast(target)


def test_a_trusted_range_is_what_the_series_was_sold_at(marts: Marts, tables: dict[str, pa.Table]) -> None:
    origin_week = int(marts.calendar.loc[pd.Timestamp(marts.origin), "week_number"])
    prices = marts.warehouse.read("core.fct_prices", ["store_id", "item_id", "week_number", "price"]).to_pandas()
    window = prices[prices["week_number"].between(origin_week - 104, origin_week - 1)]
    seen = window.sort_values("week_number").groupby(["store_id", "item_id"])["price"].agg(["min", "max", "last"])
    rows = tables["scenario_series"].to_pandas().set_index(["store_id", "item_id"]).join(seen)
    own = rows[rows["range_from"] == "item"]
    assert len(own) > 20
    assert (own["lowest_ratio"] * own["price"] >= own["min"] - 1e-6).all()
    assert (own["highest_ratio"] * own["price"] <= np.maximum(own["max"], own["price"]) + 1e-6).all()
    still = rows[rows["range_from"] == "department"]
    # Only what moved a little, and is back, is an offer for sure: the rest may be clearances (see test_clearances).
    offered = (rows["max"] > rows["min"] * 1.01) & (rows["max"] < rows["min"] * 1.1) & (rows["last"] == rows["max"])
    assert (rows.loc[offered, "range_from"] == "item").mean() > 0.9
    assert still["lowest_ratio"].nunique() <= 7


def test_beyond_the_range_a_step_is_asked_at_its_end(tables: dict[str, pa.Table]) -> None:
    rows = tables["scenario_series"].to_pandas()
    clipped = np.clip(np.array(PRICE_STEPS), rows[["lowest_ratio"]].to_numpy(), rows[["highest_ratio"]].to_numpy())
    values = rows[list(RESPONSE_COLUMNS)].to_numpy()
    for column in range(len(PRICE_STEPS) - 1):
        same = (clipped[:, column] == clipped[:, column + 1]) & np.isfinite(values[:, column])
        assert (values[same, column] == values[same, column + 1]).all()
    assert (values[(clipped == 1.0) & np.isfinite(values)] == 1.0).all()
    assert np.isfinite(values).all(axis=1).mean() > 0.8


def test_what_happens_later_changes_nothing(twins: Twins, model: ItemBoosting, tables: dict[str, pa.Table]) -> None:
    later = scenario_tables(model, twins.marts(twins.scrambled))
    for name, table in tables.items():
        assert later[name].equals(table), name


def test_a_model_that_cannot_say_leaves_elasticities_alone(marts: Marts, tables: dict[str, pa.Table]) -> None:
    naive = SeasonalNaive()
    naive.fit(marts)
    plain = scenario_tables(naive, marts)
    assert set(plain) == {"department_elasticities", "scenario_series"}
    assert plain["department_elasticities"].equals(tables["department_elasticities"])
    assert all(
        plain["scenario_series"][column].null_count == plain["scenario_series"].num_rows for column in RESPONSE_COLUMNS
    )


def test_events_of_the_history_are_felt(tables: dict[str, pa.Table]) -> None:
    rows = tables["scenario_events"].to_pandas()
    assert (rows["days_seen"] > 0).all()
    christmas = rows[(rows["event_name"] == "Christmas") & (rows["offset_days"] == 0)]
    assert len(christmas) == rows.groupby(["store_id", "department_id"]).ngroups
    assert rows.groupby(["store_id", "department_id", "event_name"])["offset_days"].nunique().max() == 14
