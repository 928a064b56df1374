"""Errors as RFC 9457 problems, with a stable `type` per kind."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc as sqlalchemy_errors
from starlette.exceptions import HTTPException

from api.schemas.problems import FieldProblem, Problem
from models_ml.errors import StoreError
from models_ml.prediction_store.faults import Fault, fault_of

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:retail-demand:problem:"

TITLES: dict[str, tuple[int, str]] = {
    "invalid-request": (422, "The request is invalid"),
    "unknown-series": (404, "This item is not forecast in this store"),
    "unknown-item": (404, "Unknown item"),
    "unknown-store": (404, "Unknown store"),
    "unknown-node": (404, "Unknown node"),
    "unknown-run": (404, "Unknown run"),
    "unknown-fold": (404, "Unknown fold"),
    "unknown-override": (404, "Unknown override"),
    "already-revoked": (409, "The override is already revoked"),
    "key-reused": (422, "This Idempotency-Key was used for another request"),
    "no-policy": (404, "This run has no ordering policy for this item"),
    "not-explained": (404, "This run does not explain its forecasts"),
    "nothing-published": (404, "Nothing is published yet"),
    "not-found": (404, "Unknown path"),
    "method-not-allowed": (405, "Method not allowed"),
    "not-acceptable": (406, "None of the accepted media types is available"),
    "unauthorized": (401, "Authentication is required"),
    "forbidden": (403, "Not allowed"),
    "body-too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The media type of the body is not supported"),
    "too-many-series": (422, "Too many series for one response"),
    "outside-history": (422, "Outside the range of the history"),
    "unusable-cursor": (409, "The cursor is invalid"),
    "identity-unavailable": (503, "Tokens cannot be validated at the moment"),
    "busy": (503, "Too many requests at once"),
    "store-unavailable": (503, "The prediction store is not available"),
    "store-not-migrated": (503, "The prediction store has another schema"),
    "timeout": (504, "The request timed out"),
    "internal": (500, "Internal error"),
}
"""Kind -> status and title. A kind is never renamed: programs match on it."""

_KIND_OF_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
}


class ApiError(Exception):
    """An error response; `detail` says what is wrong and what to do."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = TITLES[kind]
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


def one_field(kind: str, field: str, message: str, allowed: Sequence[str] | None = None) -> ApiError:
    """An error about one parameter, with the allowed values (at most 50)."""
    shown = list(allowed)[:50] if allowed is not None else None
    text = f"{field}: {message}."
    if shown:
        more = "" if allowed is None or len(allowed) <= 8 else f", … ({len(allowed)} in all)"
        text += " Allowed: " + ", ".join(shown[:8]) + more + "."
    return ApiError(kind, text, errors=[FieldProblem(field=field, message=message, allowed=shown)])


def problem_body(problem: ApiError, path: str, request_id: str) -> bytes:
    """The JSON of a problem."""
    return orjson.dumps(
        Problem(
            type=TYPE_PREFIX + problem.kind,
            title=problem.title,
            status=problem.status,
            detail=problem.detail,
            instance=path,
            request_id=request_id,
            errors=problem.errors,
        ).model_dump()
    )


def problem_response(request: Request, problem: ApiError) -> Response:
    """A problem as the response to `request`."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    return Response(
        problem_body(problem, request.url.path, request_id),
        problem.status,
        {"Cache-Control": "no-store", **problem.headers},
        MEDIA_TYPE,
    )


def from_store_fault(fault: Exception) -> ApiError:
    """The message to the client if the store fails; details go to the log."""
    retry = {"Retry-After": "1"}
    if isinstance(fault, sqlalchemy_errors.TimeoutError):
        return ApiError("busy", "All database connections are in use. Try again.", headers=retry)
    kind = fault_of(fault)
    if kind is Fault.LOCKED:
        return ApiError("store-unavailable", "The prediction store is locked by a writer. Try again.", headers=retry)
    if kind is Fault.OUTDATED:
        return ApiError(
            "store-not-migrated",
            "The prediction store lacks a table or column that this version needs. Run `demand store upgrade`.",
            headers={"Retry-After": "30"},
        )
    return ApiError(
        "store-unavailable",
        "The prediction store cannot be reached. Try again; if the error persists, check /ready.",
        headers={"Retry-After": "5"},
    )


_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "max_length": "characters up to"}


def _bounds(context: Mapping[str, Any]) -> list[str] | None:
    """The accepted values, derived from pydantic's error context."""
    if "expected" in context:
        return [str(context["expected"])]
    return [f"{words} {context[name]}" for name, words in _BOUNDS.items() if name in context] or None


def _validation_problem(error: RequestValidationError) -> ApiError:
    problems = []
    for one in error.errors():
        place = [str(part) for part in one["loc"]]
        field = ".".join(place[1:] if place and place[0] in {"query", "path", "header", "body"} else place)
        allowed = _bounds(one.get("ctx", {}))
        problems.append(FieldProblem(field=field or "body", message=str(one["msg"]), allowed=allowed))
    if any(one["type"] == "json_invalid" for one in error.errors()):
        detail = "The body is not valid JSON."
    else:
        detail = "; ".join(f"{one.field}: {one.message}" for one in problems[:5]) + "."
    return ApiError("invalid-request", detail, errors=problems[:50])


def _methods(app: FastAPI, path: str) -> list[str]:
    """All methods of a path: Starlette names only those of the first matching route."""
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return sorted({method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set()))
    return []


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""

    async def api_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return problem_response(request, error)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(request, _validation_problem(error))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = _KIND_OF_STATUS.get(error.status_code, "invalid-request")
        headers = dict(error.headers or {})
        detail = f"{str(error.detail).rstrip('.')}."
        if kind == "not-found":
            detail = "Unknown path. GET /openapi.json lists all paths."
        elif kind == "method-not-allowed":
            headers["Allow"] = ", ".join(_methods(app, request.url.path)) or headers.get("Allow", "GET, HEAD")
            detail = f"{request.method} is not allowed here. Allowed: {headers['Allow']}."
        return problem_response(request, ApiError(kind, detail, headers=headers))

    async def store(request: Request, error: Exception) -> Response:
        request.scope.setdefault("state", {})["fault"] = repr(error)
        return problem_response(request, from_store_fault(error))

    async def fault(request: Request, _error: Exception) -> Response:
        # the gateway logs the error afterwards
        return problem_response(request, ApiError("internal", "The error is logged under this request id."))

    app.add_exception_handler(Exception, fault)
    app.add_exception_handler(ApiError, api_problem)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(sqlalchemy_errors.SQLAlchemyError, store)
    app.add_exception_handler(StoreError, store)
    app.add_exception_handler(sqlite3.Error, store)


def openapi_responses(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail with these kinds, with an example of each."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = TITLES[kind]
        entry = by_status.setdefault(
            status,
            {
                "description": HTTPStatus(status).phrase,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        entry["content"][MEDIA_TYPE]["examples"][kind] = {
            "summary": title,
            "value": {
                "type": TYPE_PREFIX + kind,
                "title": title,
                "status": status,
                "detail": title + ".",
                "instance": "/forecast",
                "request_id": "5f0c6f7a2a7b4d0c",
                "errors": [],
            },
        }
    return by_status
