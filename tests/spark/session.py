"""A local Spark that keeps Delta tables: the open part of Databricks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

DELTA = "io.delta:delta-spark_4.1_2.13:4.4.0"
"""The release of Delta made for the Spark in `requirements.lock`."""

JARS_LOCK = Path(__file__).with_name("jars.lock")

IVY = Path(sys.prefix) / "ivy"
"""Where Spark keeps what it fetched from Maven: in the environment that runs it, and gone with it."""

OPTIONS = {
    "spark.master": "local[2]",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # What `dbt docs generate` reads: open Delta keeps a table's columns out of the catalog unless it is told.
    "spark.databricks.delta.catalog.update.enabled": "true",
    # As on Databricks SQL.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # As Databricks: the version that dbt asks for. From 17 on dbt would use statements that open Spark lacks.
    "spark.databricks.clusterUsageTags.sparkVersion": "16.4.x-scala2.13",
    # Small data on two cores: few tasks, and a JVM that is quick to start rather than fast after an hour.
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.driver.memory": "2g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
    "spark.sql.codegen.wholeStage": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}


def locked_jars() -> list[Path]:
    """Delta's jars, fetched from Maven's repository the first time and checked against `jars.lock` every time.

    Raises:
        AssertionError: they cannot be fetched, or a jar is not the one that was locked.
    """
    locked = {name: digest for digest, name in (line.split() for line in JARS_LOCK.read_text().splitlines())}
    paths = [IVY / "jars" / name for name in locked]
    if not all(path.exists() for path in paths):
        done = subprocess.run([sys.executable, "-c", _FETCH], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, f"Fetching {DELTA} failed:\n{done.stderr[-3000:]}"
    for path in paths:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found == locked[path.name], f"SHA-256 of {path} is {found}, not {locked[path.name]} as locked: delete it"
    return paths


# Spark brings all that Delta depends on but Delta's own storage.
_FETCH = f"""
from pyspark.sql import SparkSession
SparkSession.builder.master("local[1]").config(map={{
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.jars.packages": "{DELTA}",
    "spark.jars.excludes": "org.*:*,com.*:*,javax.*:*,commons-*:*,io.airlift:*,io.unitycatalog:*",
    "spark.jars.ivy": "{IVY}",
}}).getOrCreate()
"""


def start(folder: Path, options: Mapping[str, str] | None = None) -> SparkSession:
    """A session whose tables live in `folder`; `options` outrank `OPTIONS`."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # of the workers, which run our own functions
    builder = SparkSession.builder.appName("retail_demand").config(
        map={
            **OPTIONS,
            **(options or {}),
            "spark.jars": ",".join(str(path) for path in locked_jars()),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.local.dir": str(folder / "local"),
        }
    )
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
