"""The stand-in for Databricks' connector."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from databricks.sql.exc import ServerOperationError
from pyspark.sql import SparkSession

from tests.spark.connector import Connection, literal, open_spark, with_literals

pytestmark = pytest.mark.spark


def test_rows_are_fetched_as_asked_for(spark: SparkSession) -> None:
    with Connection(spark, {"spark.sql.shuffle.partitions": "1"}).cursor() as cursor:
        cursor.execute("select id, cast(id as string) as name from range(4) order by id")
        assert cursor.description is not None
        assert [column[:2] for column in cursor.description] == [("id", "bigint"), ("name", "string")]
        assert cursor.fetchone() == (0, "0")
        assert cursor.fetchmany(2) == [(1, "1"), (2, "2")]
        assert cursor.fetchall() == [(3, "3")]
        assert cursor.fetchone() is None


def test_sessions_share_tables_and_nothing_else(spark: SparkSession) -> None:
    one, other = Connection(spark, {"spark.sql.shuffle.partitions": "7"}), Connection(spark, None)
    assert one.session.conf.get("spark.sql.shuffle.partitions") == "7"
    assert other.session.conf.get("spark.sql.shuffle.partitions") != "7"
    assert one.get_session_id_hex() != other.get_session_id_hex()


def test_values_arrive_as_they_were(spark: SparkSession) -> None:
    values = [
        None,
        True,
        3,
        0.25,
        Decimal("1.50"),
        "Mother's \\ day",
        dt.date(2016, 5, 8),
        dt.datetime(2016, 5, 8, 1, 2),
    ]
    row = Connection(spark, None).cursor().execute(f"select {', '.join(['%s'] * len(values))}", values).fetchone()
    assert row is not None
    assert [float(v) if isinstance(v, Decimal) else v for v in row] == [*values[:3], 0.25, 1.5, *values[5:]]


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(AssertionError, match="2 parameters for 1 places"):
        with_literals("select %s", [1, 2])
    with pytest.raises(TypeError, match="no literal for list"):
        literal([1])


def test_a_failure_is_the_connectors_own(spark: SparkSession) -> None:
    cursor = Connection(spark, None).cursor()
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        cursor.execute("select * from nowhere")
    with pytest.raises(ServerOperationError, match="DIVIDE_BY_ZERO"):  # ANSI, as on Databricks SQL
        cursor.execute("select 1 / id from range(1)").fetchall()


def test_an_unknown_schema_has_no_tables(spark: SparkSession) -> None:
    assert Connection(spark, None).cursor().tables("hive_metastore", "nowhere").fetchall() == []


def test_names_of_open_spark() -> None:
    assert open_spark("select 1 from `hive_metastore`.`core`.`t`") == "select 1 from spark_catalog.`core`.`t`"
    assert open_spark("/* dbt */\n  USE CATALOG `hive_metastore`") == "/* dbt */\nset catalog spark_catalog"
