"""Sources of raw data: each is a package, looked up here by name.

A source's terms appear only in its package and its dbt staging models.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol, runtime_checkable

from models_ml.errors import InputError
from models_ml.sources.report import IngestReport

SOURCE_NAMES = ("m5", "long")


class Source(Protocol):
    """The interface of every source."""

    def ingest(
        self,
        source: Path,
        warehouse: Path,
        *,
        stores: Sequence[str] | None = None,
        memory_limit_gb: float = 4.0,
        threads: int = 2,
        horizon_days: int = 28,
        as_of: date | None = None,
    ) -> IngestReport:
        """Validate the files of `source` and load them into the raw tables of the DuckDB file `warehouse`."""


@runtime_checkable
class SimulatedSource(Source, Protocol):
    """A source that can also generate files in its format."""

    def simulate(
        self, target: Path, *, stores: int = 1, items: int = 500, days: int = 1941, seed: int, horizon_days: int = 28
    ) -> object:
        """Write simulated files to the folder `target`; known-future data covers the horizon."""


def get_source(name: str) -> Source:
    """The source of that name; imported lazily so that the command line starts fast.

    Raises:
        InputError: the source does not exist.
    """
    if name == "m5":
        from models_ml.sources.m5 import source as m5

        return m5
    if name == "long":
        from models_ml.sources.long import source as long

        return long
    raise InputError(f"unknown source {name!r}. Choose one of: {', '.join(SOURCE_NAMES)}.")
