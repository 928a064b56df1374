"""Prometheus metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import RuntimeDep
from api.errors import openapi_responses
from api.telemetry import METRICS_MEDIA_TYPE

router = APIRouter(tags=["operation"])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **openapi_responses("unauthorized", "forbidden", "not-acceptable", "busy", "internal"),
    },
)
async def metrics(runtime: RuntimeDep) -> Response:
    """Requests, latencies, cache use and store failures of all workers."""
    return Response(runtime.metrics.text(), headers={"Cache-Control": "no-store"}, media_type=METRICS_MEDIA_TYPE)
