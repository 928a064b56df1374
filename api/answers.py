"""Builds responses: validators, cached bodies, compression, and one set of runs per response."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import orjson
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from api.active import Active, read_active
from api.cache import CachedBody, body_etag, encoded_etag, matches, run_etag
from api.errors import ApiError
from api.negotiation import accepts_gzip
from api.settings import ApiSettings

if TYPE_CHECKING:
    from api.runtime import Runtime

T = TypeVar("T")

_ATTEMPTS = 5
Build = Callable[[Connection, Active], BaseModel]
"""Reads the pointed-to rows and builds a response."""
VARY = "Accept, Accept-Encoding, Authorization, X-API-Key"


def to_json(model: BaseModel) -> bytes:
    """A model as JSON (NaN and infinity do not exist there and become null)."""
    return orjson.dumps(model.model_dump(mode="json"))


def coding_of(request: Request, runtime: Runtime, size: int) -> str:
    """`gzip` for a large body if the client accepts it, else `identity`."""
    if size >= runtime.settings.gzip_min_bytes and accepts_gzip(request.headers.get("accept-encoding")):
        return "gzip"
    return "identity"


def cache_control(settings: ApiSettings) -> str:
    """Cacheable with revalidation: the next request after a publish sees the publish."""
    # a shared cache must not serve one caller's response to another
    scope = "private, " if settings.auth == "on" else ""
    return f"{scope}no-cache, must-revalidate"


def validated_headers(runtime: Runtime, etag: str) -> dict[str, str]:
    """Headers of a response that a client may cache but must revalidate."""
    return {"ETag": etag, "Cache-Control": cache_control(runtime.settings), "Vary": VARY}


def not_modified(request: Request, runtime: Runtime, etag: str) -> Response | None:
    """304 if the client already has this response, in either coding."""
    if_none_match = request.headers.get("if-none-match")
    if if_none_match:
        for held in (etag, encoded_etag(etag, "gzip")):
            if matches(if_none_match, held):
                return Response(status_code=304, headers=validated_headers(runtime, held))
    return None


def respond(request: Request, runtime: Runtime, content: CachedBody, etag: str) -> Response:
    """The body in the coding that suits the client, or 304."""
    fresh = not_modified(request, runtime, etag)
    if fresh is not None:
        return fresh
    coding = coding_of(request, runtime, len(content.body))
    validator = encoded_etag(etag, coding)
    headers = validated_headers(runtime, validator)
    if (request.headers.get("if-none-match") or "").strip() == "*":
        return Response(status_code=304, headers=headers)
    if coding == "identity":
        return Response(content.body, headers=headers, media_type=content.media_type)
    headers["Content-Encoding"] = coding
    return Response(content.compressed, headers=headers, media_type=content.media_type)


def read_whole(connection: Connection, build: Callable[[Connection, Active], T]) -> tuple[Active, T]:
    """Call `build` on a consistent snapshot of pointers and rows.

    A SQLite transaction sees one snapshot. On a server each statement may see newer data, so everything is read again
    if a pointer or an override changed in between.

    Raises:
        ApiError: pointers moved at every attempt (kind `busy`).
    """
    for _ in range(_ATTEMPTS):
        active = read_active(connection)
        model = build(connection, active)
        if read_active(connection).token == active.token:
            return active, model
    raise ApiError("busy", "Runs are being published one after another. Try again.", headers={"Retry-After": "1"})


async def answer_from_active(request: Request, runtime: Runtime, build: Build) -> Response:
    """A response determined by the active runs and overrides; cached until one of them changes."""
    path, query = request.url.path, request.url.query
    active = await runtime.reader.active()
    fresh = not_modified(request, runtime, run_etag(active.token, path, query))
    if fresh is not None:
        return fresh
    content = runtime.cache.get((active.token, path, query))
    if content is None:
        runtime.metrics.cache_misses.inc()
        active, model = await runtime.reader.run(lambda connection: read_whole(connection, build))
        content = CachedBody(to_json(model))
        runtime.cache.put((active.token, path, query), content)
    else:
        runtime.metrics.cache_hits.inc()
    return respond(request, runtime, content, run_etag(active.token, path, query))


async def answer_from_ledger(request: Request, runtime: Runtime, build: Build) -> Response:
    """A response that can change without a pointer move: read each time, validated by its bytes."""
    _, model = await runtime.reader.run(lambda connection: read_whole(connection, build))
    content = CachedBody(to_json(model))
    return respond(request, runtime, content, body_etag(content.body))


def require_published(active: Active) -> None:
    """Fail if no run is served.

    Raises:
        ApiError: kind `nothing-published`.
    """
    if not active.by_store:
        raise ApiError("nothing-published", "No run is served yet. Publish a run: demand run.")
