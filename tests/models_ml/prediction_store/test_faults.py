"""Publishers killed at any moment, full disks, locks, cuts, rivals: what is served stays one whole run.

After every fault the same is checked: pointers of one run, each run's rows equal to its checksum, SQLite's own
integrity check, and that the next publish of the same run completes.
"""

from __future__ import annotations

import ctypes
import json
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, and_, func, make_url, select

from models_ml.errors import StoreError
from models_ml.prediction_store import read, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import activations, active_runs, forecasts, model_runs, publish_claims
from models_ml.prediction_store.transactions import reading

from .arena import BACKENDS, HAS_SERVER, SERVER_URL, Arena, FileArena, server_arena
from .proxy import Proxy

pytestmark = pytest.mark.fault

STORES = {"CA_1", "TX_1"}


class Publisher:
    """The forking publisher process of `publisher.py`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.models_ml.prediction_store.publisher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, **job: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the publisher process has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    assert publisher.process.stdin is not None
    assert publisher.process.stdout is not None
    publisher.process.stdin.close()
    publisher.process.stdout.close()
    publisher.process.wait(10)


@pytest.fixture(scope="module", params=BACKENDS)
def arena(
    request: pytest.FixtureRequest,
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    made: Callable[..., Any],
    publisher: Publisher,
) -> Iterator[Arena]:
    """Every store that there is to try."""
    if request.param == "server":
        with server_arena(made) as arena:
            publisher(**arena.address, seeds=[2], warm=True)
            yield arena
        return
    arena = FileArena(tmp_path_factory.mktemp("arena"), template, made)
    publisher(**arena.address, seeds=[2], warm=True)
    yield arena
    arena.engine.dispose()


@pytest.fixture
def file_arena(arena: Arena) -> FileArena:
    """For faults of files."""
    if not isinstance(arena, FileArena):
        pytest.skip("a fault of a file and its locks; a server's disk and locks are the server's")
    return arena


def check_whole(engine: Engine, allowed: set[str]) -> str:
    """One run of `allowed` is served, all published runs hold what their checksums say; returns the served run."""
    with reading(engine) as connection:
        pointers = read.pointers(connection)
        assert set(pointers) == STORES
        served = set(pointers.values())
        assert len(served) == 1
        assert served <= allowed
        for run in connection.execute(select(model_runs).where(model_runs.c.status == "published")).all():
            assert read.checksum(connection, run.run_id) == run.checksum
            rows = connection.execute(
                select(func.count()).select_from(forecasts).where(forecasts.c.run_id == run.run_id)
            ).scalar_one()
            assert rows == run.forecast_rows == 42
        moves = connection.execute(
            select(func.count()).select_from(activations).where(activations.c.run_id.in_(served))
        ).scalar_one()
        assert moves == len(STORES)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    return str(served.pop())


def check_recovery(engine: Engine, made: Callable[..., Any]) -> None:
    """The same run published again completes, and nothing of the dead one is left."""
    run, frames = made(2)
    assert publish(engine, run, frames).outcome in ("published", "unchanged")
    assert check_whole(engine, {run.run_id}) == run.run_id
    with reading(engine) as connection:
        assert connection.execute(select(publish_claims)).all() == []
        assert set(connection.execute(select(forecasts.c.run_id).distinct()).scalars()) == {
            made(1)[0].run_id,
            run.run_id,
        }


def test_killed_at_every_chosen_point(arena: Arena, made: Callable[..., Any], publisher: Publisher) -> None:
    """60 points spread over all statements and commits of a publish, and each of its last 20 (fewer on a server)."""
    spread, last = arena.few(60, 10), arena.few(20, 8)
    old, new = made(1)[0].run_id, made(2)[0].run_id
    with arena.store() as engine:
        total = publisher(**arena.address, seeds=[2])["points"]
        check_whole(engine, {new})
    chosen = {1 + round(step * (total - 1) / (spread - 1)) for step in range(spread)}
    chosen |= set(range(total - last + 1, total + 1))
    assert len(chosen) >= spread
    seen = []
    for point in sorted(chosen):
        with arena.store() as engine:
            assert publisher(**arena.address, seeds=[2], kill_at=point)["killed"]
            seen.append(check_whole(engine, {old, new}))
            check_recovery(engine, made)
    # One moment divides them: the commit that shows the run. Before it the old run, after it the new.
    assert seen == [old] * seen.count(old) + [new] * seen.count(new)
    assert seen.count(new) == 1, "only the point after the last commit may show the new run"


def test_killed_at_random_moments(arena: Arena, made: Callable[..., Any], publisher: Publisher) -> None:
    """Between any two instructions, not only at statements: by the clock, over the length of a publish."""
    old, new = made(1)[0].run_id, made(2)[0].run_id
    with arena.store() as engine:
        started = time.monotonic()
        publisher(**arena.address, seeds=[2])
        length = time.monotonic() - started
    clock = random.Random(20160522)
    killed = 0
    trials = arena.few(40, 8)
    for _ in range(trials):
        with arena.store() as engine:
            moment = clock.uniform(0, 1.2 * length)
            killed += publisher(**arena.address, seeds=[2], kill_after=moment)["killed"]
            check_whole(engine, {old, new})
            check_recovery(engine, made)
    assert killed >= trials // 2


def test_killed_again_and_again_in_one_store(arena: Arena, made: Callable[..., Any], publisher: Publisher) -> None:
    """Leftovers of several dead publishers, also of another run, do not add up."""
    with arena.store():
        total = publisher(**arena.address, seeds=[2])["points"]
    with arena.store() as engine:
        for seed, share in ((2, 0.5), (3, 0.7), (2, 0.3), (2, 0.6), (3, 0.8)):
            assert publisher(**arena.address, seeds=[seed], kill_at=int(share * total))["killed"]
            check_whole(engine, {made(1)[0].run_id})
        check_recovery(engine, made)
        assert runs.show(engine, made(3)[0].run_id).status == "failed"


class TestDiskFull:
    def test_database_may_not_grow(self, file_arena: FileArena, made: Callable[..., Any]) -> None:
        """SQLite's own limit: every size between the store as it is and the store with the new run."""
        run, frames = made(2, items=30)
        pages = sqlite3.connect(file_arena.serving).execute("PRAGMA page_count").fetchone()[0]
        refusals = []
        for extra in range(0, 60, 6):
            with file_arena.store() as engine:
                limited = make_engine(engine.url)
                with limited.connect() as connection:
                    connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + extra}")
                try:
                    publish(limited, run, frames, batch_rows=100)
                except StoreError as error:
                    refusals.append(str(error))
                    check_whole(engine, {made(1)[0].run_id})
                    check_recovery(engine, made)
                finally:
                    limited.dispose()
        assert len(refusals) >= 5
        assert all("Free space" in said for said in refusals)

    @pytest.mark.parametrize("file_bytes", [220_000, 300_000, 450_000])
    def test_files_may_not_grow(
        self, file_arena: FileArena, made: Callable[..., Any], publisher: Publisher, file_bytes: int
    ) -> None:
        """The operating system's quota, which hits the write-ahead log too."""
        with file_arena.store() as engine:
            answer = publisher(
                **file_arena.address, seeds=[2], file_bytes=file_bytes, shape={"items": 300}, batch_rows=2000
            )
            assert "StoreError" in answer["said"][0]
            check_whole(engine, {made(1)[0].run_id})
            check_recovery(engine, made)

    def test_small_file_system(
        self, template: Path, tmp_path: Path, made: Callable[..., Any], publisher: Publisher
    ) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("mounting a file system needs root; the quota test covers a full disk")
        try:
            arena = FileArena(disk, template, made)
            answer = publisher(**arena.address, seeds=[2], shape={"items": 300}, batch_rows=2000)
            assert "StoreError" in answer["said"][0]
            assert "Free space" in answer["said"][0]
            check_whole(arena.engine, {made(1)[0].run_id})
            subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
            check_recovery(arena.engine, made)
            arena.engine.dispose()
        finally:
            subprocess.run(["umount", str(disk)], check=True)


class TestLocked:
    def test_publish_waits_its_time_then_says_who_is_in_the_way(
        self, file_arena: FileArena, made: Callable[..., Any]
    ) -> None:
        with file_arena.store() as engine:
            hasty = make_engine(engine.url, busy_timeout_seconds=0.2)
            run, frames = made(2)
            other = sqlite3.connect(str(engine.url.database), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another writer"):
                publish(hasty, run, frames)
            check_whole(engine, {made(1)[0].run_id})
            other.execute("ROLLBACK")
            other.close()
            check_recovery(hasty, made)
            hasty.dispose()

    def test_lock_in_the_middle_fails_the_publish_and_leaves_it_repeatable(
        self, file_arena: FileArena, made: Callable[..., Any]
    ) -> None:
        with file_arena.store() as engine:
            hasty = make_engine(engine.url, busy_timeout_seconds=0.1)
            run, frames = made(2)
            other = sqlite3.connect(str(engine.url.database), isolation_level=None)

            def lock(name: str, _rows: int) -> None:
                if name == "forecasts" and not other.in_transaction:
                    other.execute("BEGIN IMMEDIATE")

            with pytest.raises(StoreError, match="locked by another writer"):
                publish(hasty, run, frames, batch_rows=10, progress=lock)
            check_whole(engine, {made(1)[0].run_id})
            other.execute("ROLLBACK")
            other.close()
            # Even "failed" could not be written. This process lives, so the claim does; another would wait for it.
            with engine.begin() as connection:
                connection.execute(publish_claims.delete())
            check_recovery(engine, made)
            hasty.dispose()

    def test_readers_do_not_wait_for_a_writer(self, file_arena: FileArena, made: Callable[..., Any]) -> None:
        with file_arena.store() as engine:
            reader = make_engine(engine.url, read_only=True, busy_timeout_seconds=0)
            other = sqlite3.connect(str(engine.url.database), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            other.execute("delete from activations")
            check_whole(reader, {made(1)[0].run_id})
            other.execute("ROLLBACK")
            other.close()
            reader.dispose()


class TestTwoAtOnce:
    def test_two_processes_publish_different_runs(
        self, arena: Arena, made: Callable[..., Any], publisher: Publisher
    ) -> None:
        """Both may win one after the other, or one is refused; never is a store left between them."""
        for _ in range(arena.few(6, 4)):
            with arena.store() as engine:
                jobs = [publisher(**arena.address, seeds=[seed], wait=False)["pid"] for seed in (2, 3)]
                said = [publisher(wait_for=pid)["said"][0] for pid in jobs]
                winners = [seed for seed, word in zip((2, 3), said, strict=True) if word == "published"]
                assert winners
                for word in said:
                    assert word == "published" or "another run was published for store" in word
                served = check_whole(engine, {made(seed)[0].run_id for seed in winners})
                statuses = {run.run_id: run.status for run in runs.list_runs(engine)}
                for seed in (2, 3):
                    wanted = "published" if seed in winners else "failed"
                    assert statuses[made(seed)[0].run_id] == wanted
                assert served in statuses

    def test_two_processes_publish_the_same_run(
        self, arena: Arena, made: Callable[..., Any], publisher: Publisher
    ) -> None:
        for _ in range(arena.few(6, 4)):
            with arena.store() as engine:
                jobs = [publisher(**arena.address, seeds=[2], wait=False)["pid"] for _ in range(2)]
                said = sorted(publisher(wait_for=pid)["said"][0] for pid in jobs)
                assert said[-1] in ("published", "unchanged")
                assert "published" in said
                assert said[0] in ("published", "unchanged") or "is being published by" in said[0]
                assert said.count("published") == 1
                assert check_whole(engine, {made(2)[0].run_id})


def test_ten_thousand_reads_during_publishes_are_never_torn(
    arena: Arena, made: Callable[..., Any], publisher: Publisher
) -> None:
    """Each read takes the pointers and all rows of both stores in one transaction and adds them up."""
    seeds = list(range(2, arena.few(62, 14)))
    least = arena.few(10_000, 2_000)
    sums = {}
    for seed in [1, *seeds]:
        run, frames = made(seed)
        sums[run.run_id] = pytest.approx(sum(frames.forecasts.column("mean").to_pylist()), rel=1e-12)
    rows_of_pointers = (
        select(func.count(), func.sum(forecasts.c.mean), func.min(forecasts.c.run_id), func.max(forecasts.c.run_id))
        .select_from(forecasts)
        .join(
            active_runs,
            and_(active_runs.c.store_id == forecasts.c.store_id, active_runs.c.run_id == forecasts.c.run_id),
        )
    )
    torn: list[object] = []
    seen: dict[str, int] = {}
    with arena.store() as engine:
        readers = [arena.reader() for _ in range(2)]
        job = publisher(**arena.address, seeds=seeds, wait=False)["pid"]
        reads = 0
        while reads < least or len(seen) <= len(seeds) // 2:
            with reading(readers[reads % 2]) as connection:
                pointers = set(read.pointers(connection).values())
                rows, total, first, last = connection.execute(rows_of_pointers).one()
            [run_id] = pointers if len(pointers) == 1 else ["more than one"]
            if rows != 42 or not first == last == run_id or total != sums.get(run_id):
                torn.append((pointers, rows, total, first, last))
            seen[run_id] = seen.get(run_id, 0) + 1
            reads += 1
        said = publisher(wait_for=job)["said"]
        for reader in readers:
            reader.dispose()
        check_whole(engine, {made(seeds[-1])[0].run_id})
    assert said == ["published"] * len(seeds)
    assert torn == []
    assert sum(seen.values()) >= least


ECHO = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    try:
        while data := connection.recv(4096):
            connection.sendall(data)
    except OSError:
        pass
"""


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server, in a process of its own, that sends back what it gets."""
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_proxy_cuts_where_it_is_told_and_lets_the_next_one_through(echo: int) -> None:
    """The proxy itself, against a server that sends back what it gets."""
    proxy = Proxy("127.0.0.1", echo)
    proxy.cut_after(10)
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"12345")
        assert client.recv(10) == b"12345"
        assert proxy.passed() == 5
        with suppress(OSError):
            client.sendall(b"6789012345")
            assert client.recv(10) == b""
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"again")
        assert client.recv(10) == b"again"
    proxy.close()


@pytest.mark.timeout(30)
def test_23_07_proxy_passes_on_while_a_driver_holds_the_interpreter(echo: int) -> None:
    """An ODBC driver may wait for its answer without giving the interpreter's lock away; `PyDLL` does the same."""
    proxy = Proxy("127.0.0.1", echo)
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        answer = ctypes.create_string_buffer(16)
        client.sendall(b"question")
        assert ctypes.PyDLL(None).recv(client.fileno(), answer, 16, 0) == 8
        assert answer.value == b"question"
    proxy.close()


@pytest.mark.skipif(not HAS_SERVER, reason="DEMAND_STORE_URL names no SQL Server to cut off")
def test_connection_cut_at_many_places_publishes_once(made: Callable[..., Any]) -> None:
    """The server's connection breaks in the middle: the publish goes on by itself, and nothing is doubled."""
    url = make_url(SERVER_URL)
    proxy = Proxy(url.host or "localhost", url.port or 1433)
    through = url.set(host="127.0.0.1", port=proxy.port).update_query_dict({"TrustServerCertificate": "yes"})
    try:
        with server_arena(made) as arena, arena.store() as direct:
            cut_off = make_engine(through, schema=arena.schema)
            before = proxy.passed()
            publish(cut_off, *made(2))
            length = proxy.passed() - before
            for step in range(1, 13):
                proxy.cut_after(step * length // 13)
                run, frames = made(2 + step)
                assert publish(cut_off, run, frames).outcome == "published"
                assert check_whole(direct, {run.run_id}) == run.run_id
            cut_off.dispose()
    finally:
        proxy.close()


def test_23_10_the_arena_of_a_server_is_laid_out_by_statements(
    sqlite_url: str, made: Callable[..., Any], publisher: Publisher
) -> None:
    """The part of these tests that needs a server, over the store that is always there."""
    arena = Arena(sqlite_url, None, made)
    for kill_at in (40, 80):
        with arena.store() as engine:
            assert publisher(**arena.address, seeds=[2], kill_at=kill_at)["killed"]
            check_whole(engine, {made(1)[0].run_id})
            check_recovery(engine, made)
    arena.engine.dispose()
