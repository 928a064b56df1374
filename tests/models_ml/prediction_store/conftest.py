"""Stores to test against: SQLite always, and the server named by DEMAND_STORE_URL in a schema of its own."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import RunFrames
from models_ml.prediction_store.migrate import downgrade, upgrade
from models_ml.prediction_store.records import RunRecord
from tests.synthetic import synthetic_run

SERVER_URL = os.environ.get("DEMAND_STORE_URL", "")
BACKENDS = ["sqlite", *(["server"] if SERVER_URL.startswith("mssql") else [])]

Made = tuple[RunRecord, RunFrames]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store at the newest revision, without a run."""
    path = tmp_path_factory.mktemp("template") / "store.sqlite"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(template: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite store."""
    path = tmp_path / "store.sqlite"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A store at the newest revision, without a run; the same tests for every database."""
    if request.param == "sqlite":
        engine = make_engine(request.getfixturevalue("sqlite_url"))
        yield engine
        engine.dispose()
        return
    schema = "demand_test_" + uuid.uuid4().hex[:12]
    plain = make_engine(SERVER_URL)
    with plain.begin() as connection:
        connection.execute(text(f"create schema {schema}"))
    engine = make_engine(SERVER_URL, schema=schema)
    upgrade(engine)
    try:
        yield engine
    finally:
        downgrade(engine, "base")
        engine.dispose()
        with plain.begin() as connection:
            connection.execute(text(f"drop table if exists {schema}.store_schema_version"))
            connection.execute(text(f"drop schema {schema}"))
        plain.dispose()


@pytest.fixture(scope="session")
def made() -> Callable[..., Made]:
    """A small run: 2 stores x 3 items x 7 days unless told otherwise."""

    def make(seed: int = 1, *, stores: tuple[str, ...] = ("CA_1", "TX_1"), **changes: Any) -> Made:
        settings: dict[str, Any] = {"items": 3, "horizon_days": 7, "history_days": 14, "origin": date(2016, 5, 22)}
        return synthetic_run(stores=stores, seed=seed, **{**settings, **changes})

    return make


@pytest.fixture(scope="session")
def with_value() -> Callable[..., RunFrames]:
    """Frames with one value of one frame replaced."""

    def change(frames: RunFrames, name: str, column: str, row: int, value: object) -> RunFrames:
        table: pa.Table = getattr(frames, name)
        values = table.column(column).to_pylist()
        values[row] = value
        field = table.schema.field(column).with_nullable(True)
        index = table.schema.get_field_index(column)
        return replace(frames, **{name: table.set_column(index, field, pa.array(values, field.type))})

    return change
