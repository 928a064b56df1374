"""Forecasts of many series in one response, as JSON, CSV or an Arrow stream."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from api.active import Active
from api.answers import coding_of, not_modified, read_whole, require_published, validated_headers
from api.bulk_formats import ARROW, CSV, ENCODERS, Encoder
from api.cache import GZIP_LEVEL, encoded_etag, run_etag
from api.deps import (
    CategoryQuery,
    DepartmentQuery,
    QuantilesQuery,
    Question,
    RegionQuery,
    RuntimeDep,
    StoreQuery,
)
from api.errors import ApiError
from api.negotiation import JSON, choose_media_type
from api.queries.bulk import Portion, matching_series, named_series, portions, read_portion, too_many
from api.queries.series import run_of_store
from api.routes.responses import POSTED, READ, openapi_responses
from api.runtime import Runtime
from api.schemas.forecast import Bulk, BulkRequest
from api.schemas.problems import FieldProblem
from api.series import DEFAULT_QUANTILES, parse_quantiles

router = APIRouter(tags=["forecast"])

_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows in order of store, item and date, streamed as they are read.",
        "content": {
            CSV: {
                "schema": {"type": "string"},
                "example": "run_id,store_id,item_id,date,mean,q_0_025,final\r\nrun_0,CA_1,FOODS_1,2016-05-23,1,0,1",
            },
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_ERRORS = openapi_responses("unknown-series", "unknown-store", "nothing-published", "too-many-series")
Series = Sequence[tuple[str, str, str]]


class BulkQuestion(Question):
    """Filters; all matching series are returned."""

    store_id: StoreQuery | None = None
    region_id: RegionQuery | None = None
    department_id: DepartmentQuery | None = None
    category_id: CategoryQuery | None = None
    quantiles: QuantilesQuery = DEFAULT_QUANTILES


@router.get(
    "/forecast/bulk",
    operation_id="getBulk",
    summary="Forecasts of many series, by filter",
    response_model=Bulk,
    responses={**READ, **_ERRORS, **_CONTENT},
)
async def bulk(
    request: Request,
    runtime: RuntimeDep,
    question: Annotated[BulkQuestion, Query()],
) -> Response:
    """Forecasts of all series of a store, region, department or category, or of everything."""
    media_type = choose_media_type(request.headers.get("accept"), (JSON, CSV, ARROW))
    quantiles = parse_quantiles(question.quantiles)
    active = await runtime.reader.active()
    require_published(active)
    if question.store_id is not None:
        run_of_store(active, question.store_id)
    etag = run_etag(active.token, request.url.path, request.url.query, media_type)
    fresh = not_modified(request, runtime, etag)
    if fresh is not None:
        return fresh
    filters = question.model_dump(exclude={"quantiles"}, exclude_none=True)
    most = runtime.settings.max_bulk_series
    active, series = await runtime.reader.run(
        lambda connection: read_whole(connection, lambda at, _active: matching_series(at, filters, most))
    )
    etag = run_etag(active.token, request.url.path, request.url.query, media_type)
    return _stream(request, runtime, active, series, quantiles, media_type, etag)


@router.post(
    "/forecast/bulk",
    operation_id="postBulk",
    summary="Forecasts of many series, by name",
    response_model=Bulk,
    responses={
        **POSTED,
        **_ERRORS,
        **_CONTENT,
    },
)
async def bulk_by_name(
    request: Request,
    runtime: RuntimeDep,
    body: BulkRequest,
) -> Response:
    """Forecasts of the named series. If one is not served, the whole request is rejected and the series named."""
    media_type = choose_media_type(request.headers.get("accept"), (JSON, CSV, ARROW))
    quantiles = parse_quantiles(",".join(f"{p:g}" for p in body.quantiles) or "none")
    most = runtime.settings.max_bulk_series
    if len(body.series) > most:
        raise too_many(most)
    active = await runtime.reader.active()
    require_published(active)
    keys = [(key.store_id, key.item_id) for key in body.series]
    series, missing = await runtime.reader.run(lambda connection: named_series(connection, active, keys))
    if missing:
        raise ApiError(
            "unknown-series",
            f"{len(missing)} of the series are not forecast. The served ones: /forecast/items.",
            errors=[
                FieldProblem(field="series", message=f"'{item}' is not forecast in '{store}'", allowed=None)
                for store, item in missing[:50]
            ],
        )
    return _stream(request, runtime, active, series, quantiles, media_type, None)


def _stream(
    request: Request,
    runtime: Runtime,
    active: Active,
    series: Series,
    quantiles: tuple[str, ...],
    media_type: str,
    etag: str | None,
) -> Response:
    """The streamed response. Runs and overrides are fixed at the start, so all rows are consistent."""
    encoder = ENCODERS[media_type](quantiles)
    # the size is not yet known: about 3 kB per series
    coding = coding_of(request, runtime, 3_000 * len(series))
    headers = {"Cache-Control": "no-store"}
    if etag is not None:
        headers = validated_headers(runtime, encoded_etag(etag, coding))
    compressor = None
    if coding == "gzip":
        headers["Content-Encoding"] = "gzip"
        compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    pieces = _pieces(runtime, active, series, quantiles, encoder, compressor)
    return StreamingResponse(pieces, headers=headers, media_type=media_type)


async def _pieces(
    runtime: Runtime,
    active: Active,
    series: Series,
    quantiles: tuple[str, ...],
    encoder: Encoder,
    compressor: zlib._Compress | None,
) -> AsyncIterator[bytes]:
    """Encoded chunks, read, encoded and compressed in a thread, so the event loop stays free."""

    def coded(piece: bytes) -> bytes:
        return piece if compressor is None else compressor.compress(piece)

    if head := coded(encoder.start()):
        yield head
    for portion in portions(series):

        def encoded(connection: Connection, portion: Portion = portion) -> bytes:
            return coded(encoder.portion(read_portion(connection, active, portion, quantiles)))

        if piece := await runtime.reader.run(encoded):
            yield piece
    tail = coded(encoder.end()) + (b"" if compressor is None else compressor.flush())
    if tail:
        yield tail
