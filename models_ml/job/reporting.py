"""The interface through which a job reports its progress."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol


class Reporter(Protocol):
    """Receives the steps (see `cli.progress.Progress`)."""

    seconds: dict[str, float]

    def step(self, name: str) -> AbstractContextManager[Any]:
        """A step, with a `note` to set."""
        ...
