"""From a question to bytes: validators, cached bodies, compression, and one set of runs per answer."""

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
"""Reads what the pointers point at, and makes an answer of it."""
VARY = "Accept, Accept-Encoding, Authorization, X-API-Key"


def to_json(model: BaseModel) -> bytes:
    """A model as JSON (NaN and infinity do not exist there and become null)."""
    return orjson.dumps(model.model_dump(mode="json"))


def coding_of(request: Request, runtime: Runtime, size: int) -> str:
    """`gzip` for a large body that the client takes compressed, else `identity`."""
    if size >= runtime.settings.gzip_min_bytes and accepts_gzip(request.headers.get("accept-encoding")):
        return "gzip"
    return "identity"


def cache_control(settings: ApiSettings) -> str:
    """Keep it, and ask each time: the next request after a publish sees the publish."""
    # a shared cache must not hand one caller's answer to another
    scope = "private, " if settings.auth == "on" else ""
    return f"{scope}no-cache, must-revalidate"


def validated_headers(runtime: Runtime, etag: str) -> dict[str, str]:
    """Headers of an answer that a client may keep but has to ask about each time."""
    return {"ETag": etag, "Cache-Control": cache_control(runtime.settings), "Vary": VARY}


def not_modified(request: Request, runtime: Runtime, etag: str) -> Response | None:
    """304 when the client has this answer already, in either coding."""
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
    """What `build` makes of the pointers and rows of one moment.

    One transaction of SQLite sees one moment. On a server each statement may see a newer one, so it is read
    again when a pointer moved, or an override was made, meanwhile.

    Raises:
        ApiError: pointers moved each time (kind `busy`).
    """
    for _ in range(_ATTEMPTS):
        active = read_active(connection)
        model = build(connection, active)
        if read_active(connection).token == active.token:
            return active, model
    raise ApiError("busy", "Runs are being published one after another. Try again.", headers={"Retry-After": "1"})


async def answer_from_active(request: Request, runtime: Runtime, build: Build) -> Response:
    """An answer that follows from the active runs and the overrides: kept in memory until one of them changes."""
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
    """An answer that can change without a pointer moving: read anew each time, validated by its bytes."""
    _, model = await runtime.reader.run(lambda connection: read_whole(connection, build))
    content = CachedBody(to_json(model))
    return respond(request, runtime, content, body_etag(content.body))


def require_published(active: Active) -> None:
    """Refuse when no run is served.

    Raises:
        ApiError: kind `nothing-published`.
    """
    if not active.by_store:
        raise ApiError("nothing-published", "No run is served yet. Publish one: demand run.")
