"""The latest data-quality checks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger
from api.deps import LimitQuery, Question, RuntimeDep
from api.queries.quality import quality as quality_of
from api.routes.responses import READ
from api.schemas.quality import Quality

router = APIRouter(tags=["model"])


class QualityQuestion(Question):
    """Which checks."""

    suite: Annotated[str, Field(min_length=1, max_length=128, description="One suite.")] | None = None
    failed: Annotated[bool, Field(description="Only checks that failed.")] = False
    limit: LimitQuery = 200


@router.get(
    "/quality",
    operation_id="getQuality",
    summary="Results of data-quality checks",
    response_model=Quality,
    responses=READ,
)
async def quality(request: Request, runtime: RuntimeDep, question: Annotated[QualityQuestion, Query()]) -> Response:
    """The latest result of every check, failures first, and a summary by suite."""

    def build(connection: Connection, _active: Active) -> Quality:
        return quality_of(connection, suite=question.suite, failed_only=question.failed, limit=question.limit)

    return await answer_from_ledger(request, runtime, build)
