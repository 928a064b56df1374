"""Spark's side of `benchmarks.engines`: run by the environment that has it.

Prints the wall seconds of a full build and of one without news, as a JSON list.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.spark.project import Warehouse, load_raw_tables
from tests.spark.session import start

BUILD = ("build", "--selector", "warehouse", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")

FOR_SIZE = {
    # The tests' session is quick to start; this one is to be fast once it runs, as a cluster's is.
    "spark.driver.memory": "8g",
    "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.shuffle.partitions": "4",
}


def main(raw: Path, folder: Path) -> None:
    """Load the raw tables of a DuckDB file, then build twice."""
    folder.mkdir(parents=True)
    spark = start(folder, FOR_SIZE)
    load_raw_tables(spark, raw, folder)
    warehouse = Warehouse(spark, folder / "dbt")
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        warehouse.dbt(*BUILD)
        seconds.append(time.perf_counter() - started)
    spark.stop()
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
