"""Whatever is wrong with the home, each command does its work or says what is wrong, in one message."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(600)]

COMMANDS = {
    name: name.split()
    for name in (
        "run", "ingest", "build", "quality", "monitor", "docs", "train", "publish latest", "value", "orders",
        "backtest --model seasonal_naive", "explain --node store:CA_1", "export latest.csv", "promote latest",
        "rollback --reason wrong", "runs list", "runs show latest", "runs compare latest latest", "runs prune --keep 1",
        "store upgrade",
    )
}  # fmt: skip

READERS = {"runs list", "runs show latest", "runs compare latest latest", "export latest.csv", "orders"}
"""They need no more than the store."""

Faulty = Callable[[str], Path]


@pytest.fixture
def faulty(published_home: Path, tmp_path: Path) -> Iterator[Faulty]:
    """Make a home with a fault; file systems are unmounted afterwards."""
    home, mounted = tmp_path / "home", []

    def filled(size: str = "") -> Path:
        home.mkdir()
        if size:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home)], capture_output=True, check=False
            )
            if done.returncode:
                pytest.skip("mounting a file system needs root")
            mounted.append(home)
        shutil.copytree(published_home, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("dbt", "site", "logs"))
        (home / "last_job.json").unlink()
        return home

    def make(fault: str) -> Path:
        match fault:
            case "a file in its place":
                home.write_text("notes")
                return home
            case "read-only":
                subprocess.run(["mount", "-o", "remount,ro", str(filled("600m"))], check=True)
            case "a full disk":
                size = shutil.disk_usage(filled("600m")).total
                with (home / "filling").open("wb") as file:
                    full = subprocess.run(
                        ["head", "-c", str(size), "/dev/zero"], stdout=file, stderr=subprocess.DEVNULL, check=False
                    )
                assert full.returncode == 1
            case _:
                for side in filled().glob(f"{fault}-*"):
                    side.unlink()
                (home / fault).write_text("somebody's notes " * 500)
        return home

    yield make
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(
    ("fault", "works"),
    [
        ("a file in its place", set()),
        ("read-only", None),
        ("a full disk", None),
        ("warehouse.duckdb", {*READERS, "promote latest", "runs prune --keep 1", "store upgrade", "publish latest",
                              "rollback --reason wrong", "explain --node store:CA_1", "docs"}),
        ("prediction_store.sqlite", {"ingest", "train", "backtest --model seasonal_naive", "value",
                                     "explain --node store:CA_1", "publish latest"}),
    ],
)  # fmt: skip
def test_18_18_every_command_says_what_is_wrong_with_the_home(
    faulty: Faulty, tmp_path: Path, fault: str, works: set[str] | None
) -> None:
    home = faulty(fault)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DEMAND_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.models_ml.cli.each_command", json.dumps(list(COMMANDS.values()))],
        env={**inherited, "DEMAND_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    wrong = []
    for name, (code, said) in zip(COMMANDS, json.loads(done.stdout), strict=True):
        messages = len(re.findall(r"^error: ", said, re.MULTILINE))
        fails_well = code in (1, 2) and messages == 1
        expected = fails_well or (code == 0 and (works is None or name in works))
        if not expected or "Traceback" in said or "leaked" in said:
            wrong.append(f"demand {name}: {code}, {said[-600:]}")
    assert not wrong, "\n".join(wrong)
