"""Where faults are tried: a store that serves run 1, laid out again for every trial, as a file or on a server."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, inspect, text

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import VERSION_TABLE, downgrade, upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import metadata

SERVER_URL = os.environ.get("DEMAND_STORE_URL", "")
HAS_SERVER = SERVER_URL.startswith("mssql")
BACKENDS = ["sqlite", *(["server"] if HAS_SERVER else [])]


@contextmanager
def schema_on_server() -> Iterator[str]:
    """A schema of its own on the server, dropped with all that is in it."""
    schema = "demand_test_" + uuid.uuid4().hex[:12]
    plain = make_engine(SERVER_URL)
    with plain.begin() as connection:
        connection.execute(text(f"create schema {schema}"))
    try:
        yield schema
    finally:
        placed = make_engine(SERVER_URL, schema=schema)
        with plain.begin() as connection:
            for view in inspect(connection).get_view_names(schema):
                connection.execute(text(f"drop view {schema}.{view}"))
        if inspect(plain).has_table(VERSION_TABLE, schema):
            downgrade(placed, "base")
        placed.dispose()
        with plain.begin() as connection:
            for table in inspect(connection).get_table_names(schema):
                connection.execute(text(f"drop table {schema}.{table}"))
            connection.execute(text(f"drop schema {schema}"))
        plain.dispose()


def clear(engine: Engine) -> None:
    """Delete all rows of a store."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))


class Arena:
    """A store at one address, so that engines here and in the publisher keep their compiled statements."""

    def __init__(self, url: str, schema: str | None, made: Callable[..., Any]) -> None:
        self.url = url
        self.schema = schema
        self.engine = make_engine(url, schema=schema)
        self._made = made

    @property
    def address(self) -> dict[str, Any]:
        """What the publisher process is told."""
        return {"url": self.url, "schema": self.schema}

    def few(self, _on_a_file: int, on_a_server: int) -> int:
        """How many trials to make: each takes a server many times as long as a file."""
        return on_a_server

    def reader(self) -> Engine:
        """Another engine, to read."""
        return make_engine(self.url, schema=self.schema)

    @contextmanager
    def store(self) -> Iterator[Engine]:
        """The store as it was, without a trace of the last trial."""
        clear(self.engine)
        publish(self.engine, *self._made(1))
        yield self.engine


class FileArena(Arena):
    """A SQLite file, copied for every trial."""

    def __init__(self, folder: Path, template: Path, made: Callable[..., Any]) -> None:
        self.serving = folder / "serving.sqlite"
        shutil.copy(template, self.serving)
        engine = make_engine(f"sqlite:///{self.serving}")
        publish(engine, *made(1))
        engine.dispose()
        self.path = folder / "store.sqlite"
        shutil.copy(self.serving, self.path)
        super().__init__(f"sqlite:///{self.path}", None, made)

    def few(self, on_a_file: int, _on_a_server: int) -> int:
        """Of a file as many as asked for."""
        return on_a_file

    def reader(self) -> Engine:
        """An engine that cannot write."""
        return make_engine(self.url, read_only=True)

    @contextmanager
    def store(self) -> Iterator[Engine]:
        """The file as it was."""
        self._remove()
        shutil.copy(self.serving, self.path)
        yield self.engine
        self._remove()

    def _remove(self) -> None:
        self.engine.dispose()
        for left in self.path.parent.glob("store.sqlite*"):
            left.unlink()


@contextmanager
def server_arena(made: Callable[..., Any]) -> Iterator[Arena]:
    """An arena in a schema of its own on the server."""
    with schema_on_server() as schema:
        arena = Arena(SERVER_URL, schema, made)
        upgrade(arena.engine)
        yield arena
        arena.engine.dispose()
