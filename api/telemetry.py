"""Logs as JSON lines, Prometheus metrics, and OpenTelemetry traces if an exporter is configured."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp

from api import __version__
from models_ml.errors import InputError

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST


def _orjson_text(value: Mapping[str, Any], default: Any = str, **_: Any) -> bytes:
    return orjson.dumps(value, default=default)


def configure_logging() -> None:
    """structlog to standard output, one JSON object per line; uvicorn's lines have the same format."""
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
    """uvicorn's `log_config`: JSON lines, without its access log, which ours replaces."""
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


_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_FLUSH_SECONDS = 0.5
_LOG_BUFFER_LINES = 500


class _Tally:
    """A plain counter for requests; flushed into the metrics."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending = 0

    def inc(self) -> None:
        """One more."""
        self.pending += 1

    def take(self) -> int:
        """The count since the last call."""
        taken, self.pending = self.pending, 0
        return taken


class Metrics:
    """Prometheus metrics, aggregated over workers with `PROMETHEUS_MULTIPROC_DIR`.

    Requests update plain counters, which are flushed to Prometheus twice a second and before each scrape: a Prometheus
    counter takes 5 microseconds and, with several workers, writes to a shared file.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._several = MULTIPROCESS_VARIABLE in os.environ
        registry = self.registry
        self._requests = Counter(
            "demand_api_requests_total", "Answers.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "demand_api_request_seconds",
            "Time to the end of the response.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._in_progress = Gauge(
            "demand_api_requests_in_progress", "Requests in progress.", registry=registry, multiprocess_mode="livesum"
        )
        self._tallies = {
            name: (_Tally(), Counter(f"demand_api_{name}_total", text, registry=registry))
            for name, text in (
                ("cache_hits", "Bodies served from the cache."),
                ("cache_misses", "Bodies built."),
                ("store_faults", "Responses that failed because of the store."),
            )
        }
        self.cache_hits = self._tallies["cache_hits"][0]
        self.cache_misses = self._tallies["cache_misses"][0]
        self.store_faults = self._tallies["store_faults"][0]
        self.in_progress = 0
        self._pending: dict[tuple[str, str, int], list[float]] = {}
        build = Gauge(
            "demand_api_info",
            "Always 1; the label is the version.",
            ["version"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a response."""
        key = (method, route, status)
        pending = self._pending.get(key)
        if pending is None:
            # one entry per bucket, then the sum
            pending = self._pending[key] = [0.0] * (len(_BUCKETS) + 2)
        pending[bisect_left(_BUCKETS, seconds)] += 1
        pending[-1] += seconds

    def flush(self) -> None:
        """Flush the counts since the last call."""
        self._in_progress.set(self.in_progress)
        for tally, counter in self._tallies.values():
            counter.inc(tally.take())
        pending, self._pending = self._pending, {}
        for (method, route, status), figures in pending.items():
            self._requests.labels(method, route, str(status)).inc(sum(figures[:-1]))
            # the public API takes one observation at a time
            histogram = self._seconds.labels(route)
            histogram._sum.inc(figures[-1])
            for bucket, count in zip(histogram._buckets, figures, strict=False):
                if count:
                    bucket.inc(count)

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Flush twice a second, so that scrapes of other workers include this one."""
        with _every(_FLUSH_SECONDS, self.flush):
            yield

    def text(self) -> bytes:
        """The exposition of all workers' metrics."""
        self.flush()
        if not self._several:
            return render(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return render(together)


class AccessLog:
    """One JSON line per request, written twice a second: a system call per request would cost more than a response."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[bytes] = []

    def write(self, line: Mapping[str, Any]) -> None:
        """Buffer a line; an error flushes the buffer at once."""
        self._lines.append(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
        if line["level"] == "error" or len(self._lines) >= _LOG_BUFFER_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the buffer."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._stream.write(b"".join(lines).decode())
            self._stream.flush()

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Flush twice a second and at shutdown."""
        with _every(_FLUSH_SECONDS, self.flush):
            yield


@contextmanager
def _every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Run `call` periodically on the event loop, and once at the end."""

    async def for_ever() -> None:
        while True:
            await asyncio.sleep(seconds)
            call()

    task = asyncio.create_task(for_ever())
    try:
        yield
    finally:
        task.cancel()
        call()


APPLICATION_INSIGHTS_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_OTLP_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wants_tracing(environment: Mapping[str, str]) -> bool:
    """Whether the environment configures traces: an OTLP collector, Application Insights, or both."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(environment.get(name) for name in (*_OTLP_VARIABLES, APPLICATION_INSIGHTS_VARIABLE))


def make_tracer_provider() -> Any:
    """The tracer provider for the variables that `wants_tracing` reads; not installed globally.

    The exporter authenticates to Application Insights with azure-identity's default chain.

    Raises:
        InputError: a library of the extra `otel` or `azure` is missing, or the connection string is malformed.
    """
    name = os.environ.get("OTEL_SERVICE_NAME", "demand-api")
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        if any(os.environ.get(variable) for variable in _OTLP_VARIABLES):
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        if os.environ.get(APPLICATION_INSIGHTS_VARIABLE):
            provider.add_span_processor(BatchSpanProcessor(_application_insights(provider)))
    except ImportError as error:
        raise InputError(
            f"OTEL_* or {APPLICATION_INSIGHTS_VARIABLE} is set and {error.name} is not installed. "
            "Install it: pip install 'retail-demand[azure,otel]', or unset them."
        ) from None
    return provider


def _application_insights(provider: Any) -> Any:
    # A closed network blocks the exporter's own usage reports.
    for reports in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
        os.environ.setdefault(f"APPLICATIONINSIGHTS_{reports}", "true")
    from azure.identity import DefaultAzureCredential
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

    try:
        return AzureMonitorTraceExporter(
            connection_string=os.environ[APPLICATION_INSIGHTS_VARIABLE],
            credential=DefaultAzureCredential(),
            disable_offline_storage=True,
            tracer_provider=provider,
        )
    except ValueError as error:
        raise InputError(f"{APPLICATION_INSIGHTS_VARIABLE} cannot be read: {error}") from None


def traced(app: ASGIApp, provider: Any) -> ASGIApp:
    """`app` with one span per request, except probes and scrapes."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.util.http import parse_excluded_urls

    layer: ASGIApp = OpenTelemetryMiddleware(
        app, tracer_provider=provider, excluded_urls=parse_excluded_urls("/health,/ready,/metrics")
    )
    return layer
