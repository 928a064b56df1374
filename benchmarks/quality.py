"""How long do the data-quality checks take, and how much memory? Each zone in a process of its own.


Run: python -m benchmarks.quality HOME [HOME ...] [--write], each an ingested and built home of real M5 data.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import duckdb

from expectations.run import run_zones
from models_ml.settings import Settings

ZONES = ("raw", "marts")


def measure(home: Path, zone: str) -> tuple[int, int, int, float, float, float]:
    """Checks, errors, warnings, wall seconds, CPU seconds and peak GB of one zone; in a fresh process."""
    with tempfile.TemporaryDirectory() as scratch:
        # Reports and results go to a scratch home: the measured one is only read.
        settings = Settings(home=Path(scratch), warehouse_url=f"duckdb:///{(home / 'warehouse.duckdb').resolve()}")
        started = time.perf_counter()
        summary = run_zones(settings, zone)
        wall = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    return (
        len(summary.results),
        len(summary.errors),
        len(summary.warnings),
        wall,
        cpu,
        usage.ru_maxrss / 1024**2,
    )


def series_and_stores(home: Path) -> tuple[int, int]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute("select count(*), count(distinct store_id) from core.dim_series").fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def report(homes: list[Path]) -> str:
    lines = [
        "# Data-quality checks: seconds and memory",
        "",
        "`demand quality` on built homes of real M5 data, each zone in a process of its own, Great Expectations'",
        "import (about 4 s) included. Command: `python -m benchmarks.quality HOME HOME --write`.",
        "",
        "| series (stores) | zone | checks | errors | warnings | wall s | CPU s | peak memory GB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for home in homes:
        series, stores = series_and_stores(home)
        for zone in ZONES:
            with get_context("spawn").Pool(1) as pool:
                checks, errors, warnings, wall, cpu, gigabytes = pool.apply(measure, (home, zone))
            lines.append(
                f"| {series:,} ({stores}) | {zone} | {checks} | {errors} | {warnings} "
                f"| {wall:.1f} | {cpu:.1f} | {gigabytes:.2f} |"
            )
            print(lines[-1], flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    lines += [
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__} with 2 threads, "
        f"commit {commit.stdout.strip()}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homes", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="write benchmarks/quality.md")
    arguments = parser.parse_args()
    text = report(arguments.homes)
    print(text)
    if arguments.write:
        Path(__file__).with_suffix(".md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
