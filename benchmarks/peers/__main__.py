"""Our point and the others: seconds, memory and WRMSSE of each method on the same folds of the same data.

Methods follow each other on each fold, so that the machine is the same for all. Needs a home whose marts are built
(DEMAND_HOME) and the peers' environment (`make bench-peers` makes it). What is measured is kept point by point in
points.jsonl, from which the tables are written, so that a part can be measured again.

Run: python -m benchmarks.peers --scopes CA_1,all --folds 2016-04-24 --skip model_an_item --write
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.peers.data import export, wide_forecast
from benchmarks.peers.measured import run_measured
from benchmarks.report import circumstances, write_section
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.runs.backtest import Fold
from models_ml.settings import get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts

HERE = Path(__file__).parent
POINTS = HERE / "points.jsonl"
ALL = "all"
OURS = ("middle_out", "item_lightgbm", "ets", "prophet", "moving_average", "seasonal_naive")
"""Our forecasters; ets and prophet are AutoETS (statsforecast) and Prophet at store x department."""

ONE_STORE = ("model_an_item",)
"""Peers that are only played on one store: on all of them they would take an hour."""

METHODS = (*OURS, "mlforecast", *ONE_STORE)


@dataclass(frozen=True)
class Point:
    """One method on one fold, measured; `day` is when, with the machine's load."""

    scope: str
    series: int
    method: str
    fold: str
    seconds: float
    cpu_seconds: float
    peak_gb: float
    wrmsse: float
    day: str


def main() -> None:
    """Measure methods, print their tables, write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", default="2016-04-24", help="last known days; default: day 1913 of M5")
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--scopes", default=f"CA_1,{ALL}", help="stores, each measured by itself; `all`: of the data")
    parser.add_argument("--only", default="", help="comma-separated methods; default: every one")
    parser.add_argument("--skip", default="", help="comma-separated methods to leave out")
    parser.add_argument("--write", action="store_true", help="keep the points, and write the tables into results.md")
    options = parser.parse_args()
    methods = [name for name in METHODS if name in (options.only.split(",") if options.only else METHODS)]
    methods = [name for name in methods if name not in options.skip.split(",")]
    points: list[Point] = []
    # A process is charged with the peak memory of the one that started it, so a small one starts them all.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as starter:
        starter.submit(os.getpid).result()
        for scope in options.scopes.split(","):
            for fold in options.folds.split(","):
                points += measure_scope(starter, options.peers_python, fold, scope, methods)
                if options.write:
                    keep(points)
    print("\n\n".join(tables(points)))


def keep(points: Sequence[Point]) -> None:
    """Keep points in place of those of the same method, scope and fold, and write the tables of all."""
    lines = POINTS.read_text().splitlines() if POINTS.exists() else []
    known = {(p.scope, p.fold, p.method): p for p in (*(Point(**json.loads(line)) for line in lines), *points)}
    ordered = [known[key] for key in sorted(known, key=lambda k: (k[0] == ALL, k[0], k[1], METHODS.index(k[2])))]
    part = POINTS.with_suffix(".part")
    part.write_text("".join(json.dumps(asdict(point)) + "\n" for point in ordered))
    part.replace(POINTS)
    write_section("peers", "\n\n".join([*tables(ordered), circumstances(["lightgbm", "statsforecast", "prophet"])]))


def measure_scope(starter: Executor, peers_python: Path, fold: str, scope: str, methods: Sequence[str]) -> list[Point]:
    """Methods on one scope and fold."""
    settings = get_settings()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    stores = "" if scope == ALL else scope
    marts = Marts(warehouse, date.fromisoformat(fold), settings.horizon_days, (stores,) if stores else ())
    evaluator = Fold.of(marts).evaluator
    points = []
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        folder = Path(temporary)
        export(marts, folder)
        commands = {
            **{m: [sys.executable, "-m", "benchmarks.peers.ours", str(folder), m, fold, stores] for m in OURS},
            "mlforecast": [str(peers_python.absolute()), str(HERE / "mlforecast_recursive.py"), str(folder)],
            "model_an_item": [sys.executable, "-m", "benchmarks.peers.model_an_item", str(folder)],
        }
        for method in methods:
            if not stores and method in ONE_STORE:
                continue
            spent = starter.submit(run_measured, commands[method]).result()
            forecast = wide_forecast(marts, pd.read_parquet(folder / "forecast.parquet"))
            scores = evaluator.score(forecast)
            wrmsse = scores[(scores["metric"] == "wrmsse") & (scores["level"] == AVERAGE_LEVEL)]["value"].iloc[0]
            day = f"{date.today()}, load {os.getloadavg()[0]:.1f}"
            points.append(Point(scope, len(marts.series), method, fold, *spent, float(wrmsse), day))
            print(points[-1], flush=True)
            (folder / "forecast.parquet").unlink()
    return points


def tables(points: Sequence[Point]) -> list[str]:
    """Markdown, a table a scope and fold: every point, and whether another is both faster and more accurate.

    The mean over folds follows for methods that were measured on several.
    """
    found = []
    for scope in dict.fromkeys(p.scope for p in points):
        own = [p for p in points if p.scope == scope]
        folds = list(dict.fromkeys(p.fold for p in own))
        for fold in reversed(folds):
            rows = [p for p in own if p.fold == fold]
            found.append(table(f"{scope}, {rows[0].series:,} series, fold {fold} ({rows[-1].day})", rows))
        if len(folds) > 1:
            means = []
            for method in METHODS:
                each = [p.wrmsse for p in own if p.method == method]
                if len(each) == len(folds):
                    means.append(f"{method} {sum(each) / len(each):.4f}")
            found.append(f"Mean WRMSSE over the {len(folds)} folds of {scope}: {', '.join(means)}.")
    return found


def table(title: str, points: Sequence[Point]) -> str:
    """One table."""
    lines = [
        f"**{title}**\n",
        "| method | seconds | CPU seconds | peak GB | WRMSSE | on the frontier |",
        "|---|---|---|---|---|---|",
    ]
    for p in points:
        beaten = [q.method for q in points if q.seconds < p.seconds and q.wrmsse < p.wrmsse]
        lines.append(
            f"| {p.method} | {p.seconds:.0f} | {p.cpu_seconds:.0f} | {p.peak_gb:.1f} | {p.wrmsse:.4f} "
            f"| {'no: ' + ', '.join(beaten) if beaten else 'yes'} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
