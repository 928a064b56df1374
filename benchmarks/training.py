"""What a run costs once the marts are built: train, forecast with quantiles, and write the rows that are published.

One process a number of stores, the first of the data; its seconds, CPU seconds and peak memory. Needs a home
whose marts are built (DEMAND_HOME; `demand ingest`, `demand build`).

Run: make bench-train, or python -m benchmarks.training --stores 1,2,5,10 --write
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
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.report import circumstances, write_section
from models_ml import artifact
from models_ml.evaluation.backtest import Backtest
from models_ml.settings import Settings, get_settings
from models_ml.training import plan_training, train
from models_ml.warehouse import open_warehouse


@dataclass(frozen=True)
class Cost:
    """What one training took; `forecast_rows` of items and nodes."""

    model: str
    stores: str
    series: int
    forecast_rows: int
    seconds: float
    cpu_seconds: float
    peak_gb: float

    def row(self) -> str:
        return (
            f"| {self.model} | {self.stores} | {self.series:,} | {self.forecast_rows:,} | {self.seconds:.0f} "
            f"| {self.cpu_seconds:.0f} | {self.peak_gb:.1f} |"
        )


def measure(settings: Settings) -> Cost:
    """Train in this process, without a backtest, into a folder that is thrown away."""
    wall, cpu = time.perf_counter(), time.process_time()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    with tempfile.TemporaryDirectory(prefix="training-") as models:
        plan = plan_training(settings, warehouse, "benchmark")
        run = artifact.load(train(plan, settings, Backtest.none(), Path(models)))
    return Cost(
        model=settings.model,
        stores=f"{len(plan.scope)} ({plan.scope[0]})" if len(plan.scope) == 1 else str(len(plan.scope)),
        series=len(plan.marts.series),
        forecast_rows=run.tables["forecasts"].num_rows + run.tables["node_forecasts"].num_rows,
        seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
        peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    )


def in_own_process(stores: str) -> Cost:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", "--one", stores], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"Training {stores} failed; see above.")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def first_stores(settings: Settings, count: int) -> str:
    warehouse = open_warehouse(settings.effective_warehouse_url)
    names = sorted(warehouse.read("core.dim_stores", ["store_id"])["store_id"].to_pylist())
    if count > len(names):
        raise SystemExit(f"The warehouse has {len(names)} stores; {count} were asked for.")
    return ",".join(names[:count])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", default="1", help="numbers of stores (1,2,5,10), or one store's name")
    parser.add_argument("--write", action="store_true", help="update the table of results.md")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    settings = get_settings()
    if options.one:
        print(json.dumps(asdict(measure(settings.model_copy(update={"stores": options.one})))))
        return
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of LightGBM must not spin on a shared machine
    lines = [
        "| model | stores | series | forecast rows | seconds | CPU seconds | peak GB |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for given in options.stores.split(","):
        lines.append(in_own_process(first_stores(settings, int(given)) if given.isdigit() else given).row())
        print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n\n" + circumstances(["lightgbm", "numpy", "duckdb"])
    print(text.splitlines()[-1])
    if options.write:
        write_section("training", text)


if __name__ == "__main__":
    main()
