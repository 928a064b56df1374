"""Stores to test against: SQLite always, and the server named by DEMAND_STORE_URL in a schema of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import RunFrames
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.records import RunRecord
from tests.synthetic import synthetic_run

from .arena import BACKENDS, SERVER_URL, clear, schema_on_server

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


@pytest.fixture(scope="session")
def server() -> Iterator[Engine]:
    """A store on the server, in a schema that goes with the session."""
    with schema_on_server() as schema:
        engine = make_engine(SERVER_URL, schema=schema)
        upgrade(engine)
        yield engine
        engine.dispose()


@pytest.fixture(params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A store at the newest revision, without a run; the same tests for every database."""
    if request.param == "server":
        engine = request.getfixturevalue("server")
        clear(engine)
        yield engine
        return
    engine = make_engine(request.getfixturevalue("sqlite_url"))
    yield engine
    engine.dispose()


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
