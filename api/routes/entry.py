"""The entry point: links, and the interactive reference with local files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

from api import __version__
from api.errors import openapi_responses
from api.schemas.operation import Entry

router = APIRouter(tags=["operation"])


@router.get(
    "/",
    operation_id="getEntry",
    summary="Entry point",
    response_model=Entry,
    responses=openapi_responses("not-acceptable", "busy", "internal"),
)
async def entry(response: Response) -> Entry:
    """Paths of the documentation, the probes and the first requests."""
    response.headers["Cache-Control"] = "no-store"
    return Entry(version=__version__)


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """Swagger UI; keys and tokens entered there stay in the browser."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Retail demand forecasts",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="data:,",
        swagger_ui_parameters={"persistAuthorization": True, "defaultModelsExpandDepth": 0},
    )


@router.get("/docs/{name}", include_in_schema=False)
async def asset(name: Literal["swagger-ui-bundle.js", "swagger-ui.css"]) -> FileResponse:
    """A file of Swagger UI."""
    return FileResponse(Path(str(files("flask_swagger_ui"))) / "dist" / name)
