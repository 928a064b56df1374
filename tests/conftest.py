"""Fixtures that several packages share."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Properties have no deadline: what an example takes is the machine's business, not a property of the code."""
    # The environments of tests/spark and tests/infra/sdk have no properties to check, and no hypothesis.
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings

        # The same examples on every machine, so that a red run can be run again; EXPLORE=1 draws new ones.
        settings.register_profile("demand", deadline=None, derandomize="EXPLORE" not in os.environ)
        settings.load_profile("demand")


@pytest.fixture(scope="session", autouse=True)
def _one_result_at_a_time() -> Iterator[None]:
    """What would fail on SQL Server for an unread result fails on SQLite too."""
    # The environments of tests/spark and tests/infra/sdk have no store.
    if importlib.util.find_spec("sqlalchemy") is None:
        yield
        return
    from tests.one_result import guarded_stores

    with guarded_stores():
        yield


@pytest.fixture(scope="session")
def m5_zip() -> Path:
    """The zip of real M5 files in the folder named by M5_DATA_DIR."""
    folder = os.environ.get("M5_DATA_DIR")
    if not folder:
        pytest.skip("M5_DATA_DIR is unset: it names the folder of m5-forecasting-accuracy.zip, the real M5 data")
    path = Path(folder) / "m5-forecasting-accuracy.zip"
    assert path.exists(), f"M5_DATA_DIR={folder} has no {path.name}"
    return path


def demand(
    *arguments: str, home: Path, environment: Mapping[str, str] | None = None, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DEMAND_")}
    return subprocess.run(
        [sys.executable, "-m", "models_ml.cli.main", *arguments],
        env={**inherited, "DEMAND_HOME": str(home), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def demand_ok(*arguments: str, home: Path, **options: object) -> str:
    """Like `demand`, but it must succeed; gives its standard output."""
    done = demand(*arguments, home=home, **options)  # type: ignore[arg-type]
    assert done.returncode == 0, f"demand {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


SMALL = ("--stores", "2", "--items", "60", "--days", "1000")
"""A simulation that is small, yet has every level, launches, events and two whole years."""


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after `demand run` on a small simulation: warehouse, artefact and published store. Read it only."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    home = root / "published_home"
    with (root / "published_home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # with several workers, the first one makes it
        if not (home / "done").exists():
            demand_ok("simulate", *SMALL, home=home)
            demand_ok("run", home=home)
            (home / "done").touch()
    return home
