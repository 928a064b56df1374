"""How long do the marts of a whole retailer take? All of M5 built in full, then one more day built incrementally.

The raw files are those that M5_DATA_DIR or DEMAND_DATA_DIR names. The last day is held back for the second build. Each
dbt invocation is a process of its own, its start-up is part of its figures; models and tests are run apart.

Run: python -m benchmarks.warehouse (or: make bench-warehouse). It needs 12 GB of disk and 16 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.report import circumstances, write_section
from models_ml.runs.processes import processes
from models_ml.settings import Settings
from models_ml.sources.m5.ingest import SCHEMA, ingest
from models_ml.warehouse import dbt

WITHOUT_TESTS = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]


@dataclass(frozen=True)
class Build:
    """One dbt invocation.

    Attributes:
        name: what was built.
        wall_seconds: from its start to its end.
        cpu_seconds: of the process and its children, user and system.
        peak_gigabytes: the largest resident memory of its process.
        nodes: execution seconds by node, the largest first.
    """

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    nodes: list[tuple[str, float]]


def run(settings: Settings, name: str, arguments: list[str]) -> Build:
    """Run dbt and measure it, under a process of its own whose only child it is.

    Raises:
        StepError: dbt failed.
    """
    with processes(1) as process:
        return process.submit(run_as_only_child, settings, name, arguments).result()


def run_as_only_child(settings: Settings, name: str, arguments: list[str]) -> Build:
    """`run` in a process that has started no other."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    dbt.run(settings, arguments)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    results = json.loads((settings.home / "dbt" / "run_results.json").read_text())["results"]
    nodes = [(".".join(r["unique_id"].split(".")[2:3]), float(r["execution_time"])) for r in results]
    return Build(
        name,
        wall,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        after.ru_maxrss / 1024**2,
        sorted(nodes, key=lambda node: -node[1]),
    )


def hold_back_the_last_day(warehouse: Path) -> str:
    """Take the last day's column out of the raw sales, and keep it beside them.

    Returns:
        The column's name.
    """
    with duckdb.connect(str(warehouse)) as connection:
        columns = [row[0] for row in connection.sql(f"describe {SCHEMA}.sales_train_evaluation").fetchall()]
        day = [column for column in columns if column.startswith("d_")][-1]
        connection.execute(
            f"create schema held_back; create table held_back.sales as from {SCHEMA}.sales_train_evaluation"
        )
        connection.execute(f"alter table {SCHEMA}.sales_train_evaluation drop column {day}")
    return str(day)


def bring_the_last_day(warehouse: Path) -> None:
    """Put the raw sales with the last day back, as an ingest of the longer file does."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"create or replace table {SCHEMA}.sales_train_evaluation as from held_back.sales")
        connection.execute("drop schema held_back cascade")


def table(builds: list[Build], rows: int) -> str:
    """Each build as a line of Markdown, with its nodes that took longest."""
    lines = ["| dbt invocation | wall s | CPU s | peak GB | longest nodes, s |", "|---|---|---|---|---|"]
    for build in builds:
        longest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in build.nodes[:rows] if seconds >= 0.5)
        figures = f"{build.wall_seconds:.1f} | {build.cpu_seconds:.1f} | {build.peak_gigabytes:.1f}"
        lines.append(f"| {build.name} | {figures} | {longest} |")
    return "\n".join(lines)


def show(builds: list[Build], rows: int) -> None:
    """Print the nodes of each build that took longest."""
    for build in builds:
        print(f"\n{build.name}: seconds by node, of {sum(seconds for _, seconds in build.nodes):.1f}")
        for name, seconds in build.nodes[:rows]:
            print(f"  {seconds:7.1f}  {name}")


def main() -> None:
    """Measure on the given raw files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, default=os.environ.get("M5_DATA_DIR") or os.environ.get("DEMAND_DATA_DIR"))
    parser.add_argument("--folder", type=Path, help="for the home that is made; default: a temporary folder")
    parser.add_argument("--rows", type=int, default=15, help="nodes to print of each build")
    parser.add_argument("--tests", action="store_true", help="also run the data tests after the full build")
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    options = parser.parse_args()
    if options.raw is None:
        sys.exit("Set M5_DATA_DIR to the folder or zip of M5's raw files, or give --raw.")
    home = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        settings = Settings(home=home, memory_limit_gb=8)
        raw = options.raw
        if raw.is_dir() and not (raw / "calendar.csv").exists():
            (raw,) = raw.glob("*.zip")
        ingested = ingest(raw, settings.warehouse_path, memory_limit_gb=3)
        print(f"{ingested.series:,} series, {ingested.first_day} to {ingested.last_day}, {os.cpu_count()} cores")
        hold_back_the_last_day(settings.warehouse_path)
        zone = ["--selector", "warehouse", *dbt.threads_for(settings, "warehouse")]
        models, tests = ["build", *zone, *WITHOUT_TESTS], ["test", *zone]
        builds = [run(settings, "full build", models)]
        if options.tests:
            builds.append(run(settings, "tests after it", [*tests, "--exclude-resource-type", "unit_test"]))
        builds.append(run(settings, "a second build without news", models))
        bring_the_last_day(settings.warehouse_path)
        builds.append(run(settings, "one more day", models))
        text = table(builds, 4) + f"\n\n{ingested.series:,} series; " + circumstances(["dbt-core", "duckdb"])
        show(builds, options.rows)
        print("", text, sep="\n")
        if options.write:
            write_section("warehouse", text)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
