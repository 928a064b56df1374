"""The node models of middle-out, how they are combined, and the benchmark of origins that scores them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.origins import node_evaluator
from models_ml.forecasters.middle_out.boosting import BoostingParameters, fit_boosting
from models_ml.forecasters.middle_out.reconcile import BlendParameters, MemberWeights, combine, prior_weights
from models_ml.forecasters.middle_out.trials import learn_member_weights
from models_ml.forecasters.nodes.panel import MINIMUM_DAYS, NodePanel, read_panel
from models_ml.forecasters.nodes.regression import RegressionParameters
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


def test_members_are_weighed_on_each_day_and_their_total_by_itself(
    panel: NodePanel, forecasts: tuple[np.ndarray, np.ndarray]
) -> None:
    one, other = forecasts
    open_days = ~panel.closed[:, panel.known_days :]
    weights = MemberWeights(np.array([0.25, 0.75]), np.array([0.9, 0.1]))
    said = combine(panel, np.stack(forecasts), weights)
    assert said.sum() == pytest.approx((0.9 * one * open_days + 0.1 * other * open_days).sum())
    days = (0.25 * one + 0.75 * other) * open_days
    np.testing.assert_allclose(said / said.sum(), days / days.sum())


def test_the_less_history_the_more_the_simple_candidates_weigh() -> None:
    for days, low, high in ((112, 0.0, 0.1), (364, 0.49, 0.51), (5 * 365, 0.95, 1.0)):
        weights = prior_weights(BlendParameters(), days)
        assert weights.nodes.sum() == pytest.approx(1)
        assert weights.total.sum() == pytest.approx(1)
        assert low < weights.nodes[:2].sum() < high


def test_a_history_without_trials_keeps_the_prior_and_one_with_them_learns(panel: NodePanel) -> None:
    choices = RegressionParameters(), BoostingParameters(rounds=15, seeds=1), BlendParameters()
    short = panel.until(MINIMUM_DAYS + panel.horizon_days - 1)
    kept = learn_member_weights(short, *choices, seed=1, threads=1)
    assert kept.nodes.tobytes() == prior_weights(choices[2], short.known_days).nodes.tobytes()
    learned = learn_member_weights(panel, *choices, seed=1, threads=1)
    assert learned.nodes.sum() == pytest.approx(1)
    assert np.abs(learned.nodes - prior_weights(choices[2], panel.known_days).nodes).max() > 0.01


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
