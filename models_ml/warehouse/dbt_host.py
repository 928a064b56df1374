"""A process that has loaded dbt and parsed the project, and is forked for each dbt command.

Loading and parsing take longer than most commands. A forked copy starts with both; it gives its memory back and lets
go of the warehouse when it ends, as any process does.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import IO

NAMES_COME_FROM = ("DATABRICKS_", "AZURE_SQL_", "DEMAND_STORE_SCHEMA")
"""Variables of the environment that name catalogs, databases and schemas: a parsed project holds those names."""

PARSE, RUN = "parse", "run"

MOST_PRINTED = 20_000
"""Bytes from the end of what a command printed that are told."""


@dataclass(frozen=True)
class Invocation:
    """A dbt command.

    Attributes:
        command: its words, e.g. `["test", "--selector", "warehouse"]`.
        project: the options that say which project, variables and target.
        output: the options that say where it writes.
        environment: all variables of its environment.
        folder: where it is called.
    """

    command: Sequence[str]
    project: Sequence[str]
    output: Sequence[str]
    environment: Mapping[str, str]
    folder: Path

    @property
    def parsed_for(self) -> tuple[str, ...]:
        """All that the parsed project depends on."""
        names = (f"{name}={value}" for name, value in self.environment.items() if name.startswith(NAMES_COME_FROM))
        return (*self.project, *sorted(names))

    def words(self, *command: str) -> list[str]:
        """The whole command line after `dbt`."""
        return ["--quiet", "--no-use-colors", *command, *self.project, *self.output]


class Host:
    """The process, which ends when this one does."""

    def __init__(self) -> None:
        self._one_at_a_time = Lock()
        self._line, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", f"from models_ml.warehouse.dbt_host import serve; serve({theirs.fileno()})"],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(sys.path)},
            )  # fmt: skip

    def prepare(self, invocation: Invocation) -> None:
        """Have the project parsed for a command that is to come, without waiting; the command tells what is wrong."""
        with self._one_at_a_time, suppress(OSError):
            self._line.send((PARSE, invocation))

    def run(self, invocation: Invocation) -> tuple[int, str]:
        """Run a command to its end.

        Returns:
            Its exit code, or minus the signal that ended it; and what it printed. The same of this process if it ended.
        """
        with self._one_at_a_time:
            try:
                self._line.send((RUN, invocation))
                code, printed = self._line.recv()
            except (EOFError, OSError):
                return self._process.wait(), "The process that runs dbt has ended."
        return code, printed

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it takes commands still."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, whatever it is parsing."""
        self._process.kill()
        self._process.wait()
        self._line.close()


def serve(line: int) -> None:
    """Take commands from a connection and run each in a fork, until the connection is closed.

    Args:
        line: its file descriptor.
    """
    # What dbt makes lives as long as it does: to look for garbage in it takes an eighth of a small build.
    gc.disable()
    # An interrupt from the keyboard is for the command, and for the one who asked, who closes the line then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    projects: dict[tuple[str, ...], Manifest | None] = {}

    def parsed(invocation: Invocation) -> Manifest | None:
        """The project as dbt understands it; None if it does not, and the command will say why."""
        found = dbtRunner().invoke(invocation.words("parse")).result
        if "duckdb" in sys.modules:
            # It has a connection of its own from the start, whose thread a fork would lack.
            sys.modules["duckdb"].default_connection().close()
        return found if isinstance(found, Manifest) else None

    with Connection(line) as asked, suppress(EOFError, BrokenPipeError):
        while True:
            task, invocation = asked.recv()
            with tempfile.TemporaryFile() as printed, output_to(printed):
                enter(invocation)
                if projects.get(invocation.parsed_for) is None:
                    projects[invocation.parsed_for] = parsed(invocation)
                if task == PARSE:
                    continue
                ended, ends = os.pipe()  # hangs up when the fork ends
                if (child := os.fork()) == 0:
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    done = dbtRunner(projects[invocation.parsed_for]).invoke(invocation.words(*invocation.command))
                    if done.exception:
                        print(done.exception)
                    sys.exit(0 if done.success else 1)
                os.close(ends)
                if hangs_up_first(asked.fileno(), ended):  # the one who asked was killed: nobody wants the result
                    os.kill(child, signal.SIGKILL)
                os.close(ended)
                _, status = os.waitpid(child, 0)
                printed.seek(-min(printed.seek(0, os.SEEK_END), MOST_PRINTED), os.SEEK_END)
                asked.send((os.waitstatus_to_exitcode(status), printed.read().decode(errors="replace")))


def hangs_up_first(line: int, ended: int) -> bool:
    """Wait until one of two connections hangs up; whether it is `line`."""
    waiting = select.poll()
    for connection in (line, ended):
        waiting.register(connection, 0)  # a hang-up is reported whatever is asked for
    return ended not in {connection for connection, _ in waiting.poll()}


def enter(invocation: Invocation) -> None:
    """Take on an invocation's environment and folder."""
    os.environ.clear()
    os.environ.update(invocation.environment)
    os.chdir(invocation.folder)


@contextmanager
def output_to(file: IO[bytes]) -> Iterator[None]:
    """What this process and its children print goes to a file."""
    kept = [os.dup(1), os.dup(2)]
    for printer in (1, 2):
        os.dup2(file.fileno(), printer)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for printer, before in zip((1, 2), kept, strict=True):
            os.dup2(before, printer)
            os.close(before)
