"""The forecast of one item in one store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.answers import not_modified, require_published, respond
from api.cache import CachedBody
from api.deps import ItemQuery, QuantilesQuery, Question, RuntimeDep, StoreQuery
from api.queries.series import run_of_store, unknown_series
from api.routes.responses import READ, openapi_responses
from api.schemas.forecast import SeriesForecast
from api.series import DEFAULT_QUANTILES, parse_quantiles, quantile_columns, series_body, series_etag, series_key

router = APIRouter(tags=["forecast"])


class ForecastQuestion(Question):
    """Which series, and how much of its distribution."""

    item_id: ItemQuery
    store_id: StoreQuery
    quantiles: QuantilesQuery = DEFAULT_QUANTILES


@router.get(
    "/forecast",
    operation_id="getForecast",
    response_model=SeriesForecast,
    responses={**READ, **openapi_responses("unknown-series", "unknown-item", "unknown-store", "nothing-published")},
)
async def forecast(request: Request, runtime: RuntimeDep, question: Annotated[ForecastQuestion, Query()]) -> Response:
    """The days of the horizon for one item in one store: mean, the chosen quantiles, and the final after overrides.

    The answer is that of the run which the store is served from at this moment.
    """
    quantiles = parse_quantiles(question.quantiles)
    store_id, item_id = question.store_id, question.item_id
    active = await runtime.reader.active()
    require_published(active)
    run = run_of_store(active, store_id)
    version = active.version_of(run)
    etag = series_etag(version, store_id, item_id, quantiles)
    fresh = not_modified(request, runtime, etag)
    if fresh is not None:
        return fresh
    key = series_key(version, store_id, item_id, quantiles)
    content: CachedBody | None = runtime.cache.get(key)
    if content is None:
        rows = await runtime.reader.series(active, run, store_id, item_id, quantile_columns(quantiles))
        if not rows:
            raise await runtime.reader.run(lambda connection: unknown_series(connection, run, store_id, item_id))
        content = series_body(active, run, store_id, item_id, quantiles, rows)
        runtime.cache.put(key, content)
    return respond(request, runtime, content, etag)
