"""What monitoring found after publishing: drift, live accuracy, alarms."""

from __future__ import annotations

from typing import Annotated

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


class MonitoringQuestion(Question):
    """Which weeks."""

    metric: Annotated[str, Field(min_length=1, max_length=64, description="One metric, e.g. `bias`.")] | None = None
    bad: Annotated[bool, Field(description="Only weeks out of bounds.")] = False
    limit: LimitQuery = 200


@router.get("/monitoring", operation_id="getMonitoring", response_model=Monitoring, responses=READ)
async def monitoring(
    request: Request, runtime: RuntimeDep, question: Annotated[MonitoringQuestion, Query()]
) -> Response:
    """Alarms, and the newest weeks of drift and of accuracy against the sales that have come in since."""

    def build(connection: Connection, _active: Active) -> Monitoring:
        return monitoring_of(connection, metric=question.metric, bad_only=question.bad, limit=question.limit)

    return await answer_from_ledger(request, runtime, build)
