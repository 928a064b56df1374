"""One build of the warehouse zone on a local Spark, and the same on DuckDB, for all tests of it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HAS_SPARK = importlib.util.find_spec("pyspark") is not None
REPOSITORY = Path(__file__).parents[2]

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.spark.project import Warehouse

# The main environment has no Spark: `make test-spark` runs this folder in one of its own.
collect_ignore_glob = [] if HAS_SPARK else ["test_[!e]*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Forgive the bridge to the JVM, which leaves sockets to the garbage collector."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def duckdb_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two DuckDB warehouses made by the main environment, the second of later data. Read them only."""
    python = REPOSITORY / ".venv" / "bin" / "python"
    assert python.exists(), "The main environment is missing: run make test-spark, which makes both."
    folder = tmp_path_factory.mktemp("duckdb")
    done = subprocess.run(
        [python, "-m", "tests.spark.duckdb_side", folder],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "first" / "warehouse.duckdb", folder / "later" / "warehouse.duckdb"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local Spark with Delta."""
    from tests.spark.session import start

    session = start(tmp_path_factory.mktemp("spark"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def raw(spark: SparkSession, duckdb_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with raw tables and nothing else yet."""
    from tests.spark.project import Warehouse, load_raw_tables

    load_raw_tables(spark, duckdb_files[0], tmp_path_factory.mktemp("raw"))
    return Warehouse(spark, tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def built(raw: Warehouse) -> Warehouse:
    """The warehouse after its first build, tests included."""
    raw.dbt("build", "--selector", "warehouse")
    return raw
