"""Trials of middle-out's node models: WRMSSE of levels 1 to 9 on many past origins, in a minute and a half.

Accuracy is decided at the nodes, and five folds are too few to choose on: choices made on them did not hold on others.
So a choice of a node model is tried here, over a year of four-week folds; items and quantiles are left out.
Needs a home whose marts are built (DEMAND_HOME; `demand ingest`, `demand build`).

Run: python -m benchmarks.nodes --set blend.regression_weight=0.5 --set boosting.rounds=200
"""

from __future__ import annotations

import argparse
import ast
import os
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, timedelta

import numpy as np

from models_ml.evaluation.metrics import AVERAGE_LEVEL, Evaluator
from models_ml.forecasters.middle_out import MiddleOutParameters
from models_ml.forecasters.middle_out.boosting import fit_boosting
from models_ml.forecasters.nodes.panel import NodePanel, read_panel
from models_ml.forecasters.nodes.reconcile import blend
from models_ml.forecasters.nodes.regression import fit_regression
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, Hierarchy
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts, last_sale_day

PARTS = ("regression", "boosting", "blend")
METHODS = ("regression", "boosting", "blend")


def with_settings(parameters: MiddleOutParameters, settings: Sequence[str]) -> MiddleOutParameters:
    """The parameters with some of them replaced.

    Args:
        parameters: to start from.
        settings: `part.name=value`, e.g. `boosting.rounds=200`; an entry of LightGBM's or of a tuple of pairs is one
            step deeper, e.g. `boosting.lightgbm.num_leaves=15` or `regression.penalties.event=60`.

    Raises:
        ValueError: there is no such parameter, or its value is no Python literal.
    """
    for setting in settings:
        path, _, text = setting.partition("=")
        part, name, *entry = path.split(".")
        if part not in PARTS or name not in {field.name for field in fields(getattr(parameters, part))}:
            raise ValueError(f"{path} is no parameter of {', '.join(PARTS)}.")
        value = ast.literal_eval(text)
        if entry:
            known = dict(getattr(getattr(parameters, part), name))
            entries = {**known, entry[0]: value}
            value = entries if name == "lightgbm" else tuple(entries.items())
        parameters = replace(parameters, **{part: replace(getattr(parameters, part), **{name: value})})
    return parameters


def node_evaluator(marts: Marts, panel: NodePanel) -> Evaluator:
    """Evaluator of levels 1 to 9 from the sales of store x departments; looks past the origin."""
    later = replace(marts, origin=marts.target_dates[-1])
    _, training = marts.store_department_daily(marts.first_day, marts.origin)
    after, actual = later.store_department_daily(marts.target_dates[0], later.origin)
    rows = after.set_index("node_id").index.get_indexer(panel.nodes.set_index("node_id").index)
    return Evaluator.of(Hierarchy.of(panel.nodes, AGGREGATE_LEVELS), training, actual[rows], panel.weight)


def scores(settings: Settings, fold: date, parameters: MiddleOutParameters) -> dict[str, np.ndarray]:
    """WRMSSE of a fold, the mean of levels 1 to 9 and then each, by each node model alone and as they are blended."""
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    marts = Marts(warehouse, fold, settings.horizon_days, settings.store_list)
    panel = read_panel(marts)
    evaluator = node_evaluator(marts, panel)
    regression = fit_regression(panel, parameters.regression).predict(panel)
    boosting = fit_boosting(panel, parameters.boosting, seed=settings.seed, threads=settings.threads).predict(panel)
    forecasts = (regression, boosting, blend(panel, regression, boosting, parameters.blend))
    open_days = ~panel.closed[:, panel.known_days :]
    result = {}
    for name, forecast in zip(METHODS, forecasts, strict=True):
        score = evaluator.score((forecast * open_days).astype(np.float32))
        by_level = score[score["metric"] == "wrmsse"].set_index("level")["value"]
        result[name] = np.array([by_level[AVERAGE_LEVEL], *by_level.drop(index=AVERAGE_LEVEL).sort_index()])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], metavar="PART.NAME=VALUE", help="may be repeated")
    parser.add_argument("--folds", type=int, default=14, help="number of folds, a horizon apart, back from the last")
    arguments = parser.parse_args()
    try:
        parameters = with_settings(MiddleOutParameters(), arguments.set)
    except (ValueError, SyntaxError) as error:
        parser.error(str(error))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    settings = get_settings()
    last = last_sale_day(open_warehouse(settings.effective_warehouse_url), settings.store_list)
    folds = [last - timedelta(days=settings.horizon_days * back) for back in range(1, arguments.folds + 1)]
    started = time.process_time()
    print("| fold | regression | boosting | blend | blend, levels 1 to 9 |\n|---|---|---|---|---|")
    by_fold = []
    for fold in folds:
        score = scores(settings, fold, parameters)
        by_fold.append([score[name] for name in METHODS])
        print(row(str(fold), np.array(by_fold[-1])), flush=True)
    print(row("mean", np.mean(by_fold, axis=0)))
    print(f"{time.process_time() - started:.0f} seconds of CPU")


def row(name: str, score: np.ndarray) -> str:
    """A line of the table from methods x (mean, levels)."""
    means = " | ".join(f"{value:.4f}" for value in score[:, 0])
    return f"| {name} | {means} | {' '.join(f'{value:.3f}' for value in score[-1, 1:])} |"


if __name__ == "__main__":
    main()
