"""Events and regional flags, of the history and of the horizon."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger
from api.deps import DateQuery, Question, RegionQuery, RuntimeDep
from api.errors import one_field
from api.queries.calendar import calendar as calendar_of
from api.routes.responses import READ
from api.schemas.places import Calendar

router = APIRouter(tags=["places"])


class CalendarQuestion(Question):
    """Which days."""

    start: Annotated[DateQuery, Field(description="First day.", examples=["2016-05-01"])] | None = None
    end: Annotated[DateQuery, Field(description="Last day.", examples=["2016-06-19"])] | None = None
    region_id: RegionQuery | None = None


@router.get(
    "/calendar",
    operation_id="getCalendar",
    summary="Events and regional flags by day",
    response_model=Calendar,
    responses=READ,
)
async def calendar(request: Request, runtime: RuntimeDep, question: Annotated[CalendarQuestion, Query()]) -> Response:
    """Days with their events and the regions whose flag is set."""
    if question.start is not None and question.end is not None and question.start > question.end:
        raise one_field("invalid-request", "end", f"{question.end} is before start", [f"{question.start} or later"])

    def build(connection: Connection, _active: Active) -> Calendar:
        return calendar_of(connection, start=question.start, end=question.end, region_id=question.region_id)

    return await answer_from_ledger(request, runtime, build)
