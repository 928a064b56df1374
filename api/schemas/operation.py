"""Health and readiness."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Schema


class Entry(Schema):
    """Entry point."""

    title: str = "Retail demand forecasts"
    version: str = Field(description="Version of the API.", examples=["0.1.0"])
    documentation: str = Field("/docs", description="Interactive reference.")
    openapi: str = Field("/openapi.json", description="OpenAPI document, for client generators.")
    served: str = Field("/model/status", description="Served runs.")
    stores: str = Field("/stores", description="Served stores and departments.")
    items: str = Field("/forecast/items", description="Search of items.")
    forecast: str = Field("/forecast?item_id={item_id}&store_id={store_id}", description="Forecast of a series.")
    ready: str = Field("/ready", description="Readiness.")


class Health(Schema):
    """Liveness of the process, regardless of the store."""

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
    """Readiness; a stale run is only a warning, because an old forecast is better than none."""

    status: Literal["ready", "stale", "not_ready"]
    checks: list[Check]
