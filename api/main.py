"""The ASGI application: `uvicorn api.main:app`, or `python -m api` with workers and time-outs set."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from api import __version__, errors, openapi, telemetry
from api.auth import KEY_HEADER, Authenticator
from api.cache import ByteCache
from api.gateway import Deadline, Gateway
from api.negotiation import negotiated
from api.reader import make_reader
from api.routes import (
    accuracy,
    bulk,
    calendar,
    delta,
    departments,
    entry,
    explain,
    forecast,
    health,
    hierarchy,
    history,
    inventory,
    items,
    lineage,
    metrics,
    model,
    monitoring,
    orders,
    overrides,
    places,
    quality,
    scenarios,
    stock,
)
from api.runtime import Runtime
from api.series import SeriesLane
from api.settings import ApiSettings, load_settings
from api.writer import StoreWriter
from models_ml.errors import DemandError

_ROUTES = (
    entry,
    forecast,
    items,
    inventory,
    orders,
    stock,
    departments,
    history,
    bulk,
    delta,
    hierarchy,
    explain,
    lineage,
    places,
    calendar,
    accuracy,
    model,
    quality,
    monitoring,
    scenarios,
    overrides,
    health,
    metrics,
)


class Api(FastAPI):
    """FastAPI inside our own middleware, which sees every request first; plain requests never reach FastAPI."""

    runtime: Runtime
    tracer_provider: Any = None

    def build_middleware_stack(self) -> ASGIApp:
        """Gateway, then the fast path of `/forecast`, then the deadline, then FastAPI's own middleware."""
        settings = self.runtime.settings
        inner: ASGIApp = Deadline(super().build_middleware_stack(), settings.request_timeout_seconds)
        outer: ASGIApp = Gateway(SeriesLane(inner, self.runtime), self.runtime)
        if settings.origins:
            outer = CORSMiddleware(
                outer,
                allow_origins=list(settings.origins),
                allow_methods=["GET", "HEAD", "POST", "PUT"],
                allow_headers=["Authorization", KEY_HEADER, "X-Request-ID", "If-None-Match", "Idempotency-Key"],
                expose_headers=["ETag", "X-Request-ID", "Retry-After", "Location"],
            )
        return outer if self.tracer_provider is None else telemetry.traced(outer, self.tracer_provider)


def create_app(settings: ApiSettings | None = None) -> Api:
    """Create an application with its own reader, cache and metrics.

    Raises:
        InputError: a setting is invalid, or nobody could authenticate.
        StoreError: the kind of the store's URL is unknown. A missing store is not an error.
    """
    settings = settings if settings is not None else load_settings()
    runtime = Runtime(
        settings=settings,
        reader=make_reader(settings),
        writer=StoreWriter(settings),
        cache=ByteCache(settings.cache_bytes),
        authenticator=Authenticator(settings),
        metrics=telemetry.Metrics(),
        access_log=telemetry.AccessLog(sys.stdout),
        started_at=datetime.now(UTC),
    )

    tracer_provider = telemetry.make_tracer_provider() if telemetry.wants_tracing(os.environ) else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        log = structlog.get_logger("api")
        log.info("started", version=__version__, auth=settings.auth, process=os.getpid())
        if settings.auth == "off":
            log.warning(
                "AUTHENTICATION IS OFF: anyone who can reach this address can read everything and override forecasts. "
                "Set DEMAND_API_KEYS_SHA256 or DEMAND_API_ENTRA_*, and leave DEMAND_API_AUTH unset."
            )
        # imported objects live forever: without them a full garbage collection takes a fraction of the time
        gc.collect()
        gc.freeze()
        with runtime.metrics.flushing(), runtime.access_log.flushing():
            yield
        runtime.reader.close()
        runtime.writer.close()
        if tracer_provider is not None:
            tracer_provider.shutdown()
        log.info("stopped", process=os.getpid())

    app = Api(
        title="Retail demand forecasts",
        version=__version__,
        lifespan=lifespan,
        # our own page at /docs serves its files itself; FastAPI's loads them from a CDN
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(negotiated)],
        # FastAPI would redirect a path with a trailing slash instead of returning a problem
        redirect_slashes=False,
        # newer versions of FastAPI query OpenTelemetry three times per request; see `telemetry`
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.runtime = app.state.runtime = runtime
    app.tracer_provider = tracer_provider
    for module in _ROUTES:
        app.include_router(module.router)
    errors.install(app)
    app.openapi = lambda: openapi.describe(app, settings.auth)  # type: ignore[method-assign]

    return app


def __getattr__(name: str) -> FastAPI:
    """`app`, created lazily for uvicorn: importing this module reads no settings."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    telemetry.configure_logging()
    try:
        app = create_app()
    except DemandError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    globals()["app"] = app
    return app
