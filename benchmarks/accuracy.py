"""How accurate is a model, and at what cost? WRMSSE by level on past origins, wall seconds and peak memory.

Each model and fold runs in a process of its own, so that its memory is its own. Needs a home whose marts are built
(DEMAND_HOME; `demand ingest`, `demand build`), with sales through the folds and the horizon after them.

Run: python -m benchmarks.accuracy --models middle_out,item_lightgbm --write (or: make bench-accuracy).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from models_ml.evaluation.backtest import fold_evaluator, run_fold
from models_ml.evaluation.metrics import AVERAGE_LEVEL
from models_ml.forecasters.registry import BASELINE, make_forecaster
from models_ml.marts import Marts
from models_ml.settings import Settings, get_settings
from models_ml.warehouse import open_warehouse

FOLDS = "2016-04-24,2016-03-27,2016-02-28,2016-01-31,2015-05-24"
"""Last known days of the five folds on the M5 data: days 1913, 1885, 1857, 1829 and, a year before, 1577."""

TABLE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- results: written by benchmarks/accuracy.py -->", "<!-- end of results -->"
HEADER = "| model | fold | WRMSSE | levels 1 to 12 | seconds | peak GB | series |\n|---|---|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Measured:
    """One model on one fold."""

    model: str
    fold: str
    wrmsse: float
    levels: list[float]
    seconds: float
    peak_gb: float
    series: int

    def row(self) -> str:
        levels = " ".join(f"{value:.3f}" for value in self.levels)
        return (
            f"| {self.model} | {self.fold} | {self.wrmsse:.4f} | {levels} | {self.seconds:.0f} | {self.peak_gb:.1f} "
            f"| {self.series:,} |"
        )


def measure(settings: Settings, model: str, fold: date) -> Measured:
    """Fit, forecast and score in this process; the peak includes the evaluator's dense sales."""
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    marts = Marts(warehouse, fold, settings.horizon_days, settings.store_list)
    forecaster = make_forecaster(model, seed=settings.seed, threads=settings.threads)
    evaluator, actual = fold_evaluator(marts)
    metrics = run_fold(marts, forecaster, evaluator, actual).metrics
    wrmsse = metrics[metrics["metric"] == "wrmsse"].set_index("level")["value"]
    return Measured(
        model=model,
        fold=str(fold),
        wrmsse=float(wrmsse[AVERAGE_LEVEL]),
        levels=[float(v) for v in wrmsse.drop(index=AVERAGE_LEVEL).sort_index()],
        seconds=float(metrics.loc[metrics["metric"] == "seconds", "value"].iloc[0]),
        peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        series=len(marts.series),
    )


def in_own_process(model: str, fold: str) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy", "--one", model, fold],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{model} on {fold} failed; see above.")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def written(text: str, rows: list[Measured]) -> str:
    """The text with its table updated: rows of the same model, fold and number of series are replaced."""
    before, rest = text.split(BEGIN, 1)
    table, after = rest.split(END, 1)
    lines = {key(line): line for line in table.splitlines() if re.match(r"\| \w+ \| \d{4}-", line)}
    lines.update({key(row.row()): row.row() for row in rows})
    ordered = sorted(lines.items(), key=lambda item: (-item[0][2], item[0][0], reversed_date(item[0][1])))
    return f"{before}{BEGIN}\n{HEADER}" + "\n".join(line for _, line in ordered) + f"\n{END}{after}"


def key(line: str) -> tuple[str, str, int]:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    return cells[0], cells[1], int(cells[-1].replace(",", ""))


def reversed_date(day: str) -> int:
    return -date.fromisoformat(day).toordinal()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", default=FOLDS, help="last known days, comma-separated")
    parser.add_argument("--models", default=f"{BASELINE},item_lightgbm,middle_out", help="comma-separated")
    parser.add_argument("--write", action="store_true", help=f"update the table of {TABLE.name}")
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "FOLD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        model, fold = arguments.one
        print(json.dumps(asdict(measure(get_settings(), model, date.fromisoformat(fold)))))
        return
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of LightGBM must not spin on a shared machine
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n{HEADER}", end="")
    rows: list[Measured] = []
    for model in arguments.models.split(","):
        for fold in arguments.folds.split(","):
            rows.append(in_own_process(model, fold))
            print(rows[-1].row(), flush=True)
            if arguments.write:
                TABLE.write_text(written(TABLE.read_text(), rows))
        own = [row for row in rows if row.model == model]
        print(f"{model}: mean {sum(row.wrmsse for row in own) / len(own):.4f} of {len(own)} folds", flush=True)


if __name__ == "__main__":
    main()
