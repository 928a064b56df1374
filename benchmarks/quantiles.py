"""How good are the quantiles, and what do they cost? WSPL and coverage by level and demand class, fold by fold.

Run: python benchmarks/quantiles.py HOME [--stores CA_1] [--model middle_out] [--folds 2016-04-24,2016-03-27,2016-02-28]
HOME is the folder of a warehouse that `demand ingest` and `demand build` have made.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from datetime import date
from pathlib import Path

import pandas as pd

from models_ml.evaluation.backtest import fold_evaluator, run_fold
from models_ml.forecasters.quantiles import fit_quantiles
from models_ml.forecasters.registry import make_forecaster
from models_ml.marts import Marts
from models_ml.warehouse import DuckDBWarehouse

FOLDS = "2016-04-24,2016-03-27,2016-02-28"
"""Days 1913, 1885 and 1857 of M5."""


def main() -> None:
    """Score, print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--stores", default="")
    parser.add_argument("--model", default="middle_out")
    parser.add_argument("--folds", default=FOLDS)
    parser.add_argument("--seed", type=int, default=20160522)
    options = parser.parse_args()

    warehouse = DuckDBWarehouse(options.home / "warehouse.duckdb")
    stores = tuple(s for s in options.stores.split(",") if s)
    parts, costs = [], []
    for fold in options.folds.split(","):
        marts = Marts(warehouse, date.fromisoformat(fold), 28, stores)
        evaluator, actual = fold_evaluator(marts)
        wall, cpu = time.perf_counter(), time.process_time()
        model = fit_quantiles(marts)
        fit = time.perf_counter() - wall, time.process_time() - cpu
        forecaster = make_forecaster(options.model, seed=options.seed, threads=2)
        scored, forecast = run_fold(marts, forecaster, evaluator, actual, model)
        wall, cpu = time.perf_counter(), time.process_time()
        model.predict(forecast.mean)
        predict = time.perf_counter() - wall, time.process_time() - cpu
        parts.append(scored.metrics)
        costs.append((fold, *fit, *predict))
    metrics = pd.concat(parts)
    shown = metrics["metric"].str.match("wspl|coverage")
    table = metrics[shown].pivot_table(index=["metric", "level"], columns="fold", values="value", sort=False)
    table["mean"] = table.mean(axis=1)
    print(table.reset_index().to_markdown(index=False, floatfmt=".4f"))
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; peak of the process, evaluation and the")
    print(f"forecaster included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB\n")
    print("| fold | fit wall s | fit CPU s | predict wall s | predict CPU s |\n|---|---|---|---|---|")
    for fold, *seconds in costs:
        print(f"| {fold} | " + " | ".join(f"{s:.1f}" for s in seconds) + " |")


if __name__ == "__main__":
    main()
