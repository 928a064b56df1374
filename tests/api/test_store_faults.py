"""A store that is locked, gone, empty, replaced, of another version, or no store at all."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

from api.reader import LOOK_SECONDS
from models_ml.prediction_store.migrate import downgrade, revisions
from models_ml.prediction_store.publish import publish

from .conftest import MakeClient, World, assert_problem, make_run, new_store, served, settings_for

PATHS = ["/forecast?item_id=FOODS_1_001&store_id=CA_1", "/forecast/items", "/model/status", "/stores"]
pytestmark = pytest.mark.fault


def _not_ready(client: httpx.Client, check: str) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "not_ready"
    assert body["checks"][-1]["name"] == check
    assert body["checks"][-1]["status"] == "failed"
    assert client.get("/health").status_code == 200


def test_no_store_yet_then_one(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with served(settings_for(path)) as client:
        for asked in PATHS:
            problem = assert_problem(client.get(asked), 503, "store-unavailable")
            assert str(tmp_path) not in problem["detail"]
        _not_ready(client, "store")
        assert not path.exists(), "a reader must not make a store"
        engine = new_store(path)
        for asked in PATHS[:2]:
            assert_problem(client.get(asked), 404, "nothing-published")
        assert client.get("/model/status").json()["status"] == "empty"
        assert client.get("/stores").json() == {"stores": []}
        _not_ready(client, "active_run")
        run = make_run(1)
        publish(engine, run.run, run.frames)
        engine.dispose()
        for asked in PATHS:
            assert client.get(asked).status_code == 200
        assert client.get("/ready").json()["status"] == "ready"


def test_a_store_that_goes_away_is_not_served_from_memory(world: World) -> None:
    for asked in PATHS:
        assert world.client.get(asked).status_code == 200
    world.engine.dispose()
    moved = world.path.with_suffix(".moved")
    world.path.rename(moved)
    time.sleep(LOOK_SECONDS)
    for asked in PATHS:
        answer = world.client.get(asked)
        assert_problem(answer, 503, "store-unavailable")
        assert answer.headers["retry-after"]
    _not_ready(world.client, "store")
    moved.rename(world.path)
    time.sleep(LOOK_SECONDS)
    for asked in PATHS:
        assert world.client.get(asked).status_code == 200


def test_a_replaced_file_is_another_store(world: World, tmp_path: Path) -> None:
    assert world.client.get(PATHS[0]).json()["run"]["run_id"][-1] == "1"
    other = tmp_path / "other.sqlite"
    engine = new_store(other)
    run = make_run(5)
    publish(engine, run.run, run.frames)
    engine.dispose()
    world.engine.dispose()
    for suffix in ("-wal", "-shm"):
        Path(f"{world.path}{suffix}").unlink(missing_ok=True)
    other.rename(world.path)
    time.sleep(LOOK_SECONDS)
    for asked in PATHS:
        answer = world.client.get(asked)
        assert answer.status_code == 200
        assert "run_0000000000000005" in answer.text
        assert "run_0000000000000001" not in answer.text


def test_a_locked_store_is_waited_for_then_refused(world: World) -> None:
    world.engine.dispose()
    holder = sqlite3.connect(world.path, isolation_level=None)
    holder.execute("pragma journal_mode = delete")
    holder.execute("begin exclusive")
    try:
        for asked in PATHS:
            began = time.monotonic()
            answer = world.client.get(asked)
            assert_problem(answer, 503, "store-unavailable")
            assert answer.headers["retry-after"] == "1"
            assert time.monotonic() - began < 5
        _not_ready(world.client, "store")
    finally:
        holder.execute("rollback")
    for asked in PATHS:
        assert world.client.get(asked).status_code == 200
    holder.close()


def test_a_short_lock_costs_time_only(world: World) -> None:
    world.engine.dispose()
    holder = sqlite3.connect(world.path, isolation_level=None, check_same_thread=False)
    holder.execute("pragma journal_mode = delete")
    for asked in PATHS:
        holder.execute("begin exclusive")
        release = threading.Timer(0.05, holder.execute, ("rollback",))
        release.start()
        assert world.client.get(asked).status_code == 200
        release.join()
    holder.close()


def test_a_writer_does_not_hold_readers_up(world: World) -> None:
    """SQLite in WAL mode: an open write transaction is no lock for us."""
    with world.engine.begin() as connection:
        connection.exec_driver_sql("update active_runs set run_id = run_id")
        for asked in PATHS:
            assert world.client.get(asked).status_code == 200


def test_one_migration_behind(world: World) -> None:
    before = revisions()[-2] if len(revisions()) > 1 else "base"
    downgrade(world.engine, before)
    _not_ready(world.client, "migrations")
    assert "demand store upgrade" in world.client.get("/ready").text
    # what the old schema can still answer is answered; what it cannot says so
    for asked in PATHS:
        answer = world.client.get(asked)
        if answer.status_code != 200:
            assert_problem(answer, 503, "store-not-migrated")


def test_without_any_table_every_route_says_so(world: World) -> None:
    downgrade(world.engine, "base")
    _not_ready(world.client, "migrations")
    for asked in PATHS:
        assert_problem(world.client.get(asked), 503, "store-not-migrated")


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is not a database, but long enough to be looked at" * 100)
    with served(settings_for(path)) as client:
        for asked in PATHS:
            assert_problem(client.get(asked), 503, "store-unavailable")
        _not_ready(client, "store")


def test_all_connections_in_use_is_503_with_a_time_to_wait(client_with: MakeClient) -> None:
    client = client_with(threads=1, pool_timeout_seconds=0.2)
    runtime = client._runtime  # type: ignore[attr-defined]
    release = threading.Event()

    def hold() -> None:
        with runtime.reader.engine().connect() as connection:
            connection.exec_driver_sql("select 1")
            release.wait(10)

    assert client.get(PATHS[0]).status_code == 200
    holder = threading.Thread(target=hold)
    holder.start()
    time.sleep(0.1)
    try:
        answer = client.get("/model/status")
        assert_problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        # a single series is read on the loop's own connection while the served runs stay the same
        assert client.get(PATHS[0].replace("CA_1", "TX_1")).status_code == 200
    finally:
        release.set()
        holder.join()
    assert client.get("/model/status").status_code == 200
