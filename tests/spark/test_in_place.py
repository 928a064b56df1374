"""Tables of a Databricks warehouse are read in place: views over them hold what DuckDB loads from files of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession

from models_ml.errors import InputError
from models_ml.sources.long.ingest import ingest, ingest_in_place
from models_ml.sources.long.initialise import describe_source
from models_ml.sources.long.profile import check, check_in_place
from models_ml.sources.long.session import DatabricksSession, databricks_session
from models_ml.sources.long.wishes import Wishes
from models_ml.warehouse.connection import DatabricksWarehouse
from tests.models_ml.sources.long.shapes import department_sales, grocery_sales, store_sales
from tests.spark.connector import Connection

pytestmark = pytest.mark.spark

TABLES = (
    "sales", "items", "stores", "prices", "events", "regional_flags", "closed_days", "regressors", "attributes",
    "declared_regressors", "levels", "rules",
)  # fmt: skip


DELTA_BY_DEFAULT = {"spark.sql.sources.default": "delta", "spark.sql.legacy.createHiveTableByDefault": "false"}
"""As on Databricks."""


@pytest.fixture
def session(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksSession]:
    """A session as the product opens it, over the local Spark."""
    monkeypatch.setenv("DATABRICKS_TOKEN", "none")
    monkeypatch.setattr("databricks.sql.connect", lambda **_elsewhere: Connection(spark, DELTA_BY_DEFAULT))
    with databricks_session(DatabricksWarehouse("databricks://host/path")) as opened:
        yield opened


def departments(folder: Path) -> Path:
    """Weekly sales, their dates written in another way."""
    department_sales(folder, stores=2, departments=3, weeks=30)
    path = folder / "train.csv"
    frame = pd.read_csv(path, parse_dates=["Date"])
    frame.assign(Date=frame["Date"].dt.strftime("%d.%m.%Y")).to_csv(path, index=False)
    config = {
        "sales": {"from": "train.csv", "date": "Date", "store": "Store", "item": "Dept", "units": "Weekly_Sales",
                  "where": "Store <> '9'"},
        "date_format": "%d.%m.%Y",
        "grain": "week",
    }  # fmt: skip
    (folder / "source.yml").write_text(yaml.safe_dump(config))
    return folder / "source.yml"


def in_the_catalog(spark: SparkSession, config: Path) -> Path:
    """The configuration's CSV files as Delta tables, with types; and the configuration that names those."""
    described = yaml.safe_load(config.read_text())
    spark.sql("create schema if not exists erp")
    for name, table in described.items():
        if isinstance(table, dict) and "from" in table:
            options = {"header": True, "inferSchema": True, "escape": '"'}
            frame = spark.read.options(**options).csv(str(config.parent / table["from"]))
            frame.write.format("delta").mode("overwrite").option("overwriteSchema", True).saveAsTable(f"erp.{name}")
            table["from"] = f"erp.{name}"
    folder = config.parent / "catalog"
    folder.mkdir()
    (folder / "source.yml").write_text(yaml.safe_dump(described))
    return folder


def frame(columns: list[str], rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """A table without its time of loading, in order; days as texts, numbers as floats."""
    whole = pd.DataFrame(rows, columns=columns, dtype=object).drop(columns="loaded_at")
    for column in whole:
        number = all(value is None or isinstance(value, int | float) for value in whole[column])
        whole[column] = (
            whole[column].astype(float) if number else whole[column].map(lambda v: None if v is None else str(v))
        )
    return whole.sort_values(list(whole), ignore_index=True)


@pytest.mark.parametrize("shape", [grocery_sales, store_sales, departments])
def test_views_in_place_hold_what_files_hold(
    spark: SparkSession, session: DatabricksSession, tmp_path: Path, shape: Callable[[Path], Path]
) -> None:
    config = shape(tmp_path / "raw")
    there, here = in_the_catalog(spark, config), tmp_path / "here.duckdb"
    loaded = ingest(config, here)
    report = ingest_in_place(there, session)
    assert (report.series, report.first_day, report.last_day) == (
        loaded.series,
        loaded.first_day,
        loaded.last_day,
    )
    assert (report.warnings, report.left_out) == (loaded.warnings, loaded.left_out)
    assert not report.unchanged
    assert ingest_in_place(there, session).unchanged
    views = {row.viewName for row in spark.sql("show views in raw_long").collect()}
    assert views == set(TABLES)  # nothing is copied
    with duckdb.connect(str(here), read_only=True) as connection:
        for table in TABLES:
            there_rows = spark.sql(f"select * from raw_long.{table}")
            own = frame(there_rows.columns, [tuple(row) for row in there_rows.collect()])
            here_rows = connection.execute(f"select * from raw_long.{table}")
            others = frame([name for name, *_ in here_rows.description], here_rows.fetchall())
            pd.testing.assert_frame_equal(own, others, check_dtype=False, obj=table)
    spark.sql("drop schema raw_long cascade")


@pytest.mark.parametrize("shape", [grocery_sales, store_sales, departments])
def test_tables_in_place_are_described_and_checked_as_files_are(
    spark: SparkSession, session: DatabricksSession, tmp_path: Path, shape: Callable[[Path], Path]
) -> None:
    spark.sql("drop schema if exists raw_long cascade")
    config = shape(tmp_path / "raw")
    there = in_the_catalog(spark, config)
    assert check_in_place(there, session, horizon_days=28) == check(config, tmp_path / "no.duckdb", horizon_days=28)

    described = {
        where: described_from(tmp_path / f"{where}.yml", found, warehouse)
        for where, found, warehouse in (("files", config, tmp_path / "no.duckdb"), ("tables", there, session))
    }
    assert described["tables"] == described["files"]
    assert not spark.sql("show databases like 'raw_long*'").collect()  # nothing is left behind


def described_from(path: Path, config: Path, warehouse: Path | DatabricksSession) -> tuple[dict[str, Any], list[str]]:
    """What `demand init` writes and says, given no more than a configuration's tables; without where those are."""
    folder = config if config.is_dir() else config.parent
    said = yaml.safe_load((folder / "source.yml").read_text())
    names = {name: said[name]["from"] for name in ("sales", "future", "items", "stores", "prices") if name in said}
    tables = {name: str(folder / at) if at.endswith(".csv") else at for name, at in names.items()}
    wishes = Wishes(columns={}, tables=tables, where=None, hierarchy={}, regressors=[], rules={}, databases=[])
    notes = describe_source(path, wishes, warehouse, lambda field, columns: f"{field} of {columns}")
    written = yaml.safe_load(path.read_text())
    for table in names:
        del written[table]["from"]
    for name, at in names.items():
        notes = [note.replace(at, name) for note in notes]
    return written, notes


def test_what_is_wrong_in_a_table_is_named(spark: SparkSession, session: DatabricksSession, tmp_path: Path) -> None:
    there = in_the_catalog(spark, departments(tmp_path / "raw"))
    path = there / "source.yml"
    described = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**described, "sales": {**described["sales"], "units": "Qty"}}))
    with pytest.raises(InputError, match=r"erp\.sales, column Qty.*Weekly_Sales"):
        ingest_in_place(there, session)
    path.write_text(yaml.safe_dump({**described, "date_format": "%Y-%m-%d"}))
    with pytest.raises(InputError, match=r"erp\.sales, column Date: this is not a date.*found '\d\d\.\d\d\.\d{4}'"):
        ingest_in_place(there, session)
    path.write_text(yaml.safe_dump({**described, "stores": {"from": "stores.csv", "store": "Store"}}))
    with pytest.raises(InputError, match=r"stores\.csv cannot be seen by Databricks"):
        ingest_in_place(there, session)
    path.write_text(yaml.safe_dump({**described, "items": {"from": "erp.nothing", "item": "Dept"}}))
    with pytest.raises(InputError, match=r"erp\.nothing: there is no such table"):
        ingest_in_place(there, session)
