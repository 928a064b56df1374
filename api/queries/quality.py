"""Data-quality checks."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, func, select

from api.errors import one_field
from api.schemas.quality import Quality, QualityResult, SuiteSummary
from models_ml.prediction_store.schema import quality_results


def quality(connection: Connection, *, suite: str | None, failed_only: bool, limit: int) -> Quality:
    """The newest result of each check, of the run that its suite saw last; failures first.

    Raises:
        ApiError: nothing is recorded of the suite (kind `invalid-request`).
    """
    newest = select(
        quality_results,
        func.row_number()
        .over(
            partition_by=(
                quality_results.c.suite,
                quality_results.c.dataset,
                quality_results.c.expectation,
                quality_results.c.run_id,
            ),
            order_by=quality_results.c.check_id.desc(),
        )
        .label("newness"),
    ).subquery()
    wanted = select(newest).where(newest.c.newness == 1)
    if suite is not None:
        known = list(connection.execute(select(quality_results.c.suite).distinct()).scalars())
        if suite not in known:
            raise one_field("invalid-request", "suite", f"'{suite}' has no results", sorted(known))
        wanted = wanted.where(newest.c.suite == suite)
    rows = connection.execute(wanted.order_by(newest.c.check_id.desc())).all()
    run_of: dict[str, str | None] = {}
    for row in rows:
        run_of.setdefault(row.suite, row.run_id)
    current = [row for row in rows if run_of[row.suite] == row.run_id]
    by_suite: dict[str, list[Any]] = defaultdict(list)
    for row in current:
        by_suite[row.suite].append(row)
    suites = [
        SuiteSummary(
            suite=name,
            passed=sum(1 for row in part if row.success),
            warnings=sum(1 for row in part if not row.success and row.severity == "warning"),
            errors=sum(1 for row in part if not row.success and row.severity == "error"),
            checked_at=max(row.checked_at for row in part).replace(tzinfo=UTC),
        )
        for name, part in sorted(by_suite.items())
    ]
    current.sort(key=lambda row: (row.success, row.severity, row.suite, row.dataset, row.expectation))
    if failed_only:
        current = [row for row in current if not row.success]
    worst = "unknown" if not suites else "passed"
    if any(part.warnings for part in suites):
        worst = "warning"
    if any(part.errors for part in suites):
        worst = "failed"
    return Quality.model_validate(
        {
            "status": worst,
            "suites": suites,
            "results": [
                QualityResult(
                    check_id=row.check_id,
                    run_id=row.run_id,
                    suite=row.suite,
                    dataset=row.dataset,
                    expectation=row.expectation,
                    severity=row.severity,
                    success=bool(row.success),
                    observed=row.observed,
                    checked_at=row.checked_at.replace(tzinfo=UTC),
                )
                for row in current[:limit]
            ],
        }
    )
