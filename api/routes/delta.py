"""Changes since an earlier run, for systems that hold a copy of the forecasts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_active, require_published
from api.deps import CursorQuery, LimitQuery, Question, RunQuery, RuntimeDep, StoreQuery
from api.queries.delta import forecast_delta
from api.routes.responses import READ, openapi_responses
from api.schemas.delta import ForecastDelta

router = APIRouter(tags=["forecast"])


class DeltaQuestion(Question):
    """Since which run, and by how much."""

    since_run: RunQuery
    store_id: StoreQuery | None = None
    min_percent: Annotated[
        float,
        Field(
            ge=0,
            le=1000,
            allow_inf_nan=False,
            description="Series whose total changed by at most this percentage are omitted.",
            examples=[5],
        ),
    ] = 0.0
    limit: LimitQuery = 200
    cursor: CursorQuery | None = None


@router.get(
    "/forecast/delta",
    operation_id="listChangedSeries",
    summary="Series whose forecast changed since a run",
    response_model=ForecastDelta,
    responses={**READ, **openapi_responses("unknown-run", "unknown-store", "nothing-published", "unusable-cursor")},
)
async def delta(request: Request, runtime: RuntimeDep, question: Annotated[DeltaQuestion, Query()]) -> Response:
    """Series whose final, summed over the days that both runs forecast, changed since a previously served run.

    A system that holds a copy passes the run of its copy and then fetches the returned series with `POST
    /forecast/bulk`. Overrides are applied on both sides, so changes by overrides since a run are not reported.
    """

    def build(connection: Connection, active: Active) -> ForecastDelta:
        require_published(active)
        return forecast_delta(connection, active, **dict(question))

    return await answer_from_active(request, runtime, build)
