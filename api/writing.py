"""What routes that write share: who asks, whether they may, and how a repeated request is known."""

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
        description="Makes a request safe to repeat: the same key from the same caller makes nothing twice.",
    ),
]


def author_of(request: Request, given: str | None) -> str:
    """Who is recorded: the authenticated name, with what the body says before it; alone where nobody is asked.

    Raises:
        ApiError: the caller may not write (`forbidden`), or nobody is named (`invalid-request`).
    """
    name = request.scope["state"].get("caller")
    if name is None:
        if given is None:
            raise one_field("invalid-request", "author", "say who asks: authentication is off, so nobody else does")
        return given
    writer_of(request)
    return name if given is None else f"{given} (by {name})"


def writer_of(request: Request) -> str:
    """The authenticated name of who writes, or `unknown` where authentication is off.

    Raises:
        ApiError: the caller may not write (kind `forbidden`).
    """
    state = request.scope["state"]
    name: str | None = state.get("caller")
    if name is not None and not state["may_write"]:
        raise ApiError(
            "forbidden", f"{name} may read only. Who may write is named in DEMAND_API_WRITERS: keys, roles or scopes."
        )
    return name or "unknown"


def key_of(request: Request, given: str | None) -> str | None:
    """The ledger's key of a request: that of another caller or path is another one."""
    state = request.scope["state"]
    return None if given is None else f"{state.get('caller')}|{request.url.path}|{given}"


def written(model: BaseModel, status: int = 200, location: str | None = None) -> Response:
    """An answer that is not to be kept."""
    headers = {"Cache-Control": "no-store"} | ({"Location": location} if location else {})
    return Response(to_json(model), status, headers, "application/json")
