"""The dbt project on a local Spark: the target `databricks` of the profile as it is, another place to connect to."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pandas as pd
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

from tests.spark.connector import CATALOG, connected_to

REPOSITORY = Path(__file__).parents[2]
PROJECT = REPOSITORY / "dbt_project"

ENVIRONMENT = {
    "DATABRICKS_HOST": "localhost",
    "DATABRICKS_HTTP_PATH": "sql/protocolv1/o/0/local",  # a cluster: dbt asks it for its version
    "DATABRICKS_TOKEN": "unused",
    "DATABRICKS_CATALOG": CATALOG,
}


@dataclass(frozen=True)
class Warehouse:
    """Delta tables of a local Spark and dbt's artefacts about them."""

    spark: SparkSession
    target_path: Path
    schema: str = "default"

    def dbt(self, *arguments: str) -> RunExecutionResult:
        """Run dbt in this process, which has the Spark; every warning of dbt is an error.

        Raises:
            AssertionError: dbt failed; says what failed.
        """
        invocation = [
            *("--warn-error", "--no-use-colors", "--quiet"),
            *("--log-path", str(self.target_path / "logs")),
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(REPOSITORY / "profiles")),
            *("--target", "databricks", "--target-path", str(self.target_path), "--threads", "2"),
        ]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "DBT_", "DEMAND_"))}
        environment = {**inherited, **ENVIRONMENT, "DATABRICKS_SCHEMA": self.schema}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what libraries of the adapter say of each other
            with mock.patch.dict(os.environ, environment, clear=True), connected_to(self.spark):
                done = dbtRunner().invoke(invocation)
        assert done.success, f"dbt {' '.join(arguments)}:\n{done.exception or failures(done.result)}"
        return done.result  # type: ignore[return-value]

    def artefact(self, name: str) -> dict[str, Any]:
        """An artefact of the last invocation that wrote it, e.g. `manifest`."""
        content: dict[str, Any] = json.loads((self.target_path / f"{name}.json").read_text())
        return content

    def models(self) -> list[dict[str, Any]]:
        """The warehouse zone's models, as the manifest describes them."""
        nodes = self.artefact("manifest")["nodes"].values()
        return [n for n in nodes if n["resource_type"] == "model" and "warehouse" in n["config"]["tags"]]

    def rows(self, relation: str) -> pd.DataFrame:
        """All rows of a table."""
        return self.spark.table(relation).toArrow().to_pandas()

    def last_write(self, relation: str) -> tuple[str, dict[str, str]]:
        """The last operation that wrote rows to a Delta table, such as MERGE, and its metrics."""
        history = self.spark.sql(f"describe history {relation}").collect()
        last = next(row for row in history if row.operation != "OPTIMIZE")  # newest first; clustering moves rows alone
        return last.operation, last.operationMetrics


def failures(result: object) -> str:
    """What failed, a paragraph each."""
    results: Iterable[object] = getattr(result, "results", [])
    bad = [r for r in results if str(r.status) not in {"success", "pass", "no-op"}]  # type: ignore[attr-defined]
    return "\n\n".join(f"{r.node.unique_id} {r.status}: {(r.message or '')[:3000]}" for r in bad)  # type: ignore[attr-defined]


def load_raw_tables(spark: SparkSession, duckdb_file: Path, folder: Path, schema: str = "raw_m5") -> None:
    """Copy the raw tables of a DuckDB warehouse to Delta tables, through Parquet, types as they are; replace others."""
    spark.sql(f"create schema if not exists {schema}")
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        tables = f"select table_name from information_schema.tables where table_schema = '{schema}'"
        names = connection.sql(tables).fetchall()
        for (name,) in names:
            path = folder / f"{name}.parquet"
            connection.sql(f"select * from {schema}.{name}").write_parquet(str(path))
            rows = spark.read.parquet(str(path)).write.format("delta")
            rows.mode("overwrite").option("overwriteSchema", "true").saveAsTable(f"{schema}.{name}")
