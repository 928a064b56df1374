"""Retries: which errors are worth another try, and that a repeated transaction does its work once."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from models_ml.errors import StoreError
from models_ml.prediction_store import read, runs, transactions
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.faults import Fault, fault_of, is_transient
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import activations, forecasts, model_runs, sales_history
from models_ml.prediction_store.transactions import reading, run_transaction


def server_error(state: str, text: str) -> DBAPIError:
    """An error as pyodbc gives it: SQLSTATE, then the driver's text with the number in brackets."""
    return OperationalError(
        "select 1", {}, Exception(state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server]{text}")
    )


@pytest.mark.parametrize(
    ("state", "text", "expected"),
    [
        ("42000", "[SQL Server]Database 'x' is not currently available. (40613) (SQLExecDirectW)", True),
        ("40001", "[SQL Server]Transaction was deadlocked and has been chosen as victim. (1205)", True),
        ("42000", "[SQL Server]The service is busy. Retry the request. (40501)", True),
        ("42000", "[SQL Server]Resource ID: 1. The limit is 30 and has been reached. (10928)", True),
        ("08S01", "TCP Provider: Error code 0x68 (104) (SQLExecDirectW)", True),
        ("HYT00", "Login timeout expired (0) (SQLDriverConnect)", True),
        ("28000", "[SQL Server]Login failed for user 'x'. (18456)", False),
        ("42S02", "[SQL Server]Invalid object name 'model_runs'. (208)", False),
        ("23000", "[SQL Server]Violation of PRIMARY KEY constraint. (2627)", False),
    ],
)
def test_errors_worth_another_try(state: str, text: str, expected: bool) -> None:
    assert is_transient(server_error(state, text)) is expected


@pytest.mark.parametrize(
    ("state", "text", "expected"),
    [
        ("HY000", "Connection is busy with results for another command (0) (SQLExecDirectW)", Fault.OTHER),
        ("42000", "[SQL Server]The service is busy. Retry the request. (40501)", Fault.UNREACHABLE),
        ("42000", "[SQL Server]Lock request time out period exceeded. (1222) (SQLExecDirectW)", Fault.LOCKED),
        ("42S02", "[SQL Server]Invalid object name 'model_runs'. (208) (SQLExecDirectW)", Fault.OUTDATED),
        ("42000", "[SQL Server]The INSERT permission was denied on 'locked (208)'. (229)", Fault.FORBIDDEN),
        ("28000", "[SQL Server]Login failed for user 'x'. (18456)", Fault.FORBIDDEN),
        ("42000", "[SQL Server]The transaction log is full. (9002)", Fault.FULL),
        ("08S01", "TCP Provider: Error code 0x68 (104) (SQLExecDirectW)", Fault.UNREACHABLE),
        ("23000", "[SQL Server]Violation of PRIMARY KEY constraint. The key is (busy, 1222). (2627)", Fault.OTHER),
    ],
)
def test_23_04_faults_of_sql_server_are_told_by_state_and_number(state: str, text: str, expected: Fault) -> None:
    assert fault_of(server_error(state, text)) is expected


def test_23_04_faults_of_sqlite_are_told_by_result_code(tmp_path: Any) -> None:
    path = tmp_path / "busy.sqlite"  # the word in the path is no evidence
    one, other = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    one.execute("begin exclusive")
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("select * from sqlite_master")
    one.execute("rollback")
    with pytest.raises(sqlite3.OperationalError) as absent:
        other.execute("select * from busy")
    with pytest.raises(sqlite3.OperationalError) as wrong:
        other.execute("select 'database is locked")
    found = [fault_of(OperationalError("x", {}, one.value)) for one in (locked, absent, wrong)]
    assert found == [Fault.LOCKED, Fault.OUTDATED, Fault.OTHER]
    one.close()
    other.close()


def test_sqlite_errors_are_not_retried() -> None:
    assert not is_transient(OperationalError("x", {}, sqlite3.OperationalError("database is locked (1205)")))
    assert not is_transient(ValueError("40613"))


def test_transaction_is_repeated_with_growing_waits(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(sqlite_url)
    waits: list[float] = []
    monkeypatch.setattr(transactions.time, "sleep", waits.append)
    calls = []

    def work(connection: Connection) -> str:
        calls.append(connection)
        if len(calls) < 4:
            raise server_error("42000", "[SQL Server]busy (40501)")
        return "done"

    assert run_transaction(engine, work) == "done"
    engine.dispose()
    assert len(waits) == 3
    assert all(2**n / 4 <= wait <= 2**n / 2 for n, wait in enumerate(waits))


def test_transaction_gives_up(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(sqlite_url)
    waits: list[float] = []
    monkeypatch.setattr(transactions.time, "sleep", waits.append)

    def work(_connection: Connection) -> None:
        raise server_error("42000", "[SQL Server]not available (40613)")

    with pytest.raises(StoreError, match="cannot be reached"):
        run_transaction(engine, work, attempts=3)
    engine.dispose()
    assert len(waits) == 2


def test_other_errors_are_not_repeated(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    calls = []

    def work(connection: Connection) -> None:
        calls.append(1)
        connection.exec_driver_sql("select * from nowhere")

    with pytest.raises(StoreError, match="demand store upgrade"):
        run_transaction(engine, work)
    engine.dispose()
    assert len(calls) == 1


class LostAnswers:
    """A store whose n-th commit fails as if the connection broke: before the server has it, or after."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits = 0
        self.cut_at = -1
        self.reached = True
        commit = engine.dialect.do_commit

        def cut(connection: Any) -> None:
            self.commits += 1
            hit = self.commits == self.cut_at
            if self.reached or not hit:
                commit(connection)
            if hit:
                raise sqlite3.OperationalError("the answer was lost")

        monkeypatch.setattr(engine.dialect, "do_commit", cut)
        monkeypatch.setattr(transactions, "is_transient", lambda error: "answer was lost" in str(error))
        monkeypatch.setattr(transactions.time, "sleep", lambda _seconds: None)


def state(engine: Engine, run_id: str) -> dict[str, Any]:
    """All that a repeated transaction could have done twice."""
    with reading(engine) as connection:
        return {
            "pointers": read.pointers(connection),
            "checksum": read.checksum(connection, run_id),
            **{
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (forecasts, model_runs, sales_history, activations)
            },
        }


@pytest.mark.fault
@pytest.mark.parametrize("reached", [True, False], ids=["after the commit", "before the commit"])
def test_connection_lost_at_any_commit_publishes_once(
    tmp_path: Any, template: Any, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    run, frames = made()
    expected: dict[str, Any] = {}
    commits = 0
    for cut_at in range(100):
        path = tmp_path / f"{cut_at}.sqlite"
        shutil.copy(template, path)
        engine = make_engine(f"sqlite:///{path}")
        with monkeypatch.context() as patch:
            lost = LostAnswers(engine, patch)
            lost.cut_at, lost.reached = cut_at, reached
            done = publish(engine, run, frames, batch_rows=20)
        held = state(engine, run.run_id)
        engine.dispose()
        assert done.run_id == run.run_id
        if cut_at == 0:
            expected, commits = held, lost.commits
        assert held == expected, f"commit {cut_at} of {commits}"
        if cut_at == commits:
            break
    assert commits > 10


def test_rollback_repeated_after_a_lost_answer_goes_one_step(
    sqlite_url: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(sqlite_url)
    ids = []
    for seed in (1, 2, 3):
        run, frames = made(seed)
        publish(engine, run, frames)
        ids.append(run.run_id)
    with monkeypatch.context() as patch:
        lost = LostAnswers(engine, patch)
        lost.cut_at = 2  # the first commit ends the look at the pointers
        runs.rollback(engine, ["CA_1", "TX_1"])
        assert lost.commits == 3
    with reading(engine) as connection:
        assert set(read.pointers(connection).values()) == {ids[1]}
    engine.dispose()
