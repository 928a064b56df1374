"""Monitoring: drift, live accuracy and alarms."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger
from api.deps import LimitQuery, Question, RuntimeDep
from api.queries.monitoring import monitoring as monitoring_of
from api.routes.responses import READ
from api.schemas.monitoring import Monitoring

router = APIRouter(tags=["model"])


WeeklyMetric = Literal[
    "wape",
    "wape_against_baseline",
    "bias",
    "coverage_95",
    "psi_units_mean_28",
    "psi_zero_share_28",
    "psi_units_std_28",
]


class MonitoringQuestion(Question):
    """Which weeks."""

    metric: Annotated[WeeklyMetric, Field(description="One metric.")] | None = None
    bad: Annotated[bool, Field(description="Only weeks out of bounds.")] = False
    limit: LimitQuery = 200


@router.get(
    "/monitoring",
    operation_id="getMonitoring",
    summary="Alarms, drift and live accuracy",
    response_model=Monitoring,
    responses=READ,
)
async def monitoring(
    request: Request, runtime: RuntimeDep, question: Annotated[MonitoringQuestion, Query()]
) -> Response:
    """Alarms, and the latest weeks of drift and of live accuracy."""

    def build(connection: Connection, _active: Active) -> Monitoring:
        return monitoring_of(connection, metric=question.metric, bad_only=question.bad, limit=question.limit)

    return await answer_from_ledger(request, runtime, build)
