"""`demand run` from the raw zip to forecasts that are served; again with one more day of sales; and with nothing new.

The first run of a home ends a day before the data does (`--as-of`); the second has that day, too; the next three find
nothing new, and the median of them counts. Memory is the most that all processes of a run held at one time, sampled
five times a second from /proc (Linux).

The raw files are those that DEMAND_DATA_DIR or M5_DATA_DIR names; without them they are simulated. Each home is thrown
away. All of M5 needs 12 GB of disk.

Run: make bench-run, or python -m benchmarks.run --stores CA_1,all --rounds 3 --write
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.report import circumstances, write_section
from models_ml.settings import Settings, get_settings
from models_ml.sources.long.estimate import RUN_COSTS, Size
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import last_sale_day

ALL = "all"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STEP_ENDED = re.compile(r"^(\S.{21}) *(\d+\.\d) s")
"""A line of `cli.progress` that tells a step's seconds."""


@dataclass(frozen=True)
class Run:
    """One `demand run`.

    Attributes:
        wall_seconds: from its start to its end.
        cpu_seconds: of all its processes, user and system.
        peak_gigabytes: resident memory of all its processes together, the largest sample.
        steps: wall seconds by step.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    steps: dict[str, float]


def demand_run(home: Path, raw: Path | None, stores: str, *arguments: str) -> Run:
    """Run `demand run` in a home and measure it.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "DEMAND_HOME": str(home), "DEMAND_STORES": "" if stores == ALL else stores}
    if raw is not None:
        environment["DEMAND_DATA_DIR"] = str(raw)
    return measured([sys.executable, "-m", "models_ml.cli.main", "run", *arguments], environment)


def measured(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command that reports its steps as `demand` does, and measure it.

    Raises:
        SystemExit: it failed.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    samples: list[int] = [0]
    sampler = threading.Thread(target=sample_memory, args=(process, samples))
    sampler.start()
    _, said = process.communicate()
    sampler.join()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    ended = [match for line in said.splitlines() if (match := STEP_ENDED.match(line))]
    return Run(
        wall,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        max(samples) / 1e9,
        {match[1].strip(): float(match[2]) for match in ended},
    )


def sample_memory(process: subprocess.Popen[str], samples: list[int]) -> None:
    """Append the bytes that the processes of a session hold, until its leader has ended."""
    while process.poll() is None:
        samples.append(sum(resident_bytes(folder, process.pid) for folder in Path("/proc").glob("[0-9]*")))
        time.sleep(0.2)


def resident_bytes(folder: Path, session: int) -> int:
    """Resident memory of a process of a session; 0 for any other, and for one that has ended."""
    try:
        # The program's name, in brackets, may hold blanks; the fields after it are: state, parent, group, session, ...
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[21]) * PAGE_BYTES if int(fields[3]) == session else 0


def last_day(home: Path, stores: str) -> date:
    """The last day of sales that a home's warehouse holds."""
    settings = Settings(home=home)
    return last_sale_day(open_warehouse(settings.effective_warehouse_url), () if stores == ALL else stores.split(","))


def size_of(home: Path) -> Size:
    """Size of what a home's warehouse holds."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        row = connection.execute(
            "select count(*), sum(last_date - launch_date + 1), count(distinct store_department_id),"
            " count(distinct store_department_id) * (max(last_date) - min(launch_date) + 1) from core.dim_series"
        ).fetchone()
    assert row is not None
    return Size(*map(int, row))


def record_cost(size: Size, runs: Sequence[Run], page: Path = RUN_COSTS) -> None:
    """Put what first runs cost among the measured runs that `demand check` estimates from, in place of that size's."""
    fresh = {
        **asdict(size),
        "cpu_seconds": round(statistics.median(run.cpu_seconds for run in runs)),
        "peak_gigabytes": round(max(run.peak_gigabytes for run in runs), 1),
    }
    others = pd.read_csv(page).query("series != @size.series or nodes != @size.nodes") if page.exists() else None
    rows = pd.concat([others, pd.DataFrame([fresh])]).sort_values(["series", "nodes"])
    rows.to_csv(page, index=False)


REPEATS = 3
"""Runs with nothing new in each home."""


def measure(
    raw: Path | None, stores: str, rounds: int, newest: date | None
) -> tuple[list[Run], list[Run], list[Run], Size]:
    """First and second runs and those with nothing new, each round in its own home; and the size of what they forecast.

    Args:
        raw: folder or zip of raw files; None: simulated ones.
        stores: names, or `all`.
        rounds: how often.
        newest: the last day of the data; None: found by a run whose figures are not used.
    """
    first, second, nothing_new = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="run-") as folder:
            home = Path(folder)
            if newest is None:
                demand_run(home / "trial", raw, stores)
                newest = last_day(home / "trial", stores)
            first.append(demand_run(home / "home", raw, stores, "--as-of", str(newest - timedelta(days=1))))
            second.append(demand_run(home / "home", raw, stores))
            repeats = [demand_run(home / "home", raw, stores) for _ in range(REPEATS)]
            nothing_new.append(sorted(repeats, key=lambda run: run.wall_seconds)[REPEATS // 2])
            size = size_of(home / "home")
    return first, second, nothing_new, size


def row(name: str, runs: Sequence[Run], first: Sequence[Run]) -> str:
    """A line of the table: medians, the spread of seconds, and how they compare with the first runs."""
    seconds = [run.wall_seconds for run in runs]
    ratio = statistics.median(b.wall_seconds / a.wall_seconds for a, b in zip(first, runs, strict=True))
    steps = ", ".join(f"{step} {s:.0f}" for step, s in runs[-1].steps.items() if s >= 0.5)
    return (
        f"| {name} | {statistics.median(seconds):.3g} | {min(seconds):.3g}-{max(seconds):.3g} "
        f"| {statistics.median(run.cpu_seconds for run in runs):.0f} | {max(run.peak_gigabytes for run in runs):.1f} "
        f"| {100 * ratio:.0f} % | {steps} |"
    )


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", default="CA_1,all", help="stores, each measured by itself; `all`: of the data")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--last-day", type=date.fromisoformat, help="of the data; default: found by a run more")
    parser.add_argument("--write", action="store_true", help="update the section of results.md and run_costs.csv")
    options = parser.parse_args()
    given = get_settings().data_dir or os.environ.get("M5_DATA_DIR")
    raw = Path(str(given)).resolve() if given else None
    if raw is not None and raw.is_dir() and not (raw / "calendar.csv").exists():
        (raw,) = raw.glob("*.zip")
    lines = [
        "| `demand run` | wall s | spread | CPU s | peak GB | of the first | seconds by step |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for stores in options.stores.split(","):
        first, second, nothing_new, size = measure(raw, stores, options.rounds, options.last_day)
        if options.write:
            record_cost(size, first)
        lines += [
            row(f"{stores}, {name}", runs, first)
            for name, runs in (("first", first), ("one more day", second), ("nothing new", nothing_new))
        ]
        print("\n".join(lines[-3:]), flush=True)
    data = "the real M5 data" if raw else "simulated data"
    text = "\n".join(lines) + f"\n\nMedians of {options.rounds}, {data}; " + circumstances(["lightgbm", "duckdb"])
    print(text.splitlines()[-1])
    if options.write:
        write_section("run", text)


if __name__ == "__main__":
    main()
