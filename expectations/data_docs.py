"""Data Docs: a static site of suites and recent results under `<home>/reports/data_docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from expectations.checks import CheckResult
from expectations.library import great_expectations

FOLDER = "reports/data_docs"


def open_context(home: Path) -> Any:
    """A Great Expectations context whose validation results live in the home."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def publish(context: Any, home: Path, identifiers: list[Any], results: list[CheckResult], skipped: list[str]) -> None:
    """Render what was just validated, and the index."""
