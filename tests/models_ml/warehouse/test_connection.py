"""Reads of the warehouse: lists of any length."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import duckdb
import pytest

from models_ml.warehouse.connection import DatabricksWarehouse, DuckDBWarehouse, select_statement

STORES = [f"S{number:04}" for number in range(3_000)]
FIRST = date(2016, 1, 1)


@pytest.mark.parametrize("count", [3, 3_000])
def test_18_12_a_list_of_any_length_reads_its_rows(tmp_path: Path, count: int) -> None:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table sales (store_id varchar, date date)")
        known = [*STORES[::700], "other", "S000"]
        connection.executemany("insert into sales values (?, ?)", [(store, FIRST) for store in known])
    dates = [FIRST + timedelta(days=n) for n in range(count)]
    warehouse = DuckDBWarehouse(path)
    found = warehouse.read("sales", ["store_id"], stores=STORES[:count], dates=dates).column("store_id").to_pylist()
    assert found == [store for store in STORES[:count] if store in known]
    assert warehouse.read("sales", ["store_id"], stores=STORES[:count], dates=dates[1:]).num_rows == 0


def test_18_12_databricks_is_sent_less_than_its_255_markers() -> None:
    dates = [FIRST + timedelta(days=n) for n in range(1_000)]
    for count in (100, 101, 3_000):
        statement, parameters = select_statement("core.dim_series", ["store_id"], stores=STORES[:count], dates=dates)
        assert statement.count("?") == len(parameters) < 255


def test_databricks_is_read_from_the_schemas_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = mock.MagicMock()
    cursor.__enter__.return_value = cursor
    connection = mock.MagicMock()
    connection.__enter__.return_value.cursor.return_value = cursor
    monkeypatch.setattr("databricks.sql.connect", lambda **_: connection)
    monkeypatch.setenv("DATABRICKS_TOKEN", "none")
    for url, schema in (("?catalog=retail&schema=ada", "ada_core"), ("?catalog=retail", "core")):
        DatabricksWarehouse(f"databricks://host/path{url}").read("core.dim_series", ["store_id"])
        assert f"from {schema}.dim_series" in cursor.execute.call_args.args[0].lower()
