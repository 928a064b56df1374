"""The OpenAPI document: FastAPI's, plus the problem schema and authentication."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import __version__
from api.auth import KEY_HEADER, PUBLIC_PATHS
from api.schemas.overrides import OverridesRequest
from api.schemas.problems import Problem
from api.schemas.replenishment import StockRequest, SupplyRequest

DESCRIPTION = """The served demand forecasts.

Every response names the run that it comes from. A client may cache a response but must revalidate it
(`If-None-Match`): the first request after a publish sees the new run. Errors are `application/problem+json` with a
stable `type`.
"""


def describe(app: FastAPI, auth: str) -> dict[str, Any]:
    """The document, built once; it requires a key only if `auth` is `on`."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(
        title="Retail demand forecasts",
        version=__version__,
        summary="Mean and quantiles by item, store and day, and all aggregates.",
        description=DESCRIPTION,
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in problem.pop("$defs", {}).items():
        schemas[name] = schema
    schemas["Problem"] = problem
    # bodies that routes parse themselves
    for model in (OverridesRequest, StockRequest, SupplyRequest):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        # models that responses also use are described by FastAPI
        schemas.update({name: one for name, one in schema.pop("$defs").items() if name not in schemas})
        schemas[model.__name__] = schema
    # FastAPI's own error schemas are never returned
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
