"""Progress of a job's steps: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass
class Progress:
    """Reports steps on standard error, records their seconds, and logs them.

    Attributes:
        log: file to which lines with a UTC timestamp are appended; None: no log.
        seconds: wall seconds by step, in the order they ended.
    """

    log: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def record(self, text: str) -> None:
        """Add a line to the log."""
        if self.log is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a") as file:
                file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step; its note, if it sets one, is shown when it ends."""
        started = time.perf_counter()
        step = Step()
        self.record(f"{name} ...")
        if sys.stderr.isatty():
            from rich.console import Console

            console = Console(stderr=True)
            with console.status(f"{name} ..."):
                yield step
        else:
            print(f"{name} ...", file=sys.stderr, flush=True)
            yield step
        elapsed = time.perf_counter() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + elapsed
        note = f"  {step.note}" if step.note else ""
        self.record(f"{name}: {elapsed:.1f} s{note}")
        print(f"{name:<22}{elapsed:7.1f} s{note}", file=sys.stderr, flush=True)


@dataclass
class Step:
    """A running step.

    Attributes:
        note: short summary of what it did.
    """

    note: str = ""
