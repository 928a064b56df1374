"""The node models of middle-out, how they are blended, and the benchmark that tries their parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.nodes import node_evaluator, with_settings
from models_ml.forecasters.middle_out import MiddleOutParameters
from models_ml.forecasters.middle_out.boosting import BoostingParameters, fit_boosting
from models_ml.forecasters.nodes.panel import NodePanel, read_panel
from models_ml.forecasters.nodes.reconcile import BlendParameters, blend
from models_ml.runs.backtest import Fold
from models_ml.warehouse.marts import Marts
from tests.models_ml.forecasters.conftest import Twins

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def marts(twins: Twins) -> Marts:
    return twins.marts(twins.true)


@pytest.fixture(scope="module")
def panel(marts: Marts) -> NodePanel:
    return read_panel(marts)


@pytest.fixture(scope="module")
def forecasts(panel: NodePanel) -> tuple[np.ndarray, np.ndarray]:
    """Two forecasts of the nodes that differ in level, days and nodes."""
    noise = np.random.default_rng(3).uniform(0.5, 2.0, (2, len(panel.nodes), panel.horizon_days))
    level = panel.units[:, -28:].mean(axis=1, keepdims=True)
    return noise[0] * level, 1.3 * noise[1] * level


def test_boosting_does_not_depend_on_the_number_of_threads(panel: NodePanel) -> None:
    quick = BoostingParameters(rounds=15, seeds=3)
    one, two = (fit_boosting(panel, quick, seed=5, threads=threads).predict(panel) for threads in (1, 2))
    assert one.tobytes() == two.tobytes()
    other = fit_boosting(panel, quick, seed=6, threads=2).predict(panel)
    assert one.tobytes() != other.tobytes()


def test_half_of_the_boosters_tell_what_all_of_them_do(panel: NodePanel) -> None:
    fitted = fit_boosting(panel, BoostingParameters(rounds=100), seed=5, threads=2)
    forecast = fitted.predict(panel)
    (names, half), (_, whole) = fitted.contributions(panel), fitted.contributions(panel, one_in=1)
    for said in (half, whole):
        np.testing.assert_allclose(said.sum(axis=2), forecast)
    assert len(names) == half.shape[2]
    assert 0 < np.abs(half - whole).sum() < 0.1 * forecast.sum()


def test_blend_keeps_the_total_it_was_told_and_how_days_share_it(
    panel: NodePanel, forecasts: tuple[np.ndarray, np.ndarray]
) -> None:
    regression, boosting = forecasts
    open_days = ~panel.closed[:, panel.known_days :]
    said = blend(panel, regression, boosting, BlendParameters(0.25, 0.9, 0.5))
    assert said.sum() == pytest.approx((0.9 * regression * open_days + 0.1 * boosting * open_days).sum())
    days = ((0.25 * regression + 0.75 * boosting) * open_days).sum(axis=0)
    np.testing.assert_allclose(said.sum(axis=0) / said.sum(), days / days.sum())
    assert not said[~open_days].any()


def test_blend_draws_node_levels_to_their_recent_ones(
    panel: NodePanel, forecasts: tuple[np.ndarray, np.ndarray]
) -> None:
    flat = np.repeat(forecasts[0].mean(axis=1, keepdims=True), panel.horizon_days, axis=1)
    still_open = replace(panel, closed=np.zeros_like(panel.closed))
    recent = panel.units[:, -28:].mean(axis=1)
    for shrinkage, level in ((0.0, flat[:, 0]), (1.0, recent)):
        said = blend(still_open, flat, flat, BlendParameters(0.5, 0.5, shrinkage)).mean(axis=1)
        np.testing.assert_allclose(said / said.sum(), level / level.sum())


def test_node_benchmark_scores_as_a_backtest_does(marts: Marts, panel: NodePanel) -> None:
    fold = Fold.of(marts)
    items = np.random.default_rng(4).uniform(0, 3, fold.actual.shape).astype(np.float32)
    series = marts.series
    row = panel.nodes.set_index(["store_id", "department_id"]).index.get_indexer(
        list(zip(series["store_id"], series["department_id"], strict=True))
    )
    nodes = np.zeros((len(panel.nodes), items.shape[1]), dtype=np.float32)
    np.add.at(nodes, row, items)
    by_items, by_nodes = fold.evaluator.score(items), node_evaluator(marts, panel).score(nodes)
    levels = (by_items["metric"] == "wrmsse") & by_items["level"].between(1, 9)
    own = (by_nodes["metric"] == "wrmsse") & by_nodes["level"].between(1, 9)
    np.testing.assert_allclose(by_nodes["value"][own], by_items["value"][levels], rtol=1e-4)


def test_parameters_are_set_by_name() -> None:
    given = ["boosting.lightgbm.num_leaves=15", "regression.penalties.event=60", "blend.level_shrinkage=0"]
    changed = with_settings(MiddleOutParameters(), given)
    assert changed.boosting.lightgbm["num_leaves"] == 15
    assert dict(changed.regression.penalties)["event"] == 60
    assert changed.blend.level_shrinkage == 0
    assert changed.boosting.rounds == MiddleOutParameters().boosting.rounds
    with pytest.raises(ValueError, match=r"blend\.nothing is no parameter"):
        with_settings(MiddleOutParameters(), ["blend.nothing=1"])
