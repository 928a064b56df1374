"""Our point and the others: seconds, memory and WRMSSE of each method on one fold of the same data, in one run.

Needs a home whose marts are built (DEMAND_HOME) and the peers' environment (`make bench-peers` makes it).

Run: python -m benchmarks.peers --peers-python .venv-peers/bin/python --write
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.peers.data import export, wide_forecast
from benchmarks.peers.measured import run_measured
from benchmarks.report import circumstances, write_section
from models_ml.evaluation.backtest import Fold
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.marts import Marts
from models_ml.settings import get_settings
from models_ml.warehouse import open_warehouse

HERE = Path(__file__).parent
OURS = ("middle_out", "item_lightgbm", "ets", "prophet", "moving_average", "seasonal_naive")
"""Our forecasters; ets and prophet are AutoETS (statsforecast) and Prophet at store x department."""

ONE_STORE = ("model_an_item",)
"""Peers that are only played on the first store: on all of them they would take an hour."""


@dataclass(frozen=True)
class Point:
    """One method, measured."""

    scope: str
    method: str
    seconds: float
    cpu_seconds: float
    peak_gb: float
    wrmsse: float


def main() -> None:
    """Measure all methods, print a table, write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fold", default="2016-04-24", help="last known day; default: day 1913 of M5")
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--stores", default="CA_1", help="the scope of one store, which comes first")
    parser.add_argument("--one-store", action="store_true", help="leave out the scope of all stores")
    parser.add_argument("--skip", default="", help="comma-separated methods to leave out")
    parser.add_argument("--write", action="store_true", help="write the table into results.md")
    options = parser.parse_args()
    skip = set(options.skip.split(","))
    points: list[Point] = []
    # A process is charged with the peak memory of the one that started it, so a small one starts them all.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as starter:
        starter.submit(os.getpid).result()
        for stores in (options.stores, "") if not options.one_store else (options.stores,):
            points += measure_scope(starter, options.peers_python, options.fold, stores, skip)
    text = table(points) + "\n\n" + circumstances(["lightgbm", "statsforecast", "prophet"])
    print(text)
    if options.write:
        write_section("peers", text)


def measure_scope(starter: Executor, peers_python: Path, fold: str, stores: str, skip: set[str]) -> list[Point]:
    """All methods on one scope."""
    settings = get_settings()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    scope = tuple(store for store in stores.split(",") if store)
    marts = Marts(warehouse, date.fromisoformat(fold), settings.horizon_days, scope)
    evaluator = Fold.of(marts).evaluator
    name = f"{stores or 'all stores'}, {len(marts.series):,} series"
    points = []
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        folder = Path(temporary)
        export(marts, folder)
        commands = {
            **{m: [sys.executable, "-m", "benchmarks.peers.ours", str(folder), m, fold, stores] for m in OURS},
            "mlforecast": [str(peers_python.absolute()), str(HERE / "mlforecast_recursive.py"), str(folder)],
            "model_an_item": [sys.executable, "-m", "benchmarks.peers.model_an_item", str(folder)],
        }
        for method, command in commands.items():
            if method in skip or (not scope and method in ONE_STORE):
                continue
            spent = starter.submit(run_measured, command).result()
            forecast = wide_forecast(marts, pd.read_parquet(folder / "forecast.parquet"))
            scores = evaluator.score(forecast)
            wrmsse = scores[(scores["metric"] == "wrmsse") & (scores["level"] == AVERAGE_LEVEL)]["value"].iloc[0]
            points.append(Point(name, method, *spent, float(wrmsse)))
            print(points[-1], flush=True)
            (folder / "forecast.parquet").unlink()
    return points


def table(points: list[Point]) -> str:
    """Markdown: every point, and whether another of its scope is both faster and more accurate."""
    lines = [
        "| scope | method | seconds | CPU seconds | peak GB | WRMSSE | on the frontier |",
        "|---|---|---|---|---|---|---|",
    ]
    for p in points:
        beaten = [q.method for q in points if q.scope == p.scope and q.seconds < p.seconds and q.wrmsse < p.wrmsse]
        lines.append(
            f"| {p.scope} | {p.method} | {p.seconds:.0f} | {p.cpu_seconds:.0f} | {p.peak_gb:.1f} | {p.wrmsse:.4f} "
            f"| {'no: ' + ', '.join(beaten) if beaten else 'yes'} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
