"""Health and readiness."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Schema


class Entry(Schema):
    """Where to begin."""

    title: str = "Retail demand forecasts"
    version: str = Field(description="Version of the API.", examples=["0.1.0"])
    documentation: str = Field("/docs", description="Reference, where requests can be tried.")
    openapi: str = Field("/openapi.json", description="The contract, for tools that generate clients.")
    served: str = Field("/model/status", description="Which runs are served.")
    stores: str = Field("/stores", description="Stores and departments that can be asked for.")
    items: str = Field("/forecast/items", description="Items that can be asked for.")
    forecast: str = Field("/forecast?item_id={item_id}&store_id={store_id}", description="Forecast of a series.")
    ready: str = Field("/ready", description="Whether forecasts can be served.")


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
