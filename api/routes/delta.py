"""What moved since an earlier run, for systems that hold a copy of the forecasts."""

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
    """Since which run, and how much."""

    since_run: RunQuery
    store_id: StoreQuery | None = None
    min_percent: Annotated[
        float,
        Field(
            ge=0,
            le=1000,
            allow_inf_nan=False,
            description="Series whose sum moved by at most so many percent are left out.",
            examples=[5],
        ),
    ] = 0.0
    limit: LimitQuery = 200
    cursor: CursorQuery | None = None


@router.get(
    "/forecast/delta",
    operation_id="listChangedSeries",
    summary="Series whose forecast moved since a run",
    response_model=ForecastDelta,
    responses={**READ, **openapi_responses("unknown-run", "unknown-store", "nothing-published", "unusable-cursor")},
)
async def delta(request: Request, runtime: RuntimeDep, question: Annotated[DeltaQuestion, Query()]) -> Response:
    """Series whose final, summed over the days that both runs forecast, moved since a run that was served before.

    A system that holds a copy asks with the run that the copy is of, and fetches what is named, by `POST
    /forecast/bulk`. Overrides count on both sides: with the run that is served now, what they moved since is not told.
    """

    def build(connection: Connection, active: Active) -> ForecastDelta:
        require_published(active)
        return forecast_delta(connection, active, **dict(question))

    return await answer_from_active(request, runtime, build)
