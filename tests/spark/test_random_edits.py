"""Incremental builds on Spark after random edits of the raw tables equal a full refresh, for both sources."""

from __future__ import annotations

import os
import random
from pathlib import Path

import duckdb
import pytest
from pyspark.sql import SparkSession

from tests.dbt_project import edits
from tests.spark.parity import comparable, differences
from tests.spark.project import Warehouse, load_raw_tables

pytestmark = pytest.mark.spark

INCREMENTAL = (
    "core.fct_prices", "core.fct_daily_sales", "intermediate.int_store_department_sales",
    "intermediate.int_series_weeks", "features.fct_series_features", "features.fct_item_features",
    "features.fct_price_features",
)  # fmt: skip

RETAILERS = 4
BUILDS = int(os.environ.get("EDIT_BUILDS", "1"))


@pytest.mark.parametrize("kind", ["m5", "long"])
def test_incremental_builds_equal_a_full_refresh(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    """Builds after edits of several retailers at once, in schemas of their own; EDIT_BUILDS is their number."""
    warehouse = Warehouse(spark, tmp_path / "dbt", schema=f"edited_{kind}")
    drawn = random.Random(kind)
    source = edits.new_source(RETAILERS)

    def build(*arguments: str) -> None:
        with duckdb.connect(str(tmp_path / "raw.duckdb")) as connection:
            edits.write(connection, source, kind)
        load_raw_tables(spark, tmp_path / "raw.duckdb", tmp_path, schema=f"raw_{kind}")
        models = [f"+{name.split('.')[1]}" for name in INCREMENTAL]
        warehouse.dbt(
            "build", "--select", *models, "--exclude-resource-type", "test", "unit_test",
            "--vars", f"{{source: {kind}}}", *arguments,
        )  # fmt: skip

    def edit() -> edits.Edit:
        return tuple(drawn.randrange(1000) for _ in range(4))  # type: ignore[return-value]

    build()
    for _ in range(BUILDS):
        edits.apply(source, kind, [[edit() for _ in range(4)] for _ in range(RETAILERS)], [edit()])
        build()
    incremental = {name: comparable(warehouse.rows(f"edited_{kind}_{name}")) for name in INCREMENTAL}
    build("--full-refresh")
    full = {name: comparable(warehouse.rows(f"edited_{kind}_{name}")) for name in INCREMENTAL}
    assert all(len(rows) for rows in full.values())
    assert {name: words for name in INCREMENTAL if (words := differences(full[name], incremental[name]))} == {}
