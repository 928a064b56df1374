"""The marts say what they were built from, and nobody takes them for anything else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from models_ml.errors import WarehouseError
from models_ml.job import builds
from models_ml.runs import artifact
from models_ml.runs.plan import plan_training
from models_ml.settings import REPOSITORY, Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.identity import MartsIdentity, built_marts, marts_identity, raw_identity

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def home(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the warehouse whose marts were built by this code, to build in."""
    home = tmp_path_factory.mktemp("identity")
    for name in ("warehouse.duckdb", "prediction_store.sqlite"):
        shutil.copy(published_home / name, home)
    return home


@pytest.fixture
def settings(home: Path) -> Iterator[Settings]:
    """Settings of that home; the identity is that of the finished build again afterwards."""
    settings = Settings(home=home)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create or replace table kept as from core.marts_identity")
        connection.execute("create or replace table kept_log as from raw_m5.ingest_log")
    yield settings
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create or replace table core.marts_identity as from kept")
        connection.execute("create or replace table raw_m5.ingest_log as from kept_log")


def identity(settings: Settings) -> MartsIdentity:
    found = marts_identity(warehouse_of(settings))
    assert found is not None
    return found


def execute(settings: Settings, sql: str) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(sql)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The builds that are asked for; none is carried out."""
    calls: list[dict] = []

    def build(_settings: Settings, selector: str, **arguments) -> dbt.DbtResult:
        calls.append({"selector": selector, **arguments})
        return dbt.DbtResult({"success": 1}, "an invocation", [])

    monkeypatch.setattr(dbt, "build", build)
    return calls


def test_18_02_the_build_of_the_job_says_what_it_built_from(published_home: Path) -> None:
    settings = Settings(home=published_home)
    warehouse = warehouse_of(settings)
    built = identity(settings)
    assert built.raw == raw_identity(settings, warehouse)
    run = artifact.manifest(artifact.latest(published_home / "models"))
    assert (run["data_fingerprint"], run["parameters"]["dbt_invocation_id"]) == built_marts(settings, warehouse)


@pytest.mark.parametrize("change", ["fingerprint = 'corrected'", "stores = ' as of 2013-01-01'"])
def test_18_02_marts_of_other_raw_data_train_nothing_and_are_built(
    settings: Settings, asked: list[dict], change: str
) -> None:
    execute(settings, f"update raw_m5.ingest_log set {change}")
    with pytest.raises(WarehouseError, match=r"built from other raw data.*demand build"):
        plan_training(settings, warehouse_of(settings))
    builds.build_warehouse(settings, force=False)
    assert asked == [{"selector": "warehouse", "full_refresh": False, "without": ["test", "unit_test"]}]


def test_18_03_marts_of_this_code_and_data_are_not_built_again(settings: Settings, asked: list[dict]) -> None:
    execute(settings, f"update core.marts_identity set code_version = '{dbt.marts_code(settings)}'")
    assert builds.build_warehouse(settings, force=False) == "already built from the same data and code"
    assert not asked


def test_18_03_marts_of_other_code_are_built_from_all_rows(settings: Settings, asked: list[dict]) -> None:
    execute(settings, "update core.marts_identity set code_version = 'an edit that was reverted'")
    builds.build_warehouse(settings, force=False)
    builds.build_and_test(settings, "warehouse", full_refresh=False)
    assert [call["full_refresh"] for call in asked] == [True, True]


@pytest.mark.slow
def test_18_03_a_build_of_a_part_by_bare_dbt_leaves_no_identity(settings: Settings, asked: list[dict]) -> None:
    command = [
        str(Path(sys.executable).with_name("dbt")), "run", "--select", "dim_stores", "--target", "local",
        "--project-dir", str(REPOSITORY / "dbt_project"), "--profiles-dir", str(REPOSITORY / "profiles"),
        "--target-path", str(settings.home / "bare"), "--log-path", str(settings.home / "bare"),
    ]  # fmt: skip
    environment = {k: v for k, v in dbt.environment(settings).items() if k != "DEMAND_MARTS_CODE"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert identity(settings).raw is None
    assert identity(settings).code_version == ""
    with pytest.raises(WarehouseError, match=r"did not finish.*demand build"):
        built_marts(settings, warehouse_of(settings))
    builds.build_warehouse(settings, force=False)
    assert asked[0]["full_refresh"]


def test_18_03_a_part_built_by_the_same_code_is_built_on(settings: Settings) -> None:
    execute(settings, f"update core.marts_identity set code_version = '{dbt.marts_code(settings)}'")
    dbt.run(settings, ["run", "--select", "dim_stores"])
    assert identity(settings).raw is None
    assert identity(settings).code_version == dbt.marts_code(settings)
