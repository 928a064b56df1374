"""Departments by store: forecast and past sales."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_active, require_published
from api.deps import DepartmentQuery, QuantilesQuery, Question, RuntimeDep, StoreQuery
from api.queries.departments import department_forecasts
from api.routes.responses import READ, openapi_responses
from api.schemas.forecast import DepartmentForecasts
from api.series import DEFAULT_QUANTILES, parse_quantiles

router = APIRouter(tags=["forecast"])


class DepartmentsQuestion(Question):
    """Filters."""

    store_id: StoreQuery | None = None
    department_id: DepartmentQuery | None = None
    quantiles: QuantilesQuery = DEFAULT_QUANTILES


@router.get(
    "/forecast/departments",
    operation_id="listDepartmentForecasts",
    summary="Forecasts of the departments of each store",
    response_model=DepartmentForecasts,
    responses={**READ, **openapi_responses("unknown-store", "unknown-node", "nothing-published")},
)
async def departments(
    request: Request, runtime: RuntimeDep, question: Annotated[DepartmentsQuestion, Query()]
) -> Response:
    """Each department of each store: the total of the horizon, of as many days before it, and of last year."""
    quantiles = parse_quantiles(question.quantiles)

    def build(connection: Connection, active: Active) -> DepartmentForecasts:
        require_published(active)
        return department_forecasts(
            connection,
            active,
            store_id=question.store_id,
            department_id=question.department_id,
            quantiles=quantiles,
        )

    return await answer_from_active(request, runtime, build)
