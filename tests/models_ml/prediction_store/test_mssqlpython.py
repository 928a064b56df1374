"""SQL Server by mssql-python: statements, sign-in and errors, as far as they go without a server."""

from __future__ import annotations

import re
from typing import Any

import mssql_python
import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateTable

from models_ml.errors import StoreError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.mssqlpython import is_lost
from models_ml.prediction_store.schema import metadata
from models_ml.prediction_store.transactions import is_transient, reading


@pytest.fixture
def engine() -> Engine:
    return make_engine("mssql+mssqlpython://loader:a;b@db.example.com/forecasts")  # pragma: allowlist secret


def connection_string(url: str) -> str:
    engine = make_engine(url)
    (text,), _ = engine.dialect.create_connect_args(engine.url)
    return str(text)


def test_statements_are_those_of_sql_server(engine: Engine) -> None:
    pyodbc = mssql.dialect()  # type: ignore[no-untyped-call]
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(engine)) == str(CreateTable(table).compile(dialect=pyodbc))
        for statement in (insert(table), select(table)):
            ours = str(statement.compile(engine))
            assert re.sub(r"%\(\w+\)s|:\w+|\?", "?", str(statement.compile(dialect=pyodbc))) == ours


def test_user_and_password_sign_in(engine: Engine) -> None:
    (text,), options = engine.dialect.create_connect_args(engine.url)
    assert text == "Server=db.example.com,1433;Database=forecasts;Encrypt=yes;UID=loader;PWD={a;b}"
    assert options == {}


def test_no_user_signs_in_to_entra() -> None:
    text = connection_string("mssql+mssqlpython://db.example.com:1444/forecasts?TrustServerCertificate=yes")
    assert text == (
        "Server=db.example.com,1444;Database=forecasts;Encrypt=yes;"
        "Authentication=ActiveDirectoryDefault;trustservercertificate=yes"
    )


def test_the_driver_understands_the_string_and_says_that_nobody_answers() -> None:
    """The real driver, and a port where no server is."""
    url = "mssql+mssqlpython://loader:x@127.0.0.1:9/forecasts?TrustServerCertificate=yes"  # pragma: allowlist secret
    engine = make_engine(url, login_timeout_seconds=1)
    with pytest.raises(StoreError, match="cannot be reached") as caught, reading(engine):
        pass
    assert isinstance(caught.value.__cause__, OperationalError)
    assert "x@" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "lost"),
    [("Communication link failure", True), ("Client unable to establish connection", True), ("Syntax error", False)],
)
def test_a_lost_connection_is_told_from_a_fault(said: str, lost: bool) -> None:
    error: Any = mssql_python.OperationalError(driver_error=said, ddbc_error="said by the driver")
    assert is_lost(error) is lost
    assert is_transient(OperationalError("select 1", {}, error)) is lost


def test_another_driver_s_words_are_not_ours() -> None:
    assert not is_lost(ValueError("Communication link failure"))
