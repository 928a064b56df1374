"""The item model store by store on Spark gives what the same function gives here, one store after the other."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from models_ml.scale_out.by_store import SCHEMA, StoreWork, forecast_stores, forecast_stores_on_spark

pytestmark = pytest.mark.spark

KEYS = ["store_id", "item_id", "target_date"]


@pytest.fixture(scope="module")
def duckdb_file(duckdb_files: tuple[Path, Path]) -> Path:
    return duckdb_files[0]


@pytest.fixture(scope="module")
def work(duckdb_file: Path) -> StoreWork:
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        [last] = connection.sql("select max(last_date) from core.dim_series").fetchone() or [None]
    assert isinstance(last, date)
    return StoreWork(f"duckdb:///{duckdb_file}", last, horizon_days=28, seed=7, threads=1)


@pytest.fixture(scope="module")
def stores(duckdb_file: Path) -> list[str]:
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        found = connection.sql("select distinct store_id from core.dim_series order by 1").fetchall()
    assert len(found) >= 2
    return [store for (store,) in found]


def test_spark_equals_the_local_loop(spark: SparkSession, work: StoreWork, stores: list[str]) -> None:
    local = forecast_stores(work, stores)
    frame = forecast_stores_on_spark(spark, work, stores)
    assert [f"{name} {kind.replace('bigint', 'long')}" for name, kind in frame.dtypes] == re.split(r", ", SCHEMA)
    remote = frame.toPandas().sort_values(KEYS, ignore_index=True)
    local = local.sort_values(KEYS, ignore_index=True)
    assert (local["mean"] > 0).any()
    assert local["store_id"].nunique() == len(stores)
    pd.testing.assert_frame_equal(remote, local, check_exact=True)


def test_stores_are_side_by_side(spark: SparkSession, work: StoreWork, stores: list[str]) -> None:
    """As many partitions as stores: each can run on a machine of its own."""
    frame = forecast_stores_on_spark(spark, work, stores)
    assert "store_id" in frame.columns
    plan = frame._jdf.queryExecution().toString()
    assert "FlatMapGroupsInPandas" in plan
    assert "hashpartitioning(store_id#" in plan


def test_a_store_that_is_not_there_is_named(spark: SparkSession, work: StoreWork, stores: list[str]) -> None:
    with pytest.raises(Exception, match="Unknown store NOWHERE"):
        forecast_stores_on_spark(spark, work, [*stores, "NOWHERE"]).toPandas()
