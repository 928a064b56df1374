"""Errors as RFC 9457 problems."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Schema


class FieldProblem(Schema):
    """One error of a request."""

    field: str = Field(description="Parameter, header or location in the body.", examples=["quantiles"])
    message: str = Field(examples=["0.9 is not stored"])
    allowed: list[str] | None = Field(None, description="Accepted values, if they can be listed.")


class Problem(Schema):
    """An RFC 9457 problem; `type` is stable."""

    type: str = Field(examples=["urn:retail-demand:problem:unknown-item"])
    title: str = Field(examples=["Unknown item"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = Field(description="What is wrong and what to do.")
    instance: str = Field(description="Requested path.", examples=["/forecast"])
    request_id: str = Field(description="The same id is in the header X-Request-ID and in the logs.")
    errors: list[FieldProblem] = Field(default_factory=list)
