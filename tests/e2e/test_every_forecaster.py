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


@pytest.mark.parametrize("source", ["m5", "long"])
@pytest.mark.parametrize("model", CLASSES)
def test_18_07_every_forecaster_publishes(homes: dict[str, Path], model: str, source: str) -> None:
    home = homes[source]
    done = demand("train", "--model", model, "--publish", home=home, environment={"DEMAND_SOURCE": source})
    assert done.returncode == 0, done.stderr
    [run_id] = set(re.findall(r"^(run_\w+): ", done.stdout, re.MULTILINE))
    with sqlite3.connect(home / "prediction_store.sqlite") as store:
        [(status, published)] = store.execute("select status, model from model_runs where run_id = ?", [run_id])
    assert (status, published) == ("published", model)
