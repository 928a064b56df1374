"""What a run costs once the marts are built: train, forecast with quantiles, and write the rows that are published.

One process a number of stores, the first of the data, and one an earlier origin, which has less history behind it;
its seconds, CPU seconds and peak memory. The exponents are slopes of logarithms by least squares: CPU seconds grow as
series to the power of the one, and as days of history to the power of the other. Needs a home whose marts are built
(DEMAND_HOME; `demand ingest`, `demand build`).

Run: make bench-train, or python -m benchmarks.training --stores 1,2,5,10 --history 730,1094,1458 --write
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.report import circumstances, write_section
from benchmarks.scale import exponent, plan
from models_ml.runs import artifact
from models_ml.runs.backtest import Backtest
from models_ml.runs.fit import train
from models_ml.runs.plan import plan_training
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse

SCALE = Path(__file__).with_name("scale.md")


@dataclass(frozen=True)
class Cost:
    """What one training took; `forecast_rows` of items and nodes, `history_days` up to its origin."""

    model: str
    stores: str
    series: int
    history_days: int
    forecast_rows: int
    seconds: float
    cpu_seconds: float
    peak_gb: float

    def row(self) -> str:
        return (
            f"| {self.model} | {self.stores} | {self.series:,} | {self.history_days:,} | {self.forecast_rows:,} "
            f"| {self.seconds:.0f} | {self.cpu_seconds:.0f} | {self.peak_gb:.1f} |"
        )


def measure(settings: Settings, history_days: int | None) -> Cost:
    """Train in this process, without a backtest, into a folder that is thrown away.

    Args:
        settings: stores, model and threads.
        history_days: the origin is this day of the calendar; None: the last day of sales.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    with tempfile.TemporaryDirectory(prefix="training-") as models:
        plan = plan_training(settings, warehouse)
        first_day = plan.marts.first_day
        if history_days is not None:
            origin = first_day + timedelta(days=history_days - 1)
            plan = plan_training(settings, warehouse, origin)
        run = artifact.load(train(plan, settings, Backtest.none(), Path(models)))
    return Cost(
        model=settings.model,
        stores=f"{len(plan.scope)} ({plan.scope[0]})" if len(plan.scope) == 1 else str(len(plan.scope)),
        series=len(plan.marts.series),
        history_days=(plan.marts.origin - first_day).days + 1,
        forecast_rows=run.tables["forecasts"].num_rows + run.tables["node_forecasts"].num_rows,
        seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
        peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    )


def in_own_process(stores: str, history_days: int | None = None) -> Cost:
    """`measure` in a process of its own, so that memory is of this training alone."""
    days = [] if history_days is None else ["--history", str(history_days)]
    command = [sys.executable, "-m", "benchmarks.training", "--one", stores, *days]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Training {stores} failed; see above.")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def growth(costs: Sequence[Cost]) -> str:
    """How CPU seconds and memory grow with series at the longest history, and with history at the fewest series."""
    longest = max(c.history_days for c in costs)
    by_series = [c for c in costs if c.history_days == longest]
    fewest = min(by_series, key=lambda cost: cost.series)
    by_history = [c for c in costs if c.stores == fewest.stores]
    said = []
    for of, rows in (("series", by_series), ("history_days", by_history)):
        if len(rows) > 1:
            sizes = [float(getattr(c, of)) for c in rows]
            power, memory = (exponent(sizes, [getattr(c, cost) for c in rows]) for cost in ("cpu_seconds", "peak_gb"))
            said.append(f"CPU seconds grow as {of.replace('_', ' ')}^{power:.2f}, memory as ^{memory:.2f}")
    return "; ".join(said)


def first_stores(settings: Settings, count: int) -> str:
    """Names of the first stores of the warehouse, with commas between."""
    warehouse = open_warehouse(settings.effective_warehouse_url)
    names = sorted(warehouse.read("core.dim_stores", ["store_id"])["store_id"].to_pylist())
    if count > len(names):
        raise SystemExit(f"The warehouse has {len(names)} stores; {count} were asked for.")
    return ",".join(names[:count])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", default="1", help="numbers of stores (1,2,5,10), or one store's name")
    parser.add_argument("--history", default="", help="days of history of further rows of the first stores")
    parser.add_argument("--write", action="store_true", help="update the table of results.md")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    settings = get_settings()
    if options.one:
        days = int(options.history) if options.history else None
        print(json.dumps(asdict(measure(settings.model_copy(update={"stores": options.one}), days))))
        return
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of LightGBM must not spin on a shared machine
    lines = [
        "| model | stores | series | history days | forecast rows | seconds | CPU seconds | peak GB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    stores = [first_stores(settings, int(n)) if n.isdigit() else n for n in options.stores.split(",")]
    histories = [int(days) for days in options.history.split(",") if days]
    costs = []
    for names, days in [*((stores[0], days) for days in histories), *((names, None) for names in stores)]:
        costs.append(in_own_process(names, days))
        lines.append(costs[-1].row())
        print(lines[-1], flush=True)
    text = "\n".join([*lines, "", growth(costs), "", ""]) + circumstances(["lightgbm", "numpy", "duckdb"])
    print(text.splitlines()[-1])
    if options.write:
        write_section("training", text)
        whole = [cost for cost in costs if cost.history_days == max(c.history_days for c in costs)]
        if len(whole) > 1:
            measured = zip(*((float(c.series), c.cpu_seconds, c.peak_gb) for c in whole), strict=True)
            write_section("scale", plan(*measured) + "\n\n" + text.splitlines()[-1], SCALE)


if __name__ == "__main__":
    main()
