"""Engines are made at their first use, once, whoever else comes at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api import reader, writer
from models_ml.prediction_store.engine import make_engine

from .conftest import settings_for


@pytest.mark.parametrize("of", ["any store", "SQLite", "writer"])
def test_18_16_an_engine_is_made_once_by_many_first_users(
    shared_store: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    made: list[Engine] = []

    def slowly(*arguments: Any, **options: Any) -> Engine:
        time.sleep(0.05)
        made.append(make_engine(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(reader, "make_engine", slowly)
    monkeypatch.setattr(writer, "make_engine", slowly)
    settings = settings_for(shared_store)
    used: Any
    first_use: Callable[[], Engine]
    if of == "writer":
        used = writer.StoreWriter(settings)
        first_use = used._store
    else:
        used = reader.make_reader(settings) if of == "SQLite" else reader.StoreReader(settings)
        first_use = used.engine
    together, found = threading.Barrier(8), []

    def use() -> None:
        together.wait(10)
        found.append(first_use())

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    used.close()
    assert len(made) == 1
    assert found == made * 8
