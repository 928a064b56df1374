"""Liveness and readiness."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from api import __version__
from api.deps import RuntimeDep
from api.errors import openapi_responses
from api.runtime import Runtime
from api.schemas.operation import Check, Health, Readiness
from models_ml.errors import StoreError
from models_ml.prediction_store.migrate import current_revision, revisions

router = APIRouter(tags=["operation"])

Fresh = Annotated[bool, Query(description="Also return 503 if the forecast is stale.")]


@router.get(
    "/health",
    operation_id="getHealth",
    summary="Liveness of the process",
    responses=openapi_responses("not-acceptable", "busy", "internal"),
)
async def health(runtime: RuntimeDep, response: Response) -> Health:
    """Liveness of the process; for the store see `/ready`."""
    response.headers["Cache-Control"] = "no-store"
    return Health(version=__version__, auth=runtime.settings.auth, started_at=runtime.started_at)


@router.get(
    "/ready",
    operation_id="getReadiness",
    summary="Readiness to serve forecasts",
    response_model=Readiness,
    responses={
        503: {"description": "Not ready, and why.", "model": Readiness},
        **openapi_responses("not-acceptable", "invalid-request", "internal"),
    },
)
async def ready(runtime: RuntimeDep, fresh: Fresh = False) -> JSONResponse:
    """Checks that the store is reachable and migrated, that a run is served, and its age.

    Old forecasts are a warning (`stale`, 200): they are better than none, and all instances would fail at once. A probe
    that monitors the forecast rather than the instance uses `fresh=true` and gets 503 if it is stale.
    """
    checks = await _checks(runtime)
    failed = any(check.status == "failed" for check in checks)
    stale = any(check.status == "warning" for check in checks)
    answer = Readiness(status="not_ready" if failed else "stale" if stale else "ready", checks=checks)
    code = 503 if failed or (fresh and stale) else 200
    return JSONResponse(answer.model_dump(mode="json"), code, {"Cache-Control": "no-store"})


async def _checks(runtime: Runtime) -> list[Check]:
    """Each check depends on the previous one, so the first failure is the last check."""
    reader = runtime.reader
    try:
        revision = await anyio.to_thread.run_sync(lambda: current_revision(reader.engine()), abandon_on_cancel=True)
    except (StoreError, SQLAlchemyError, sqlite3.Error):
        # the message names paths and servers, which belong in the log only
        return [Check(name="store", status="failed", detail="The prediction store cannot be read.")]
    checks = [Check(name="store", status="ok", detail="The prediction store answers.")]
    newest = _newest_revision()
    if revision != newest:
        detail = f"Schema revision {revision or 'none'}, this version needs {newest}. Run: demand store upgrade."
        return [*checks, Check(name="migrations", status="failed", detail=detail)]
    checks.append(Check(name="migrations", status="ok", detail=f"Schema revision {revision}."))
    active = await reader.active()
    if not active.by_store:
        detail = "No run is served yet. Publish one: demand run."
        return [*checks, Check(name="active_run", status="failed", detail=detail)]
    detail = f"{len(active.by_store)} stores are served from {len(active.runs)} runs."
    checks.append(Check(name="active_run", status="ok", detail=detail))
    oldest = min((run.published_at for run in active.runs if run.published_at is not None), default=None)
    days = 0.0 if oldest is None else (datetime.now(UTC) - oldest) / timedelta(days=1)
    limit = runtime.settings.max_age_days
    checks.append(
        Check(
            name="age",
            status="warning" if days > limit else "ok",
            detail=f"The oldest run was published {days:.1f} days ago; the limit is {limit:g}.",
        )
    )
    return checks


@lru_cache(maxsize=1)
def _newest_revision() -> str:
    return revisions()[-1]
