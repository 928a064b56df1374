"""Health and readiness."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Schema


class Health(Schema):
    """The process runs; says nothing about the store."""

    status: Literal["ok"] = "ok"
    version: str = Field(description="Version of the API.", examples=["0.1.0"])
    auth: Literal["on", "off"] = Field(description="`off` is for a demo only.")
    started_at: AwareDatetime


class Check(Schema):
    """One readiness check."""

    name: Literal["store", "migrations", "active_run", "age"]
    status: Literal["ok", "warning", "failed"]
    detail: str


class Readiness(Schema):
    """Whether forecasts can be served; a run that is too old is a warning, because old beats none."""

    status: Literal["ready", "stale", "not_ready"]
    checks: list[Check]
