"""How long do the raw files take to read? `demand ingest` beside `pandas.read_csv` of the same files.

And how long the command line takes before it does anything. Each is a process of its own; medians of several rounds,
taken in turn. The raw files are those that M5_DATA_DIR or DEMAND_DATA_DIR names; without them they are simulated.

Run: make bench-ingest, or python -m benchmarks.ingest --rounds 3 --write
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.report import circumstances, write_section
from models_ml.settings import get_settings

WITH_PANDAS = """
import sys, zipfile
import pandas as pd
path = sys.argv[1]
files = ("calendar.csv", "sell_prices.csv", "sales_train_evaluation.csv")
if path.endswith(".zip"):
    with zipfile.ZipFile(path) as archive:
        frames = [pd.read_csv(archive.open(name)) for name in files]
else:
    frames = [pd.read_csv(f"{path}/{name}") for name in files]
"""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_gb: float


def cost(command: list[str], home: str) -> Cost:
    """Run a command to its end and measure it.

    Raises:
        SystemExit: it failed.
    """
    started = time.perf_counter()
    silent = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, silent, 1)]
    process = os.posix_spawn(command[0], command, {**os.environ, "DEMAND_HOME": home}, file_actions=actions)
    _, status, used = os.wait4(process, 0)
    os.close(silent)
    if status:
        raise SystemExit(f"{' '.join(command[:4])} failed; see above.")
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    options = parser.parse_args()
    demand = [sys.executable, "-m", "models_ml.cli.main"]
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        given = get_settings().data_dir or os.environ.get("M5_DATA_DIR")
        raw = Path(str(given)).resolve() if given else Path(folder) / "raw"
        if given is None:
            cost([*demand, "simulate", str(raw)], folder)
        if raw.is_dir() and not (raw / "calendar.csv").exists():
            (raw,) = raw.glob("*.zip")
        ways = {
            "pandas.read_csv": [sys.executable, "-c", WITH_PANDAS, str(raw)],
            "demand ingest": [*demand, "ingest", "--data-dir", str(raw)],
            "demand --help": [*demand, "--help"],
        }
        taken: dict[str, list[Cost]] = {name: [] for name in ways}
        for number in range(options.rounds):
            for name, command in ways.items():
                taken[name].append(cost(command, f"{folder}/home-{number}"))
    lines = ["| process | wall s | spread | CPU s | peak GB | x pandas (wall) |", "|---|---|---|---|---|---|"]
    base = median(c.seconds for c in taken["pandas.read_csv"])
    for name, costs in taken.items():
        seconds = [c.seconds for c in costs]
        lines.append(
            f"| {name} | {median(seconds):.2f} | {min(seconds):.2f}-{max(seconds):.2f} "
            f"| {median(c.cpu_seconds for c in costs):.1f} | {max(c.peak_gb for c in costs):.2f} "
            f"| {median(seconds) / base:.2f} |"
        )
    data = "the real M5 data" if given else "simulated data"
    text = "\n".join(lines) + f"\n\nMedians of {options.rounds}, {data}; " + circumstances(["duckdb", "pandas"])
    print(text)
    if options.write:
        write_section("ingest", text)


if __name__ == "__main__":
    main()
