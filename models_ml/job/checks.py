"""Tests and checks of the data, run in parallel with training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models_ml.job.reporting import Reporter
from models_ml.job.wording import describe
from models_ml.runs.processes import processes
from models_ml.settings import Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.identity import built_marts

CheckRun = Callable[[Settings, str], str]
"""Checks a stored run by its id: returns a one-line summary or raises QualityError."""


class RunCheck(Protocol):
    """Checks a stored run; see `QualityChecks.of_run`."""

    def __call__(self, settings: Settings, run_id: str, *, fresh: bool = True) -> str:
        """The outcome in a line, or a QualityError."""
        ...


@dataclass(frozen=True)
class QualityChecks:
    """The data-quality checks, passed in by the job's caller and called in another process.

    Attributes:
        load: loads the libraries that the checks need.
        of_data: checks the raw tables and the marts; returns a one-line summary or raises QualityError.
        of_run: checks one stored run, served or not; returns a one-line summary or raises QualityError. `fresh`: the
            run must include the latest sales (False if the user chose the origin).
    """

    load: Callable[[], None]
    of_data: Callable[[Settings], str]
    of_run: RunCheck


@dataclass
class Checks:
    """The tests and checks of the data, in parallel with training.

    Attributes:
        settings: of the job.
        quality: the data-quality checks.
        process: where the checks run; it loads their libraries during the ingest and the build.
        thread: waits for dbt's tests, then for the checks.
        of_data: the summary from `check_data`; None before `begin`.
    """

    settings: Settings
    quality: QualityChecks
    process: Executor
    thread: Executor
    of_data: Future[str] | None = None

    def begin(self) -> None:
        """Start to test and check the current marts."""
        _, invocation_id = built_marts(self.settings, warehouse_of(self.settings))
        share = self.settings.shared_by(2)
        self.of_data = self.thread.submit(check_data, share, self.quality, self.process, invocation_id)

    def result(self) -> str:
        """The outcome in a line.

        Raises:
            StepError: a dbt test failed.
            QualityError: a check of severity `error` failed.
        """
        return self.of_data.result() if self.of_data else ""

    def wait(self, report: Reporter) -> None:
        """Wait for the checks and continue only if they passed; raises as `result`."""
        with report.step("quality of the data") as step:
            step.note = self.result()

    def of_forecasts(self, settings: Settings, run_id: str, *, fresh: bool) -> str:
        """`QualityChecks.of_run` in that process."""
        return self.process.submit(self.quality.of_run, settings, run_id, fresh=fresh).result()


@contextmanager
def checking(settings: Settings, quality: QualityChecks) -> Iterator[Checks]:
    """Test and check the data while the block runs; a failed check takes precedence over an error of the block."""
    dbt.prepare(settings)
    with processes(1) as process, ThreadPoolExecutor(1) as thread:
        process.submit(quality.load)
        checks = Checks(settings, quality, process, thread)
        try:
            yield checks
        except Exception:
            checks.result()
            raise


def tested_build(settings: Settings) -> Path:
    """The file with the id of the last marts build that passed its dbt tests."""
    return dbt.target_folder(settings) / "tested_build"


def check_data(settings: Settings, quality: QualityChecks, process: Executor, invocation_id: str) -> str:
    """Run the dbt tests of the marts, unless this build passed them, and the checks of raw tables and marts.

    Args:
        settings: of the job, with the threads and the memory available to the checks.
        quality: the data-quality checks.
        quality: the data-quality checks.
        process: where they run.
        invocation_id: of the build of the marts.

    Returns:
        The outcome in a line.

    Raises:
        StepError: a dbt test failed.
        QualityError: a check of severity `error` failed.
    """
    passed = tested_build(settings)
    if passed.exists() and passed.read_text() == invocation_id:
        tested = "dbt tests passed earlier"
    else:
        tested = describe(dbt.test(settings, "warehouse"))
        passed.write_text(invocation_id)
    return f"{tested}; {process.submit(quality.of_data, settings).result()}"
