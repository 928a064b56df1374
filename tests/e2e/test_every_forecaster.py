"""Every registered forecaster passes the checks of what it publishes, whatever the source."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from models_ml.forecasters.registry import CLASSES
from tests.conftest import demand, demand_ok

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def homes(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A home of each source, with marts that are built."""
    root = tmp_path_factory.mktemp("homes")
    shutil.copytree(published_home, root / "m5")
    long = {"DEMAND_SOURCE": "long"}
    demand_ok("simulate", "--stores", "1", "--items", "15", "--days", "910", home=root / "long", environment=long)
    demand_ok("run", "--no-track", home=root / "long", environment=long)
    return {"m5": root / "m5", "long": root / "long"}


def published(home: Path, model: str) -> list[str]:
    """A forecaster's published runs."""
    with sqlite3.connect(home / "prediction_store.sqlite") as store:
        runs = "select run_id from model_runs where model = ? and status = 'published'"
        return [run_id for (run_id,) in store.execute(runs, [model])]


@pytest.mark.parametrize("source", ["m5", "long"])
@pytest.mark.parametrize("model", CLASSES)
def test_18_07_every_forecaster_publishes(homes: dict[str, Path], model: str, source: str) -> None:
    home = homes[source]
    if published(home, model):  # by the `demand run` that made the home
        return
    environment = {"DEMAND_SOURCE": source, "DEMAND_PUBLISH_BUILDS_REPORTS": "false"}
    done = demand("train", "--model", model, "--publish", home=home, environment=environment)
    assert done.returncode == 0, done.stderr
    [run_id] = set(re.findall(r"^(run_\w+): ", done.stdout, re.MULTILINE))
    assert published(home, model) == [run_id]
