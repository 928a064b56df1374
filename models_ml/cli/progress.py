"""Progress of a job's steps: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Tells of steps on standard error and keeps their seconds.

    Attributes:
        seconds: wall seconds by step, in the order they ended.
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step; its note, if it sets one, is shown when it ends."""
        started = time.perf_counter()
        step = Step()
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
        print(f"{name:<22}{elapsed:7.1f} s{note}", file=sys.stderr, flush=True)


@dataclass
class Step:
    """A running step.

    Attributes:
        note: what it did, in a few words.
    """

    note: str = ""
