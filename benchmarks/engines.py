"""The same dbt models on DuckDB and on a local Spark with Delta tables: when is it time to move?

Both build the warehouse zone of the same simulated data on the same two cores, one after the other: in full, and again
without news. Spark has its session already; its tables are Delta's, as on Databricks. Each Spark runs in a process of
its own, from the environment of `make test-spark`.

Run: make bench-engines, or python -m benchmarks.engines --stores 1,4 --write
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from benchmarks.report import circumstances, write_section
from benchmarks.warehouse import WITHOUT_TESTS, run
from models_ml.settings import REPOSITORY, Settings
from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.simulate import simulate

SPARK_PYTHON = REPOSITORY / ".venv-spark" / "bin" / "python"
ITEMS, DAYS = 500, 1_941
BUILD = ["build", "--selector", "warehouse", "--threads", "2", *WITHOUT_TESTS]


def on_duckdb(home: Path) -> tuple[float, float]:
    """Wall seconds of a full build and of one without news, both with dbt's start-up."""
    settings = Settings(home=home)
    return run(settings, "full", BUILD).wall_seconds, run(settings, "no news", BUILD).wall_seconds


def on_spark(raw: Path, folder: Path) -> tuple[float, float]:
    """The same on Spark, in this repository's environment for it.

    Raises:
        SystemExit: it failed.
    """
    command = [str(SPARK_PYTHON), "-m", "benchmarks.engines_spark", str(raw), str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit("Spark failed; see above.")
    full, again = json.loads(done.stdout.splitlines()[-1])
    return full, again


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", default="1,4", help="numbers of stores, each a warehouse")
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    options = parser.parse_args()
    if not SPARK_PYTHON.exists():
        raise SystemExit("Spark's environment is missing: make bench-engines makes it.")
    lines = [
        "| series | daily sales | DuckDB, full s | Spark, full s | ratio | DuckDB, no news s | Spark, no news s |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for stores in map(int, options.stores.split(",")):
        with tempfile.TemporaryDirectory(prefix="engines-") as name:
            folder = Path(name)
            raw, home = folder / "raw", folder / "home"
            simulate(raw, stores=stores, items=ITEMS, days=DAYS, seed=1)
            ingested = ingest(raw, Settings(home=home).warehouse_path)
            there = on_spark(home / "warehouse.duckdb", folder / "spark")
            here = on_duckdb(home)
            lines.append(
                f"| {ingested.series:,} | {ingested.series * DAYS:,} | {here[0]:.0f} | {there[0]:.0f} "
                f"| {there[0] / here[0]:.1f} | {here[1]:.0f} | {there[1]:.0f} |"
            )
            print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n\n" + circumstances(["dbt-core", "duckdb"])
    print(text.splitlines()[-1])
    if options.write:
        write_section("engines", text)


if __name__ == "__main__":
    main()
