"""Served runs and all runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger
from api.deps import CursorQuery, LimitQuery, Question, RunQuery, RuntimeDep
from api.queries import runs as queries
from api.routes.responses import READ, openapi_responses
from api.schemas.runs import ModelStatus, RunDetail, RunPage

router = APIRouter(prefix="/model", tags=["model"])


class RunsQuestion(Question):
    """Which runs."""

    status: Annotated[Literal["running", "published", "failed"], Field(description="One status.")] | None = None
    role: Annotated[Literal["champion", "challenger"], Field(description="One role.")] | None = None
    limit: LimitQuery = 50
    cursor: CursorQuery | None = None


@router.get(
    "/status",
    operation_id="getModelStatus",
    summary="Served runs",
    response_model=ModelStatus,
    responses=READ,
)
async def status(request: Request, runtime: RuntimeDep) -> Response:
    """The run that each store serves, the age of the oldest, and their backtest accuracy."""

    def build(connection: Connection, active: Active) -> ModelStatus:
        return queries.model_status(connection, active, datetime.now(UTC), runtime.settings.max_age_days)

    return await answer_from_ledger(request, runtime, build)


@router.get(
    "/runs",
    operation_id="listRuns",
    summary="All runs",
    response_model=RunPage,
    responses={**READ, **openapi_responses("unusable-cursor")},
)
async def runs(request: Request, runtime: RuntimeDep, question: Annotated[RunsQuestion, Query()]) -> Response:
    """All runs, newest first: published, running, failed; champions and challengers."""

    def build(connection: Connection, active: Active) -> RunPage:
        return queries.run_page(
            connection,
            active,
            status=question.status,
            role=question.role,
            limit=question.limit,
            cursor=question.cursor,
        )

    return await answer_from_ledger(request, runtime, build)


@router.get(
    "/runs/{run_id}",
    operation_id="getRun",
    summary="One run",
    response_model=RunDetail,
    responses={**READ, **openapi_responses("unknown-run")},
)
async def run(request: Request, runtime: RuntimeDep, run_id: Annotated[RunQuery, Path()]) -> Response:
    """One run with its parameters, metrics, code and data."""
    return await answer_from_ledger(
        request, runtime, lambda connection, active: queries.run_detail(connection, active, run_id)
    )
