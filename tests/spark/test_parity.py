"""Every relation that dbt builds has the same rows on Spark as on DuckDB, from the same raw tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.spark.parity import differences
from tests.spark.project import Warehouse

pytestmark = pytest.mark.spark


def test_every_relation_equals_that_of_duckdb(built: Warehouse, duckdb_file: Path) -> None:
    different = {}
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        for node in built.models():
            relation = f"{node['schema']}.{node['alias']}"
            expected = connection.sql(f"select * from {relation}").to_arrow_table().to_pandas()
            assert len(expected) > 0, relation
            if words := differences(expected, built.rows(relation)):
                different[relation] = words
    assert different == {}


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
