"""dbt's commands in forks of one process that has parsed the project."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models_ml.errors import StepError
from models_ml.settings import Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.dbt_host import Host

pytestmark = pytest.mark.dbt

COMPILE = ["compile", "--select", "stg_m5__calendar", "--no-populate-cache", "--no-introspect"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_each_command_is_an_invocation_of_its_own_and_the_project_is_parsed_once(settings: Settings) -> None:
    first = dbt.run(settings, COMPILE)
    other = settings.model_copy(update={"home": settings.home.with_name("other")})
    second = dbt.run(other, COMPILE)

    assert first.counts == second.counts
    assert first.invocation_id != second.invocation_id
    written = json.loads((dbt.target_folder(other) / "run_results.json").read_text())
    assert written["metadata"]["invocation_id"] == second.invocation_id
    assert (dbt.target_folder(other) / "manifest.json").exists()
    assert not (dbt.target_folder(other) / "partial_parse.msgpack").exists()


def test_other_variables_are_another_project(settings: Settings) -> None:
    counts = dbt.run(
        settings.model_copy(update={"source": "long"}), [word.replace("m5", "long") for word in COMPILE]
    ).counts
    assert set(counts) == {"success"}
    with pytest.raises(StepError, match="no_such_target"):
        dbt.run(settings, COMPILE, target="no_such_target")
    assert set(dbt.run(settings, COMPILE).counts) == {"success"}


def test_a_command_that_dbt_refuses_says_why(settings: Settings) -> None:
    with pytest.raises(StepError, match="No such command 'nonsense'"):
        dbt.run(settings, ["nonsense"])


@pytest.mark.fault
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the command's process in /proc")
@pytest.mark.parametrize("killed", ["command", "host"])
def test_a_command_that_is_killed_is_an_error_and_the_next_one_runs(settings: Settings, killed: str) -> None:
    dbt.run(settings, COMPILE)
    host = dbt.host().pid
    children = Path(f"/proc/{host}/task/{host}/children")
    others = set(children.read_text().split())
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(dbt.run, settings, COMPILE)
        while not (command := set(children.read_text().split()) - others):
            assert not running.done()
            time.sleep(0.001)
        os.kill(int(command.pop()) if killed == "command" else host, signal.SIGKILL)
        with pytest.raises(StepError, match="ended by SIGKILL"):
            running.result()
    assert set(dbt.run(settings, COMPILE).counts) == {"success"}


def test_it_ends_though_it_is_parsing(settings: Settings) -> None:
    host = Host()
    host.prepare(dbt.invocation(settings, [], target="local"))
    assert host.alive
    host.end()
    assert not host.alive
