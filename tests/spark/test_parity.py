"""Every relation that dbt builds has the same rows on Spark as on DuckDB, from the same raw tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.spark.parity import comparable, differences
from tests.spark.project import Warehouse, load_raw_tables

pytestmark = pytest.mark.spark


WITHOUT_ROWS = {
    *("stg_m5__attributes", "stg_m5__closed_days", "stg_m5__declared_regressors", "stg_m5__regressors"),
    *("fct_static_regressors", "dim_regressors", "fct_closed_days", "fct_regressors", "fct_node_regressors"),
}
"""M5 declares neither columns that models take by name nor closed days."""


def assert_equal_to_duckdb(warehouse: Warehouse, duckdb_file: Path) -> None:
    """Every relation of the warehouse zone has the rows that DuckDB's full build gave it."""
    different = {}
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        for node in warehouse.models():
            relation = f"{node['schema']}.{node['alias']}"
            expected = connection.sql(f"select * from {relation}").to_arrow_table().to_pandas()
            assert len(expected) > 0 or node["name"] in WITHOUT_ROWS, relation
            if words := differences(comparable(expected), comparable(warehouse.rows(relation))):
                different[relation] = words
    assert different == {}


def test_every_relation_equals_that_of_duckdb(built: Warehouse, duckdb_files: tuple[Path, Path]) -> None:
    assert_equal_to_duckdb(built, duckdb_files[0])


def test_replacing_what_changed_equals_a_full_build(
    built: Warehouse, duckdb_files: tuple[Path, Path], tmp_path: Path
) -> None:
    """Three days, a late correction and two prices later: changed days on Spark, all anew on DuckDB."""
    before = built.rows("core.fct_daily_sales")
    series = len(built.rows("core.dim_series"))
    load_raw_tables(built.spark, duckdb_files[1], tmp_path)
    built.dbt("run", "--selector", "warehouse")
    kept = built.rows("core.fct_daily_sales")["updated_at"].isin(before["updated_at"]).sum()
    assert kept > len(before) - 2 * 520 - 3 * series
    assert_equal_to_duckdb(built, duckdb_files[1])


FRAME = pd.DataFrame({"id": ["a", "b"], "n": [1, 2], "x": [0.5, None]})


def test_order_and_the_last_bits_are_no_difference() -> None:
    other = FRAME[::-1].assign(x=[None, 0.5 + 1e-12], n=[2.0, 1.0])
    assert differences(FRAME, other) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (FRAME.assign(x=[0.5 + 1e-8, None]), "x differs in 1 of 2 rows"),
        (FRAME.assign(x=[0.5, 0.0]), "x differs in 1 of 2 rows"),
        (FRAME.assign(n=[1, 3]), "n differs in 1 of 2 rows"),
        (FRAME[:1], "1 rows instead of 2"),
        (FRAME.rename(columns={"x": "y"}), "columns ['id', 'n', 'y'] instead of ['id', 'n', 'x']"),
    ],
)
def test_a_difference_is_found_and_named(other: pd.DataFrame, words: str) -> None:
    (found,) = differences(FRAME, other)
    assert found.startswith(words)
