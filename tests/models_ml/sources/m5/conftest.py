"""Small simulated files, and a warehouse that already holds others."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from models_ml.sources.m5.ingest import ingest
from models_ml.sources.m5.simulate import MARKER_FILE, simulate

RAW_TABLES = ("calendar", "sales_train_evaluation", "sell_prices", "ingest_log")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of two stores, nine items and ten weeks."""
    target = tmp_path_factory.mktemp("simulated") / "files"
    simulate(target, stores=2, items=9, days=70, seed=11)
    return target


@pytest.fixture
def files(simulated: Path, tmp_path: Path) -> Path:
    """A copy of the simulated files that a test may break."""
    copy = tmp_path / "files"
    shutil.copytree(simulated, copy)
    (copy / MARKER_FILE).unlink()
    return copy


@pytest.fixture(scope="session")
def _filled_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    simulate(folder / "files", stores=1, items=7, days=30, seed=5)
    ingest(folder / "files", folder / "warehouse.duckdb")
    return folder / "warehouse.duckdb"


@pytest.fixture
def warehouse(_filled_warehouse: Path, tmp_path: Path) -> Path:
    """A warehouse that holds raw tables of other, earlier files."""
    copy = tmp_path / "home" / "warehouse.duckdb"
    copy.parent.mkdir()
    shutil.copy(_filled_warehouse, copy)
    return copy


@pytest.fixture(scope="session")
def raw_digest() -> Callable[[Path], str]:
    """A function from a warehouse to a hash over every value of its raw tables, in order."""

    def digest(path: Path) -> str:
        total = hashlib.sha256()
        with duckdb.connect(str(path), read_only=True) as connection:
            for table in RAW_TABLES:
                relation = connection.execute(f"select * from raw_m5.{table}")
                total.update(repr((table, relation.description, relation.fetchall())).encode())
        return total.hexdigest()

    return digest
