"""Every metric against the definition, computed node by node in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from models_ml.evaluation.metrics import AVERAGE_LEVEL, Evaluator, step_scales
from models_ml.hierarchy.aggregation import Hierarchy

HORIZON, HISTORY = 7, 40
PROBABILITIES = (0.025, 0.5, 0.975)


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    rows = [
        {"item_id": item, "store_id": store, "department_id": item[0], "category_id": "C", "region_id": store[0]}
        for store in ("A1", "A2", "B1")
        for item in ("X_1", "X_2", "Y_1")
    ]
    return Hierarchy.of(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def sales(hierarchy: Hierarchy) -> np.ndarray:
    units = np.random.default_rng(7).poisson(1.5, (len(hierarchy.series), HISTORY + HORIZON)).astype(float)
    units[0, :30] = 0  # launched late
    units[1, :] = 0  # never sold
    units[2, :HISTORY] = 1  # sells the same every day: no scale
    return units


def by_hand_scales(history: list[float]) -> tuple[float, float]:
    sold = [day for day, units in enumerate(history) if units > 0]
    steps = [history[day] - history[day - 1] for day in range(sold[0] + 1, len(history))] if sold else []
    if not any(steps):
        return math.nan, math.nan
    return sum(step**2 for step in steps) / len(steps), sum(abs(step) for step in steps) / len(steps)


def members(hierarchy: Hierarchy) -> list[list[int]]:
    return [hierarchy.summing.getrow(node).indices.tolist() for node in range(len(hierarchy.nodes))]


def summed(rows: np.ndarray, of: list[int]) -> list[float]:
    return [math.fsum(rows[row, day] for row in of) for day in range(rows.shape[1])]


def by_hand(
    hierarchy: Hierarchy, sales: np.ndarray, mean: np.ndarray, quantiles: np.ndarray, weight: np.ndarray
) -> dict[tuple[int, str], float]:
    """Level and metric -> value; a node's quantile is given as a factor on its own mean."""
    nodes: dict[int, list[dict[str, float]]] = {}
    for level, of in zip(hierarchy.level_of_node, members(hierarchy), strict=True):
        history, actual, forecast = summed(sales[:, :HISTORY], of), summed(sales[:, HISTORY:], of), summed(mean, of)
        squared, absolute = by_hand_scales(history)
        errors = [said - sold for said, sold in zip(forecast, actual, strict=True)]
        pinball, inside = 0.0, 0
        for position, p in enumerate(PROBABILITIES):
            for said, sold in zip(forecast, actual, strict=True):
                miss = sold - said * quantiles[position]
                pinball += (p * miss if miss >= 0 else (p - 1) * miss) / HORIZON / len(PROBABILITIES)
        for said, sold in zip(forecast, actual, strict=True):
            inside += said * quantiles[0] <= sold <= said * quantiles[-1]
        nodes.setdefault(int(level), []).append(
            {
                "weight": math.fsum(weight[row] for row in of) / weight.sum(),
                "rmsse": math.sqrt(sum(e * e for e in errors) / HORIZON / squared),
                "mase": sum(abs(e) for e in errors) / HORIZON / absolute,
                "spl": pinball / absolute,
                "inside": inside / HORIZON,
                "error": sum(errors),
                "absolute": sum(abs(e) for e in errors),
                "sold": sum(actual),
            }
        )
    found = {}
    for level, of_level in nodes.items():
        scaled = [node for node in of_level if not math.isnan(node["rmsse"])]
        sold = sum(node["sold"] for node in of_level)
        found[level, "wrmsse"] = sum(node["weight"] * node["rmsse"] for node in scaled)
        found[level, "rmsse"] = sum(node["rmsse"] for node in scaled) / len(scaled)
        found[level, "mase"] = sum(node["mase"] for node in scaled) / len(scaled)
        found[level, "wape"] = sum(node["absolute"] for node in of_level) / sold
        found[level, "bias"] = sum(node["error"] for node in of_level) / sold
        found[level, "wspl"] = sum(node["weight"] * node["spl"] for node in scaled)
        found[level, "coverage_95"] = sum(node["inside"] for node in of_level) / len(of_level)
    return found


@pytest.mark.parametrize("averaged", [(), (1, 3, 12)])
def test_every_metric_of_every_level_is_its_definition(
    hierarchy: Hierarchy, sales: np.ndarray, averaged: tuple[int, ...]
) -> None:
    draw = np.random.default_rng(8)
    mean, weight = draw.gamma(2.0, 1.0, (len(sales), HORIZON)), draw.uniform(0.5, 3.0, len(sales))
    factors = np.array([0.3, 0.9, 1.9])
    evaluator = Evaluator.of(hierarchy, sales[:, :HISTORY], sales[:, HISTORY:], weight)
    evaluator = Evaluator(**{**vars(evaluator), "averaged": averaged})
    of_nodes = hierarchy.aggregate(mean)
    scores = pd.concat(
        [evaluator.score(mean), evaluator.score_quantiles(of_nodes[:, :, None] * factors, PROBABILITIES)],
        ignore_index=True,
    )
    expected = by_hand(hierarchy, sales, mean, factors, weight)
    metrics = {metric for _, metric in expected}
    for metric in metrics:
        levels = [level for level, name in expected if name == metric and level in (averaged or range(1, 13))]
        expected[AVERAGE_LEVEL, metric] = sum(expected[level, metric] for level in levels) / len(levels)
    found = {(int(row.level), str(row.metric)): row.value for row in scores.itertuples()}
    assert len(found) == len(scores), "one row a level and metric"
    assert scores.index.is_unique
    assert found == pytest.approx(expected, rel=1e-5)
    assert evaluator.score(of_nodes).equals(evaluator.score(mean)), "a forecast of all nodes is taken as it is"


def test_scales_are_the_steps_since_the_first_sale(sales: np.ndarray) -> None:
    small = sales[:, :HISTORY] / 10  # below one unit, as revenue shares or weekly parts may be
    for history in (sales[:, :HISTORY], small):
        squared, absolute = step_scales(history)
        expected = [by_hand_scales(row.tolist()) for row in history]
        assert squared.tolist() == pytest.approx([scales[0] for scales in expected], nan_ok=True)
        assert absolute.tolist() == pytest.approx([scales[1] for scales in expected], nan_ok=True)


def test_a_level_without_sales_or_scale_has_no_relative_metric(hierarchy: Hierarchy) -> None:
    history = np.tile([1.0, 2.0], (len(hierarchy.series), HISTORY // 2))
    nothing = np.zeros((len(hierarchy.series), HORIZON))
    scores = Evaluator.of(hierarchy, history, nothing, np.ones(len(history))).score(nothing + 1)
    assert scores.loc[scores["metric"].isin(["wape", "bias"]), "value"].isna().all()
    flat = Evaluator.of(hierarchy, np.ones_like(history), nothing, np.ones(len(history))).score(nothing + 1)
    assert flat.loc[flat["metric"].isin(["rmsse", "mase"]), "value"].isna().all()
    assert (flat.loc[flat["metric"] == "wrmsse", "value"] == 0).all()
