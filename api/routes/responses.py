"""Error responses shared by most routes."""

from __future__ import annotations

from typing import Any

from api.errors import openapi_responses

READ: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client already has this response (its ETag was in If-None-Match)."},
    **openapi_responses(
        "invalid-request", "unauthorized", "forbidden", "not-acceptable", "busy", "store-unavailable",
        "store-not-migrated", "timeout", "internal",
    ),
}  # fmt: skip
"""Of a route that reads the store."""

POSTED: dict[int | str, dict[str, Any]] = {
    **{status: answer for status, answer in READ.items() if status != 304},
    **openapi_responses("body-too-large", "unsupported-media-type"),
}
"""Of a route that takes a body."""

__all__ = ["POSTED", "READ", "openapi_responses"]
