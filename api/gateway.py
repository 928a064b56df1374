"""The outermost layer: request ids, authentication, limits, logs and metrics for every request."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import PUBLIC_PATHS
from api.errors import MEDIA_TYPE, ApiError, from_store_fault, problem_body
from api.runtime import Runtime
from models_ml.errors import StoreError

_REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")
_ID_PREFIX = os.urandom(5).hex()
_ID_COUNTER = itertools.count(1)
_LOGGED_QUERY_BYTES = 300
_LOG = structlog.get_logger("api")


class _Exchange:
    """Data of one request for its log line and metrics."""

    __slots__ = (
        "authorization",
        "body_bytes",
        "content_length",
        "finished",
        "key",
        "request_id",
        "sent_bytes",
        "status",
    )

    def __init__(self, scope: Scope) -> None:
        self.status = 0
        self.sent_bytes = 0
        self.finished = False
        self.body_bytes = 0
        self.key: str | None = None
        self.authorization: str | None = None
        self.content_length: bytes | None = None
        request_id = b""
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                self.key = value.decode("latin-1")
            elif name == b"authorization":
                self.authorization = value.decode("latin-1")
            elif name == b"x-request-id":
                request_id = value
            elif name == b"content-length":
                self.content_length = value
        # a client's id is used only if it cannot forge a log line
        self.request_id = (
            request_id.decode() if _REQUEST_ID.match(request_id) else f"{_ID_PREFIX}{next(_ID_COUNTER):06x}"
        )


class _ContentLeftOutError(Exception):
    """Ends a route after the headers of a HEAD response are sent."""


def _without_content(send: Send) -> Send:
    async def headers_only(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise _ContentLeftOutError

    return headers_only


class Gateway:
    """ASGI middleware that denies by default: a new route needs a key unless its path is public."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._in_progress = 0
        self._log_all = runtime.settings.access_log == "all"
        self._max_body = runtime.settings.max_body_bytes
        self._max_concurrency = runtime.settings.max_concurrency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = _Exchange(scope)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        if scope["method"] == "HEAD":
            # RFC 9110, 9.3.2: as GET, without the content
            scope, send = {**scope, "method": "GET"}, _without_content(send)
        self._in_progress += 1
        self._runtime.metrics.in_progress = self._in_progress
        try:
            await self._admit(scope, receive, send, exchange)
        finally:
            self._in_progress -= 1
            self._runtime.metrics.in_progress = self._in_progress
            self._record(scope, exchange, time.perf_counter() - began)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, exchange: _Exchange) -> None:
        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", exchange.request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            else:
                exchange.sent_bytes += len(message.get("body", b""))
                exchange.finished = not message.get("more_body", False)
            await send(message)

        async def limited_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.body_bytes += len(message.get("body", b""))
                if exchange.body_bytes > self._max_body:
                    # the only kind of error that FastAPI lets through while it reads a body
                    raise HTTPException(413, self._too_large().detail)
            return message

        try:
            self._check_limits(exchange)
            await self._check_caller(scope, exchange)
            await self._app(scope, limited_receive, counted_send)
            return
        except _ContentLeftOutError:
            return
        except ApiError as error:
            problem = error
        except (SQLAlchemyError, StoreError, sqlite3.Error) as error:
            scope["state"]["fault"] = repr(error)
            problem = from_store_fault(error)
        except Exception:
            _LOG.exception("fault", request_id=exchange.request_id, path=scope["path"])
            problem = ApiError("internal", "The error is logged under this request id.")
        if exchange.finished:
            return
        if exchange.status:
            # part of the response was sent: aborting is the only way to signal that it is incomplete
            exchange.status = 599
            raise ConnectionAbortedError(problem.detail)
        await self._answer(scope, counted_send, problem, exchange)

    def _check_limits(self, exchange: _Exchange) -> None:
        if self._in_progress > self._max_concurrency:
            raise ApiError(
                "busy",
                f"More than {self._max_concurrency} requests at once. Try again.",
                headers={"Retry-After": "1"},
            )
        length = exchange.content_length
        if length is not None and length.isdigit() and int(length) > self._max_body:
            raise self._too_large()

    def _too_large(self) -> ApiError:
        return ApiError(
            "body-too-large",
            f"At most {self._max_body} bytes are accepted. Split the request.",
            headers={"Connection": "close"},
        )

    async def _check_caller(self, scope: Scope, exchange: _Exchange) -> None:
        authenticator = self._runtime.authenticator
        if not authenticator.required or scope["path"] in PUBLIC_PATHS:
            return
        who = authenticator.at_once(exchange.key, exchange.authorization)
        if who is None:
            who = await authenticator.by_token(exchange.authorization)
        scope["state"]["caller"] = who.name
        scope["state"]["may_write"] = who.may_write

    async def _answer(self, scope: Scope, send: Send, problem: ApiError, exchange: _Exchange) -> None:
        body = problem_body(problem, scope["path"], exchange.request_id)
        headers = {"Cache-Control": "no-store", **problem.headers}
        await send(
            {
                "type": "http.response.start",
                "status": problem.status,
                "headers": [
                    (b"content-type", MEDIA_TYPE.encode()),
                    (b"content-length", b"%d" % len(body)),
                    *((name.lower().encode(), value.encode()) for name, value in headers.items()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})

    def _record(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        route: Any = scope.get("route")
        path: str = scope["path"]
        # a bounded set of labels: all other paths share one
        template = getattr(route, "path", None) or (path if path == "/forecast" else "other")
        status = exchange.status or 499
        self._runtime.metrics.observe(scope["method"], template, status, seconds)
        state = scope["state"]
        if "fault" in state:
            self._runtime.metrics.store_faults.inc()
        if self._log_all or status >= 400:
            client = scope.get("client")
            self._runtime.access_log.write(
                {
                    "event": "request",
                    "level": "error" if status >= 500 else "info",
                    "method": scope["method"],
                    "path": path,
                    "query": scope["query_string"][:_LOGGED_QUERY_BYTES].decode("latin-1"),
                    "status": status,
                    "milliseconds": round(seconds * 1000, 2),
                    "bytes": exchange.sent_bytes,
                    "client": client[0] if client else None,
                    "caller": state.get("caller"),
                    "request_id": exchange.request_id,
                    "fault": state.get("fault"),
                    "timestamp": datetime.now(UTC),
                }
            )


class Deadline:
    """ASGI middleware that times out if no response has started; long downloads are allowed."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a time limit for the first byte.

        Raises:
            ApiError: no response started in time (kind `timeout`).
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def watched_send(message: Message) -> None:
            timer.reschedule(None)
            await send(message)

        timer = asyncio.timeout(self._seconds)
        try:
            async with timer:
                await self._app(scope, receive, watched_send)
        except TimeoutError:
            if not timer.expired():
                raise
            raise ApiError(
                "timeout",
                f"No response within {self._seconds:g} s. Request less, or try again.",
                headers={"Retry-After": "5"},
            ) from None
