"""Explanations of a published run add up to its forecasts, at every level and for items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select

from models_ml.errors import InputError, ModelError
from models_ml.forecasters import candidates
from models_ml.forecasters.seasonal_naive import SeasonalNaive
from models_ml.forecasters.storage import FittedModel
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.schema import active_runs, node_contributions, node_forecasts, run_features
from models_ml.prediction_store.transactions import reading
from models_ml.runs import artifact, explain, feature_families
from models_ml.settings import Settings
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts
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


def test_the_features_of_a_run_are_those_that_its_model_reads(
    engine: Engine, published_home: Path, run_id: str
) -> None:
    rows = frame(engine, select(run_features).where(run_features.c.run_id == run_id))
    model = published_home / "models" / run_id / artifact.MODEL
    fitted = json.loads((model / "items.json").read_text())["features"]
    of_items = rows[rows["part"] == "items"].set_index("feature")["importance"]
    assert set(of_items.index) == set(fitted)
    booster = lgb.Booster(model_file=str(model / "items.txt"))
    gain = pd.Series(booster.feature_importance("gain"), index=booster.feature_name())
    np.testing.assert_allclose(of_items[gain.index].to_numpy(), gain.to_numpy() / gain.sum())
    assert set(rows["part"]) == {"items", "regression", "boosting", "simple"}
    assert (rows["family"] == rows["feature"].map(feature_families.family_of)).all()
    moved = frame(engine, select(node_contributions).where(node_contributions.c.run_id == run_id))
    of_nodes = (
        moved[moved["node_id"].str.startswith("store_department:")]
        .groupby("family")["units"]
        .apply(lambda units: units.abs().mean())
    )
    # A family moves a node by no more than its features do, which may work against each other.
    sums = rows[rows["part"] != "items"].groupby("family")["importance"].sum()
    assert (of_nodes[sums.index] <= sums * (1 + 1e-6) + 1e-9).all()


def test_before_they_are_reconciled_they_are_exactly_what_the_node_models_said(
    published_home: Path, run_id: str
) -> None:
    folder = published_home / "models" / run_id
    record = artifact.record_of(artifact.load(folder))
    marts = Marts(DuckDBWarehouse(published_home / "warehouse.duckdb"), record.origin, record.horizon_days)
    forecaster = FittedModel.load(folder / artifact.MODEL, threads=2).forecaster
    panel = forecaster.panel(marts)  # type: ignore[attr-defined]
    given = forecaster.contributions(marts)  # type: ignore[attr-defined]
    regression, boosting, weights = forecaster.fitted()  # type: ignore[attr-defined]
    simple = np.tensordot(weights.nodes[2:], candidates.forecasts(panel.units, panel.horizon_days), axes=1)
    said = {
        "regression": weights.nodes[0] * regression.predict(panel),
        "boosting": weights.nodes[1] * boosting.predict(panel),
        "simple": simple,
    }
    for part, expected in said.items():
        own = given.units[:, :, [source == part for source, _ in given.features]].sum(axis=2)
        np.testing.assert_allclose(own, expected, rtol=1e-9, atol=1e-9)


def test_every_feature_has_a_family(published_home: Path, run_id: str) -> None:
    stored = published_home / "models" / run_id / artifact.MODEL
    names = json.loads((stored / "boosting.json").read_text())["features"]
    names += json.loads((stored / "regression.json").read_text())["regressors"]
    assert [name for name in names if feature_families.family_of(name) == feature_families.OTHER] == []


def test_weekdays_move_a_busy_node_and_the_level_carries_it(engine: Engine, run_id: str) -> None:
    explanation = explain.explain_node(engine, run_id, "total")
    summary = explain.summary(explanation)
    assert summary.index[0] == feature_families.LEVEL
    assert explanation.units["weekday"].std() > explanation.units["assortment"].std()
    level = explanation.units[feature_families.LEVEL].sum() / explanation.units.to_numpy().sum()
    assert 0.7 < level < 1.3


@pytest.fixture(scope="module")
def stored(published_home: Path, run_id: str) -> tuple[FittedModel, Marts, artifact.RunArtifact]:
    folder = published_home / "models" / run_id
    run = artifact.load(folder)
    record = artifact.record_of(run)
    marts = Marts(
        DuckDBWarehouse(published_home / "warehouse.duckdb"), record.origin, record.horizon_days, record.scope
    )
    return FittedModel.load(folder / artifact.MODEL, threads=2), marts, run


def items_by_sales(run: artifact.RunArtifact) -> pd.DataFrame:
    series = run.tables["run_series"].to_pandas()
    return series.sort_values("units_last_28", ascending=False)


@pytest.mark.parametrize("place", [0, 5, 30, -1])
def test_an_items_own_features_and_its_department_add_up_to_its_forecast(
    published_home: Path, stored: tuple[FittedModel, Marts, artifact.RunArtifact], place: int
) -> None:
    series = items_by_sales(stored[2]).iloc[place]
    explanation = explain.explain_trained_item(
        Settings(home=published_home), stored[2].run_id, series["store_id"], series["item_id"]
    )
    rows = stored[2].tables["forecasts"].to_pandas()
    own = rows[(rows["store_id"] == series["store_id"]) & (rows["item_id"] == series["item_id"])]
    np.testing.assert_allclose(explanation.units.sum(axis=1), own["mean"], rtol=1e-9, atol=1e-9)
    assert explanation.node_id == f"store_department:{series['store_id']}|{series['department_id']}"
    assert explanation.share is not None
    assert 0 <= explanation.share < 1


def test_without_its_department_they_add_up_to_what_the_item_model_says(
    stored: tuple[FittedModel, Marts, artifact.RunArtifact],
) -> None:
    """SHAP values, turned from logarithms into units, against the model's own prediction."""
    model, marts, _ = stored
    forecaster = model.forecaster
    items = forecaster._items.items(marts)  # type: ignore[attr-defined]
    for series in range(0, len(items), 7):
        given = forecaster.item_contributions(marts, series)  # type: ignore[attr-defined]
        assert given.rows.index.tolist() == [series]
        np.testing.assert_allclose(given.units[0].sum(axis=1), items[series], rtol=1e-4, atol=1e-5)


def test_what_a_closed_day_takes_is_booked_as_that(stored: tuple[FittedModel, Marts, artifact.RunArtifact]) -> None:
    """One department's store shut on the fourth day: its forecast is nothing, and closing is all that made it so."""
    model, marts, _ = stored
    forecaster, panel = model.forecaster, model.forecaster.panel(marts)  # type: ignore[attr-defined]
    closed = panel.closed.copy()
    closed[1, panel.known_days + 3] = True
    try:
        forecaster._panel = (marts, replace(panel, closed=closed))  # type: ignore[attr-defined]
        forecast, given = forecaster.forecast(marts), forecaster.contributions(marts)  # type: ignore[attr-defined]
        series = int(np.flatnonzero(marts.node_of_series == 1)[0])
        families, of_item = explain.by_family(forecaster.item_contributions(marts, series))  # type: ignore[attr-defined]
        untouched = explain.by_family(forecaster._items.item_contributions(marts, series))[1]  # type: ignore[attr-defined]
    finally:
        forecaster._panel = (marts, panel)  # type: ignore[attr-defined]
    rows = explain.contribution_rows(given, marts, forecast).to_pandas()
    units = rows.pivot_table(index=["node_id", "target_date"], columns="family", values="units")
    mean = pd.DataFrame(forecast.node_mean, index=forecast.hierarchy.nodes["node_id"], columns=marts.step_dates)
    np.testing.assert_allclose(units.sum(axis=1), mean.stack()[units.index], rtol=1e-9, atol=1e-9)
    node, day = panel.nodes["node_id"][1], marts.step_dates[3]
    that, others = units.loc[(node, day)], units.drop(index=(node, day)).loc[[node]]
    assert mean.loc[node, day] == 0
    assert that["closed_days"] < -0.5 * that["level"]
    assert that["reconciliation"] == pytest.approx(0, abs=1e-9)
    assert (others["closed_days"] == 0).all()
    assert (others["reconciliation"].abs() > 0).any()
    assert units.loc[("total", day), "closed_days"] == pytest.approx(that["closed_days"])
    assert families[-1] == "closed_days"
    np.testing.assert_array_equal(of_item[:, :, :-1], untouched)
    np.testing.assert_allclose(of_item[0, :, -1], np.where(np.arange(28) == 3, -untouched[0].sum(axis=1), 0), atol=1e-9)


def test_two_items_of_a_department_are_moved_by_features_of_their_own(
    stored: tuple[FittedModel, Marts, artifact.RunArtifact],
) -> None:
    """Not by their department's times a share, which would be the same for both but for a factor."""
    model, marts, run = stored
    busy = items_by_sales(run)
    pair = busy[busy["department_id"] == busy["department_id"].iloc[0]].iloc[:2]
    moved = []
    for _, series in pair.iterrows():
        units = explain.explain_item(model, marts, run, series["store_id"], series["item_id"]).units
        moved.append((units.sum() / units["level"].sum()).drop("level"))
    assert (moved[0] - moved[1]).abs().max() > 0.01


def test_every_feature_of_items_has_a_family(published_home: Path, run_id: str) -> None:
    stored = published_home / "models" / run_id / artifact.MODEL
    names = json.loads((stored / "items.json").read_text())["features"]
    assert [name for name in names if feature_families.family_of(name) == feature_families.OTHER] == []


def test_an_item_is_not_explained_on_other_data_than_its_run_was_fitted_on(
    published_home: Path,
    run_id: str,
    stored: tuple[FittedModel, Marts, artifact.RunArtifact],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explain, "built_marts", lambda *_: ("another", "an invocation"))
    item = items_by_sales(stored[2]).iloc[0]
    with pytest.raises(ModelError, match="other data"):
        explain.explain_trained_item(Settings(home=published_home), run_id, item["store_id"], item["item_id"])


def test_24_06_an_unknown_item_is_refused_before_a_model_is_loaded(
    published_home: Path, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(explain, "FittedModel")
    monkeypatch.delattr(explain, "Marts")
    with pytest.raises(InputError, match=f"{run_id} has no item 'any' in store 'CA_1'"):
        explain.explain_trained_item(Settings(home=published_home), run_id, "CA_1", "any")


def test_what_is_not_there_is_refused_by_name(
    engine: Engine, run_id: str, stored: tuple[FittedModel, Marts, artifact.RunArtifact]
) -> None:
    with pytest.raises(InputError, match="has no node"):
        explain.explain_node(engine, run_id, "store:XX_9")
    with pytest.raises(InputError, match="no item 'NO_SUCH_ITEM' in store 'CA_1'"):
        explain.explain_item(*stored, "CA_1", "NO_SUCH_ITEM")
    naive = FittedModel(SeasonalNaive(), stored[0].quantiles)
    with pytest.raises(InputError, match="does not support them"):
        explain.explain_item(naive, *stored[1:], "CA_1", "NO_SUCH_ITEM")


def test_the_command_line_explains_the_served_run(
    published_home: Path, stored: tuple[FittedModel, Marts, artifact.RunArtifact]
) -> None:
    said = demand_ok("explain", "--node", "store:CA_1", home=published_home)
    assert "weekday" in said
    assert "forecast" in said
    item = items_by_sales(stored[2]).iloc[0]
    said = demand_ok("explain", "--item", item["item_id"], "--store", item["store_id"], home=published_home)
    assert "price" in said
    assert "store_department" in said
    for wrong in (("--node", "store:XX_9"), ("--item", item["item_id"])):
        refused = demand("explain", *wrong, home=published_home)
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
