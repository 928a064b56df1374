"""Who is told of a job's steps."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol


class Reporter(Protocol):
    """Who is told of the steps (see `cli.progress.Progress`)."""

    seconds: dict[str, float]

    def step(self, name: str) -> AbstractContextManager[Any]:
        """A step, whose `note` may be set."""
        ...
