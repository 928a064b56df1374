"""Logs as JSON lines, Prometheus metrics, and OpenTelemetry when its variables are set."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from prometheus_client.multiprocess import MultiProcessCollector

from api import __version__
from models_ml.errors import InputError

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST


def _orjson_text(value: Mapping[str, Any], default: Any = str, **_: Any) -> bytes:
    return orjson.dumps(value, default=default)


def configure_logging() -> None:
    """structlog to standard output, one JSON object a line; uvicorn's own lines take the same form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_orjson_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )


def logging_config() -> dict[str, Any]:
    """uvicorn's `log_config`: its lines as JSON too, and none of its access log, which ours replaces."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": [
                    structlog.stdlib.add_log_level,
                    structlog.stdlib.add_logger_name,
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                ],
            }
        },
        "handlers": {"default": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "loggers": {
            "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
            "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
    }


class Metrics:
    """What Prometheus scrapes. With several workers, `PROMETHEUS_MULTIPROC_DIR` adds them up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._several = MULTIPROCESS_VARIABLE in os.environ
        registry = self.registry
        self.requests = Counter(
            "demand_api_requests_total", "Answers.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "demand_api_request_seconds",
            "Time to the end of the answer.",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=registry,
        )
        self.in_progress = Gauge(
            "demand_api_requests_in_progress",
            "Requests in work.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.cache_hits = Counter("demand_api_cache_hits_total", "Bodies from memory.", registry=registry)
        self.cache_misses = Counter("demand_api_cache_misses_total", "Bodies made.", registry=registry)
        self.store_faults = Counter(
            "demand_api_store_faults_total", "Answers that the store could not give.", registry=registry
        )
        build = Gauge(
            "demand_api_info",
            "Always 1; the label is the version.",
            ["version"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            children = (self.requests.labels(method, route, str(status)), self.seconds.labels(route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def text(self) -> bytes:
        """The exposition of all workers' figures."""
        if not self._several:
            return render(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return render(together)


def wants_tracing(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry is told where to send traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(
        environment.get(name)
        for name in (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_TRACES_EXPORTER",
        )
    )


def install_tracing(app: FastAPI) -> None:
    """Send a span a request, by the standard `OTEL_*` variables.

    Raises:
        InputError: the variables are set and the extra `otel` is not installed.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InputError(
            f"OTEL_* variables are set and {error.name} is not installed. "
            "Install it: pip install 'retail-demand[otel]', or unset them."
        ) from None
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "demand-api")})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls="health,ready,metrics")
