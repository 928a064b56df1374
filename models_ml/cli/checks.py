"""The data-quality checks of the package `expectations`, passed to the job as an argument.

The job calls them in a separate process, so they must be module-level functions, and importing this module is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models_ml.job.checks import QualityChecks
    from models_ml.settings import Settings


def quality_checks() -> QualityChecks:
    """The checks for `models_ml.job`."""
    from models_ml.job.checks import QualityChecks

    return QualityChecks(load, check_data, check_run)


def load() -> None:
    """Load the libraries of the checks."""
    from expectations.library import great_expectations

    great_expectations()


def check_data(settings: Settings) -> str:
    """See `QualityChecks.of_data`."""
    from expectations.run import run_zones

    summaries = [run_zones(settings, zone) for zone in ("raw", "marts")]
    for summary in summaries:
        summary.raise_on_errors()
    return "; ".join(summary.text for summary in summaries)


def check_run(settings: Settings, run_id: str, *, fresh: bool = True) -> str:
    """See `QualityChecks.of_run`."""
    from expectations.run import run_zones

    summary = run_zones(settings, "store", run_ids=[run_id], fresh=fresh)
    summary.raise_on_errors()
    return summary.text
