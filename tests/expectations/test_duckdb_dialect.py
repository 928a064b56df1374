from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from expectations import duckdb_dialect


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema core; create table core.numbers as select range as n from range(10)")
    duckdb_dialect.register()
    return f"{duckdb_dialect.DRIVER}:///{path}"


def test_rows_outlive_their_connection(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        result = connection.execute(text("select n from core.numbers order by n"))
    assert [row.n for row in result.fetchmany(4)] == [0, 1, 2, 3]
    assert result.fetchone() == (4,)
    assert [row.n for row in result] == [5, 6, 7, 8, 9]
    engine.dispose()


def test_two_results_of_one_connection_do_not_mix(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        first = connection.execute(text("select 1 as x"))
        second = connection.execute(text("select 2 as x"))
        assert (first.scalar(), second.scalar()) == (1, 2)
    engine.dispose()


def test_nothing_can_be_written(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("create table core.more as select 1 as x"))
    engine.dispose()


def test_tables_and_columns_are_reflected_without_warnings(url: str) -> None:
    engine = create_engine(url)
    inspector = inspect(engine)
    assert [column["name"] for column in inspector.get_columns("numbers", schema="core")] == ["n"]
    assert inspector.get_indexes("numbers", schema="core") == []
    engine.dispose()


def test_memory_and_threads_are_limited(url: str) -> None:
    engine = create_engine(url, connect_args={"config": {"threads": 1}})
    with engine.connect() as connection:
        assert connection.execute(text("select current_setting('threads')")).scalar() == 1
    engine.dispose()
