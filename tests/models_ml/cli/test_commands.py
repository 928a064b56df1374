"""What every command promises: whole ids, one message for a fault, nothing that outlives it, no name trusted."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models_ml.errors import InputError, LakeError
from models_ml.inventory.terms import read_terms
from models_ml.lake.address import LakeAddress, parse_address
from models_ml.lake.transfer import LakeFile, refuse_outside
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.export import export
from models_ml.prediction_store.frames import RunFrames
from models_ml.prediction_store.migrate import revisions, upgrade
from models_ml.prediction_store.publish import publish
from models_ml.settings import REPOSITORY, Settings
from models_ml.warehouse.dbt_host import hangs_up_first
from tests.conftest import demand, demand_ok
from tests.synthetic import synthetic_run

LAKE = parse_address("abfss://raw@account.dfs.core.windows.net/m5")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A home with one published run, whose items have names that a spreadsheet would run; and its id."""
    record, frames = synthetic_run(stores=("CA_1",), seed=1, items=3, horizon_days=7, history_days=14)
    engine = make_engine(Settings(home=tmp_path).effective_store_url)
    upgrade(engine)
    publish(engine, record, renamed(frames))
    engine.dispose()
    return tmp_path, record.run_id


def renamed(frames: RunFrames) -> RunFrames:
    """The first item is `=1+1`, wherever it occurs."""
    first = frames.run_series["item_id"][0].as_py()
    tables = {}
    for name, table in vars(frames).items():
        if "item_id" in table.column_names:
            place = table.column_names.index("item_id")
            values = ["=1+1" if value == first else value for value in table["item_id"].to_pylist()]
            table = table.set_column(place, "item_id", pa.array(values).cast(table.schema.field("item_id").type))
        tables[name] = table
    return RunFrames(**tables)


@pytest.mark.parametrize("name", ["../../x", "a/../../../x", "/etc/x"])
def test_18_16_no_blob_is_written_outside_the_folder(tmp_path: Path, name: str) -> None:
    file = LakeFile(LAKE.child(name), name, 1, None, datetime.now(UTC), "etag")
    with pytest.raises(LakeError, match=f"{name!r} leads out of"):
        refuse_outside(file, tmp_path)


def test_18_16_names_of_folders_are_kept(tmp_path: Path) -> None:
    assert isinstance(LAKE, LakeAddress)
    refuse_outside(LakeFile(LAKE.child("a/b..c"), "a/b..c", 1, None, datetime.now(UTC), "etag"), tmp_path)


def dbt_processes(home: Path) -> list[int]:
    """The process that has loaded dbt for a home, and its forks, which are its commands."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile
        if b"dbt_host" in command and f"DEMAND_HOME={home}\0".encode() in environment:
            found.append(int(process.name))
    return found


def wait_for_dbt(home: Path, processes: range, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if len(dbt_processes(home)) in processes:
            return True
        time.sleep(0.1)
    return False


def test_18_16_a_caller_that_hangs_up_is_noticed_while_its_command_runs() -> None:
    for caller_goes in (True, False):
        ours, theirs = Pipe()
        ended, ends = os.pipe()
        (ours.close if caller_goes else partial(os.close, ends))()
        assert hangs_up_first(theirs.fileno(), ended) == caller_goes
        theirs.close()
        os.close(ended)


@pytest.mark.dbt
@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_18_16_dbt_ends_with_the_command_that_asked_for_it(
    published_home: Path, tmp_path: Path, how: signal.Signals
) -> None:
    for name in ("warehouse.duckdb", "prediction_store.sqlite"):
        shutil.copy(published_home / name, tmp_path)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DEMAND_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "models_ml.cli.main", "build", "--full-refresh"],
        env={**inherited, "DEMAND_HOME": str(tmp_path)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_for_dbt(tmp_path, range(2, 9), 240), "dbt never built"
    finally:
        os.kill(process.pid, how)  # this one alone, not its group
        process.wait()
    assert wait_for_dbt(tmp_path, range(1), 240), "dbt goes on"
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:
        warehouse.execute("create table nobody_holds_the_lock as select 1 as one")


COMMANDS = (("build",), ("quality",), ("train",), ("run",), ("runs", "list"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_18_18_a_home_that_cannot_be_is_one_message(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("not a folder")
    files = tmp_path / "raw"
    files.mkdir()
    done = demand(*command, home=tmp_path / "file" / "home", environment={"DEMAND_DATA_DIR": str(files)})
    one_message(done)


@pytest.mark.parametrize("command", [("train",), ("run",)], ids=" ".join)
def test_18_18_a_foreign_file_in_the_home_is_one_message(tmp_path: Path, command: tuple[str, ...]) -> None:
    for name in ("warehouse.duckdb", "prediction_store.sqlite"):
        (tmp_path / name).write_text("somebody's notes " * 500)
    done = demand(*command, home=tmp_path)
    one_message(done)
    assert re.search(r"warehouse\.duckdb|prediction_store|prediction store", done.stderr)


def one_message(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode in (1, 2), done.stdout
    assert "Traceback" not in done.stderr
    assert "leaked" not in done.stderr
    assert len(re.findall(r"^error: ", done.stderr, re.MULTILINE)) == 1, done.stderr


def test_18_19_ids_are_whole_in_a_pipe_and_in_json(store: tuple[Path, str]) -> None:
    home, run_id = store
    environment = {"COLUMNS": "40"}
    header, row = demand_ok("runs", "list", home=home, environment=environment).splitlines()
    assert row.split()[0] == run_id
    assert len(header.split()) == len(row.split())
    [listed] = json.loads(demand_ok("runs", "list", "--json", home=home))
    assert (listed["run"], listed["served_for"]) == (run_id, ["CA_1"])
    compared = json.loads(demand_ok("runs", "compare", run_id, run_id, "--json", home=home))
    assert all(figure["difference"] == 0 for figure in compared)


def test_18_19_the_version_is_told(tmp_path: Path) -> None:
    assert re.fullmatch(r"demand \d+\.\d+\.\d+\n", demand_ok("--version", home=tmp_path))


def test_18_19_a_run_leaves_a_log_even_if_it_fails(tmp_path: Path) -> None:
    demand("run", "--model", "crystal_ball", home=tmp_path)
    log = (tmp_path / "logs" / "demand.log").read_text().splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ demand run, version", log[0])
    assert "InputError" in log[-1]
    assert "crystal_ball" in log[-1]


def test_18_19_the_terms_name_a_file_that_is_there() -> None:
    class BadSeed:
        def read(self, *_: object, **__: object) -> pa.Table:
            bad = {"store_id": [""], "department_id": [""], "item_id": [""], "lead_time_days": [-1]}
            others = ("review_period_days", "service_level", "holding_cost", "shortage_cost")
            return pa.table({**bad, **{name: [1] for name in others}})

    with pytest.raises(InputError) as raised:
        read_terms(BadSeed())  # type: ignore[arg-type]
    [path] = re.findall(r"dbt_project/\S+?\.csv", str(raised.value))
    assert (REPOSITORY / path).is_file()


def test_18_20_a_spreadsheet_runs_no_cell_of_an_export(store: tuple[Path, str]) -> None:
    home, run_id = store
    engine = make_engine(Settings(home=home).effective_store_url)
    for name in ("forecasts.csv", "forecasts.parquet"):
        export(engine, run_id, home / name)
    engine.dispose()
    with (home / "forecasts.csv").open(newline="") as file:
        cells = {row["item_id"] for row in csv.DictReader(file)}
    assert "'=1+1" in cells
    assert not {cell for cell in cells if cell[0] in "=+-@"}
    assert "=1+1" in pq.read_table(home / "forecasts.parquet")["item_id"].to_pylist()


def test_22_a_store_goes_back_to_the_revision_of_an_earlier_release(store: tuple[Path, str]) -> None:
    home, run_id = store
    *_, before, newest = revisions()
    unasked = demand("store", "downgrade", before, home=home)
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    unknown = demand("store", "downgrade", "9999", "--yes", home=home)
    assert unknown.returncode == 2
    assert f"{newest}; earlier revisions: 0001, 0002" in unknown.stderr
    assert demand_ok("store", "downgrade", before, "--yes", home=home).strip() == f"{newest} -> {before}"
    assert demand_ok("store", "upgrade", home=home).strip() == f"{before} -> {newest}"
    assert run_id in demand_ok("runs", "list", home=home)
