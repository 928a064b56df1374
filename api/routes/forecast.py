"""The forecast of one item in one store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.answers import require_published, respond
from api.deps import ItemQuery, QuantilesQuery, Question, RuntimeDep, StoreQuery
from api.queries.series import run_of_store, unknown_series
from api.routes.responses import READ, openapi_responses
from api.schemas.forecast import SeriesForecast
from api.series import DEFAULT_QUANTILES, find_series, parse_quantiles

router = APIRouter(tags=["forecast"])


class ForecastQuestion(Question):
    """Which series, and how much of its distribution."""

    item_id: ItemQuery
    store_id: StoreQuery
    quantiles: QuantilesQuery = DEFAULT_QUANTILES


@router.get(
    "/forecast",
    operation_id="getForecast",
    summary="Forecast of an item in a store",
    response_model=SeriesForecast,
    responses={**READ, **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published")},
)
async def forecast(request: Request, runtime: RuntimeDep, question: Annotated[ForecastQuestion, Query()]) -> Response:
    """The days of the horizon for one item in one store: mean, the chosen quantiles, and the final after overrides.

    The response comes from the run that the store currently serves.
    """
    quantiles = parse_quantiles(question.quantiles)
    store_id, item_id = question.store_id, question.item_id
    active, content = await find_series(runtime, store_id, item_id, quantiles)
    if content is None:
        require_published(active)
        run = run_of_store(active, store_id)
        raise await runtime.reader.run(lambda connection: unknown_series(connection, run, store_id, item_id))
    return respond(request, runtime, content, content.etag)
