"""Results of data-quality checks."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import RunId, Schema


class QualityResult(Schema):
    """One check."""

    check_id: int
    run_id: RunId | None
    suite: str
    dataset: str
    expectation: str
    severity: Literal["error", "warning"]
    success: bool
    observed: str | None
    checked_at: AwareDatetime


class SuiteSummary(Schema):
    """The latest results of one suite."""

    suite: str
    passed: int
    warnings: int = Field(description="Failed checks of severity warning.")
    errors: int = Field(description="Failed checks of severity error.")
    checked_at: AwareDatetime


class Quality(Schema):
    """The latest results by suite; failures first."""

    status: Literal["passed", "warning", "failed", "unknown"]
    suites: list[SuiteSummary]
    results: list[QualityResult]
