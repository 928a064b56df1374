"""Engines: which URLs are taken, what SQLite is told, how SQL Server is signed in to."""

from __future__ import annotations

import importlib
import os
import struct
from pathlib import Path

import pytest
from sqlalchemy import event, make_url
from sqlalchemy.exc import DBAPIError

from models_ml.errors import StoreError
from models_ml.prediction_store.engine import WRITE_OPTION, access_token_bytes, make_engine, store_name
from models_ml.prediction_store.transactions import reading


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is no database URL"),
        ("postgresql://user:secret@host/db", "neither SQLite nor SQL Server"),  # pragma: allowlist secret
        ("mssql+pymssql://user:secret@host/db", "use mssql\\+pyodbc"),  # pragma: allowlist secret
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite+aiosqlite:///x", "built-in driver"),
        ("sqlite:////no/such/folder/store.sqlite", "is no folder"),
    ],
)
def test_url_that_no_store_can_have_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        make_engine(url)
    assert "secret" not in str(caught.value)


def test_23_05_sql_server_has_one_driver() -> None:
    """pyodbc publishes, migrates and signs in by token; a second driver without these proofs is refused."""
    with pytest.raises(StoreError, match=r"mssqlpython is not supported; use mssql\+pyodbc"):
        make_engine("mssql+mssqlpython://user:secret@host/db")  # pragma: allowlist secret


def test_sqlite_has_no_schema(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no schemas"):
        make_engine(f"sqlite:///{tmp_path / 'x.sqlite'}", schema="other")


def test_reader_of_a_missing_file_is_told_what_to_do_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with pytest.raises(StoreError, match="Publish a run first"):
        make_engine(f"sqlite:///{path}", read_only=True)
    assert not path.exists()


def test_sqlite_is_set_up_for_readers_beside_a_writer(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url, busy_timeout_seconds=7)
    with reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous", "query_only")
        }
    engine.dispose()
    assert pragmas == {
        "journal_mode": "wal",
        "busy_timeout": 7000,
        "foreign_keys": 1,
        "synchronous": 1,
        "query_only": 0,
    }


def test_read_only_engine_cannot_write(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url, read_only=True)
    with pytest.raises(StoreError, match="cannot be opened or written"), reading(engine) as connection:
        connection.exec_driver_sql("delete from model_runs")
    engine.dispose()


def test_writer_takes_its_lock_at_begin_and_reader_none(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    begun: list[str] = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: begun.append(statement),
    )
    with engine.connect() as connection, connection.begin():
        pass
    with engine.connect().execution_options(**{WRITE_OPTION: True}) as connection, connection.begin():
        pass
    engine.dispose()
    assert begun == ["BEGIN", "BEGIN IMMEDIATE"]


def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is no database, but long enough to be taken for one" * 100)
    engine = make_engine(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="no SQLite file"), reading(engine) as connection:
        connection.exec_driver_sql("select 1 from model_runs")
    engine.dispose()


def test_store_without_tables_is_told_to_upgrade(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    with pytest.raises(StoreError, match="demand store upgrade"), reading(engine) as connection:
        connection.exec_driver_sql("select 1 from model_runs")
    engine.dispose()


def test_access_token_is_packed_as_the_odbc_driver_wants_it() -> None:
    packed = access_token_bytes("abc")
    assert packed == struct.pack("<I", 6) + b"a\x00b\x00c\x00"


def test_name_of_a_store_shows_neither_password_nor_driver() -> None:
    url = make_url("mssql+pyodbc://user:secret@host/db?driver=/some/path.so")
    assert store_name(url) == "mssql+pyodbc://user:***@host/db"


class TestSqlServer:
    """What needs the driver but no server."""

    @pytest.fixture(autouse=True)
    def driver(self) -> None:
        try:
            importlib.import_module("pyodbc")
        except ImportError as error:
            said = f"pyodbc cannot be loaded ({error}): pip install 'retail-demand[azure]'; apt-get install unixodbc"
            if os.environ.get("CI") == "true":
                pytest.fail(said)
            pytest.skip(said)

    def test_driver_encryption_and_bulk_mode_are_filled_in(self) -> None:
        engine = make_engine("mssql+pyodbc://user:secret@host/db", schema="mine")
        assert engine.url.query["Encrypt"] == "yes"
        assert "18" in str(engine.url.query["driver"])
        assert engine.dialect.fast_executemany is True  # type: ignore[attr-defined]
        assert engine.get_execution_options()["schema_translate_map"] == {None: "mine"}

    def test_schema_may_be_named_by_the_url(self) -> None:
        engine = make_engine("mssql+pyodbc://user:secret@host/db?schema=mine")
        assert engine.get_execution_options()["schema_translate_map"] == {None: "mine"}
        assert "schema" not in engine.url.query  # the driver knows no such word

    def test_what_the_url_says_is_kept(self) -> None:
        engine = make_engine("mssql+pyodbc://user:secret@host/db?driver=Mine&Encrypt=strict")
        assert dict(engine.url.query) == {"driver": "Mine", "Encrypt": "strict"}

    def test_url_without_user_signs_in_with_a_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        identity = pytest.importorskip("azure.identity")
        pyodbc = pytest.importorskip("pyodbc")

        class Credential:
            def get_token(self, scope: str) -> object:
                assert scope == "https://database.windows.net/.default"
                return type("Token", (), {"token": "abc"})()

        seen: dict[str, object] = {}

        def connect(connection_string: str, **keywords: object) -> object:
            seen.update(keywords, connection_string=connection_string)
            raise pyodbc.OperationalError("08001", "[08001] [Microsoft][ODBC Driver 18 for SQL Server] none (0)")

        monkeypatch.setattr(identity, "DefaultAzureCredential", Credential)
        monkeypatch.setattr(pyodbc, "connect", connect)
        engine = make_engine("mssql+pyodbc://@host.database.windows.net/db")
        with pytest.raises(StoreError, match="cannot be reached"), reading(engine):
            pass
        assert seen["attrs_before"] == {1256: access_token_bytes("abc")}
        assert "Trusted_Connection" not in str(seen["connection_string"])
        assert "UID" not in str(seen["connection_string"])

    def test_unreachable_server_is_a_store_error_that_names_it(self) -> None:
        engine = make_engine("mssql+pyodbc://user:secret@127.0.0.1:9/db", login_timeout_seconds=1)
        with pytest.raises(StoreError, match=r"127\.0\.0\.1") as caught, reading(engine):
            pass
        assert isinstance(caught.value.__cause__, DBAPIError)
        assert "secret" not in str(caught.value)
