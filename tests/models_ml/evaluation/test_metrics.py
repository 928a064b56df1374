from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.errors import ModelError
from models_ml.evaluation.demand_class import demand_classes
from models_ml.evaluation.metrics import Evaluator, step_scales
from models_ml.hierarchy.aggregation import Hierarchy
from tests.models_ml.hierarchy.test_hierarchy import SERIES


def evaluator(seed: int = 3) -> tuple[Evaluator, np.ndarray]:
    rng = np.random.default_rng(seed)
    units = rng.poisson(2.0, (len(SERIES), 60)).astype(np.float32)
    weight = units[:, 4:32].sum(axis=1) * rng.uniform(1, 5, len(SERIES))
    return Evaluator.of(Hierarchy.of(SERIES), units[:, :32], units[:, 32:], weight), units


def test_scale_starts_at_the_first_sale() -> None:
    squared, absolute = step_scales(np.array([[0, 0, 2, 4, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 5]], dtype=np.float32))
    assert squared[0] == pytest.approx((4 + 9) / 2)
    assert absolute[0] == pytest.approx(2.5)
    assert np.isnan(squared[1:]).all()


def test_wrmsse_equals_a_loop_over_nodes() -> None:
    scorer, units = evaluator()
    forecast = np.full((len(SERIES), 28), 2.0, dtype=np.float32)
    scores = scorer.score(forecast)
    hierarchy = scorer.hierarchy
    levels = {}
    for row in range(len(hierarchy.nodes)):
        members = hierarchy.summing[row].indices
        history = units[members, :32].sum(axis=0)
        history = history[np.argmax(history > 0) :]
        rmsse = np.sqrt(
            np.mean((units[members, 32:].sum(axis=0) - forecast[members].sum(axis=0)) ** 2)
            / np.mean(np.diff(history) ** 2)
        )
        level = int(hierarchy.nodes["level"][row])
        levels[level] = levels.get(level, 0.0) + rmsse * scorer.weights[row]
    for level, value in levels.items():
        row = scores[(scores["metric"] == "wrmsse") & (scores["level"] == level)]
        assert row["value"].item() == pytest.approx(value, rel=1e-5)
    mean = scores.query("metric == 'wrmsse' and level == 0")["value"].item()
    assert mean == pytest.approx(np.mean(list(levels.values())), rel=1e-5)


@given(st.floats(0.5, 3.0))
@settings(max_examples=10, deadline=None)
def test_a_perfect_forecast_scores_zero_and_bias_has_its_sign(factor: float) -> None:
    scorer, units = evaluator()
    perfect = scorer.score(units[:, 32:])
    assert np.allclose(perfect.query("metric in ['wrmsse', 'wape', 'bias']")["value"], 0)
    scaled = scorer.score(units[:, 32:] * factor).query("metric == 'bias'")["value"]
    assert np.allclose(scaled, factor - 1, atol=1e-5)


def test_quantiles_of_certainty_cost_nothing_and_cover_all() -> None:
    scorer, _ = evaluator()
    probabilities = (0.025, 0.5, 0.975)
    exact = np.repeat(scorer.actual[:, :, None], 3, axis=2)
    scores = scorer.score_quantiles(exact, probabilities)
    assert np.allclose(scores.query("metric == 'wspl'")["value"], 0)
    assert np.allclose(scores.query("metric == 'coverage_95'")["value"], 1)


def test_nothing_sold_before_the_origin_is_refused() -> None:
    units = np.zeros((len(SERIES), 60), dtype=np.float32)
    with pytest.raises(ModelError, match="no node has a weight"):
        Evaluator.of(Hierarchy.of(SERIES), units[:, :32], units[:, 32:], units.sum(axis=1))


def test_demand_classes() -> None:
    days = np.arange(100)
    units = np.array(
        [
            np.full(100, 5.0),
            np.where(days % 2, 1.0, 9.0),
            np.where(days % 4, 0.0, 3.0),
            np.where(days % 8, 0.0, np.where(days % 16, 1.0, 30.0)),
            np.where(days < 60, 0.0, 4.0),
        ]
    )
    classes = demand_classes(units, np.array([100, 100, 100, 100, 40]))
    assert list(classes) == ["smooth", "erratic", "intermittent", "lumpy", "new"]
