"""Errors, as RFC 9457 shapes them."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Schema


class FieldProblem(Schema):
    """One thing that is wrong with a request."""

    field: str = Field(description="Parameter, header or place in the body.", examples=["quantiles"])
    message: str = Field(examples=["0.9 is not stored"])
    allowed: list[str] | None = Field(None, description="What would be accepted, when it can be listed.")


class Problem(Schema):
    """An error as RFC 9457 has it; `type` never changes its meaning."""

    type: str = Field(examples=["urn:retail-demand:problem:unknown-item"])
    title: str = Field(examples=["Unknown item"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = Field(description="What was wrong and what to do.")
    instance: str = Field(description="Path that was asked for.", examples=["/forecast"])
    request_id: str = Field(description="The same id is in the header X-Request-ID and in the logs.")
    errors: list[FieldProblem] = Field(default_factory=list)
