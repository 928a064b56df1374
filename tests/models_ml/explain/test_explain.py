"""Explanations of a published run add up to its forecasts, at every level and for items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select

from models_ml import artifact, explain
from models_ml.errors import InputError
from models_ml.forecasters.storage import FittedModel
from models_ml.marts import Marts
from models_ml.settings import Settings
from models_ml.store.engine import make_engine
from models_ml.store.schema import active_runs, forecasts, node_contributions, node_forecasts, run_series
from models_ml.store.transactions import reading
from models_ml.warehouse import DuckDBWarehouse
from tests.conftest import demand, demand_ok

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def engine(published_home: Path) -> Iterator[Engine]:
    engine = make_engine(Settings(home=published_home).effective_store_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def run_id(engine: Engine) -> str:
    with reading(engine) as connection:
        return str(connection.execute(select(active_runs.c.run_id)).scalars().first())


def frame(engine: Engine, query: object) -> pd.DataFrame:
    with reading(engine) as connection:
        result = connection.execute(query)  # type: ignore[call-overload]
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def test_contributions_of_every_node_and_day_add_up_to_its_forecast(engine: Engine, run_id: str) -> None:
    keys = ["node_id", "target_date"]
    parts = frame(engine, select(node_contributions).where(node_contributions.c.run_id == run_id))
    means = frame(engine, select(node_forecasts).where(node_forecasts.c.run_id == run_id)).set_index(keys)["mean"]
    sums = parts.groupby(keys)["units"].sum()
    assert len(sums) == len(means)
    np.testing.assert_allclose(sums.to_numpy(), means.reindex(sums.index).to_numpy(), rtol=1e-6, atol=1e-4)


def test_a_family_adds_up_over_the_levels(engine: Engine, run_id: str) -> None:
    parts = frame(engine, select(node_contributions).where(node_contributions.c.run_id == run_id))
    level = parts["node_id"].str.partition(":")[0]
    total = parts[level == "total"].groupby("family")["units"].sum()
    for name in ("region", "store", "department", "store_department"):
        summed = parts[level == name].groupby("family")["units"].sum()
        np.testing.assert_allclose(summed.to_numpy(), total.reindex(summed.index).to_numpy(), rtol=1e-5, atol=1e-2)


def test_before_they_are_reconciled_they_are_exactly_what_the_node_models_said(
    published_home: Path, run_id: str
) -> None:
    folder = published_home / "models" / run_id
    record = artifact.record_of(artifact.load(folder))
    marts = Marts(DuckDBWarehouse(published_home / "warehouse.duckdb"), record.origin, record.horizon_days)
    forecaster = FittedModel.load(folder / artifact.MODEL, threads=2).forecaster
    panel = forecaster.panel(marts)  # type: ignore[attr-defined]
    given = forecaster.contributions(marts)  # type: ignore[attr-defined]
    shares = {"regression": 0.0, "boosting": 0.0}
    weight = record.parameters["blend"]["regression_weight"]
    for part, model, share in zip(shares, forecaster.fitted(), (weight, 1 - weight), strict=True):  # type: ignore[attr-defined]
        own = given.units[:, :, [source == part for source, _ in given.features]].sum(axis=2)
        np.testing.assert_allclose(own, model.predict(panel) * share, rtol=1e-9, atol=1e-9)


def test_every_feature_has_a_family(published_home: Path, run_id: str) -> None:
    stored = published_home / "models" / run_id / artifact.MODEL
    names = json.loads((stored / "boosting.json").read_text())["features"]
    names += json.loads((stored / "regression.json").read_text())["regressors"]
    assert [name for name in names if explain.family_of(name) == explain.OTHER] == []


def test_weekdays_move_a_busy_node_and_the_level_carries_it(engine: Engine, run_id: str) -> None:
    explanation = explain.explain_node(engine, run_id, "total")
    summary = explain.summary(explanation)
    assert summary.index[0] == explain.LEVEL
    assert explanation.units["weekday"].std() > explanation.units["assortment"].std()
    level = explanation.units[explain.LEVEL].sum() / explanation.units.to_numpy().sum()
    assert 0.7 < level < 1.3


def test_an_items_contributions_add_up_to_its_forecast(engine: Engine, run_id: str) -> None:
    series = frame(
        engine,
        select(run_series).where(run_series.c.run_id == run_id).order_by(run_series.c.units_last_28.desc()).limit(1),
    ).iloc[0]
    explanation = explain.explain_item(engine, run_id, f"store:{series['store_id']}", series["item_id"])
    own = frame(
        engine,
        select(forecasts).where(
            forecasts.c.run_id == run_id,
            forecasts.c.store_id == series["store_id"],
            forecasts.c.item_id == series["item_id"],
        ),
    ).set_index("target_date")["mean"]
    np.testing.assert_allclose(
        explanation.units.sum(axis=1), own.reindex(explanation.units.index), rtol=1e-5, atol=1e-5
    )
    assert explanation.node_id == f"store_department:{series['store_id']}|{series['department_id']}"
    assert explanation.share is not None
    assert 0 < explanation.share < 1


@pytest.mark.parametrize(
    ("node", "item", "said"),
    [
        ("store:XX_9", None, "has no node"),
        ("total", "ITEM", "not a node of one store"),
        ("store:CA_1", "NO_SUCH_ITEM", "has no item"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    engine: Engine, run_id: str, node: str, item: str | None, said: str
) -> None:
    names = (node,) if item is None else (node, item)
    ask = explain.explain_node if item is None else explain.explain_item
    with pytest.raises(InputError, match=said):
        ask(engine, run_id, *names)


def test_the_command_line_explains_the_served_run(published_home: Path) -> None:
    said = demand_ok("explain", "--node", "store:CA_1", home=published_home)
    assert "weekday" in said
    assert "forecast" in said
    refused = demand("explain", "--node", "store:XX_9", home=published_home)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
