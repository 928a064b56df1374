"""Content negotiation: media types and codings (RFC 9110, section 12)."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from fastapi.routing import APIRoute

from api.errors import one_field

JSON = "application/json"


async def negotiated(request: Request) -> None:
    """Dependency of every route: reject requests whose Accept or Content-Type the route does not support.

    Raises:
        ApiError: kinds `not-acceptable`, `unsupported-media-type`.
    """
    route = request.scope["route"]
    offered, accepted = _media_types(route)
    if offered:
        choose_media_type(request.headers.get("accept"), offered)
    if accepted and request.headers.get("content-length") != "0":
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in accepted:
            raise one_field("unsupported-media-type", "Content-Type", f"'{given[:100]}' is not accepted", accepted)


def _media_types(route: APIRoute) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Media types of a documented route's responses and of its request body."""
    if not route.include_in_schema:
        return (), ()
    content = route.responses.get(200, {}).get("content", {})
    offered = ((JSON,) if route.response_model is not None else ()) + tuple(content)
    described = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return offered, tuple(described) or ((JSON,) if route.body_field is not None else ())


def _weights(header: str) -> list[tuple[str, float]]:
    weighted = []
    for part in header.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        if name:
            weighted.append((name.lower(), weight))
    return weighted


def choose_media_type(accept: str | None, offered: Sequence[str]) -> str:
    """The offered type that the header prefers; the first of equals.

    Raises:
        ApiError: the header excludes every offered type (kind `not-acceptable`).
    """
    if not accept or not accept.strip():
        return offered[0]
    weighted = _weights(accept)
    best, best_weight = None, 0.0
    for media_type in offered:
        main = media_type.split("/")[0]
        # the most specific range decides, whatever its weight
        for pattern in (media_type, f"{main}/*", "*/*"):
            weight = next((w for name, w in weighted if name == pattern), None)
            if weight is not None:
                if weight > best_weight:
                    best, best_weight = media_type, weight
                break
    if best is None:
        raise one_field("not-acceptable", "Accept", f"{accept[:100]} is not available", offered)
    return best


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether the client accepts gzip."""
    if not accept_encoding:
        return False
    weights = dict(_weights(accept_encoding))
    return weights.get("gzip", weights.get("*", 0.0)) > 0
