"""The OpenAPI document: what FastAPI derives, plus the problem schema and who may ask."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import __version__
from api.auth import KEY_HEADER, PUBLIC_PATHS
from api.schemas.overrides import OverridesRequest
from api.schemas.problems import Problem
from api.schemas.replenishment import StockRequest, SupplyRequest

DESCRIPTION = """Demand forecasts as they are served now.

Every answer names the run that it comes from. A client may keep an answer and must ask each time whether it is
still good (`If-None-Match`): the request after a publish sees the new run. Errors are `application/problem+json`
with a `type` that never changes its meaning.
"""


def describe(app: FastAPI, auth: str) -> dict[str, Any]:
    """The document, made once; it asks for a key only where one is needed (`auth` is `on`)."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(
        title="Retail demand forecasts",
        version=__version__,
        summary="Mean and quantiles by item, store and day, and all sums above them.",
        description=DESCRIPTION,
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in problem.pop("$defs", {}).items():
        schemas[name] = schema
    schemas["Problem"] = problem
    # bodies that a route parses itself
    for model in (OverridesRequest, StockRequest, SupplyRequest):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        # a model that an answer has, too, is described by FastAPI
        schemas.update({name: one for name, one in schema.pop("$defs").items() if name not in schemas})
        schemas[model.__name__] = schema
    # FastAPI's own error shapes are never answered
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    if auth == "off":
        app.openapi_schema = document
        return document
    components["securitySchemes"] = {
        "apiKey": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
        "entraId": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in PUBLIC_PATHS else [{"apiKey": []}, {"entraId": []}]
    app.openapi_schema = document
    return document
