"""Shared by writing routes: the caller, authorisation and idempotency keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import BaseModel

from api.answers import to_json
from api.errors import ApiError, one_field

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes a request safe to retry: the same key from the same caller has no second effect.",
    ),
]


def author_of(request: Request, given: str | None) -> str:
    """The recorded author: the body's author with the authenticated name; without authentication, the body's alone.

    Raises:
        ApiError: the caller may not write (`forbidden`), or no author is given (`invalid-request`).
    """
    name = request.scope["state"].get("caller")
    if name is None:
        if given is None:
            raise one_field("invalid-request", "author", "an author is required while authentication is off")
        return given
    writer_of(request)
    return name if given is None else f"{given} (by {name})"


def writer_of(request: Request) -> str:
    """The authenticated name of the caller, or `unknown` if authentication is off.

    Raises:
        ApiError: the caller may not write (kind `forbidden`).
    """
    state = request.scope["state"]
    name: str | None = state.get("caller")
    if name is not None and not state["may_write"]:
        raise ApiError(
            "forbidden", f"{name} may only read. DEMAND_API_WRITERS names the keys, roles or scopes that may write."
        )
    return name or "unknown"


def key_of(request: Request, given: str | None) -> str | None:
    """The stored idempotency key of a request; it depends on the caller and path."""
    state = request.scope["state"]
    return None if given is None else f"{state.get('caller')}|{request.url.path}|{given}"


def written(model: BaseModel, status: int = 200, location: str | None = None) -> Response:
    """A response that must not be cached."""
    headers = {"Cache-Control": "no-store"} | ({"Location": location} if location else {})
    return Response(to_json(model), status, headers, "application/json")
