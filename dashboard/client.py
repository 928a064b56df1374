"""A typed client of the API: time-outs, few retries, readable error messages.

All sessions share one client (httpx pools connections). Nothing is cached here; see `dashboard/data.py`.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import pyarrow as pa
from pydantic import BaseModel, ValidationError

from api import schemas
from models_ml.errors import DemandError

Answer = TypeVar("Answer", bound=BaseModel)
Parameter = str | int | float | bool | None

RETRY_PAUSES_SECONDS = (0.15, 0.4)
"""Pauses before the second and third try of a request."""

CSV, ARROW = "text/csv", "application/vnd.apache.arrow.stream"

WRITTEN_PATHS = ("/override", "/stock", "/inventory/orders")
"""Paths that write, whose refusals say themselves who may."""

_RETRIED_STATUSES = frozenset({502, 503, 504})


class ApiAway(DemandError):  # noqa: N818 - it reads as what happened
    """The API cannot be reached, times out or fails; a later retry may succeed."""


class ApiRefused(DemandError):  # noqa: N818
    """The API rejected the request: unknown item, missing key, nothing published yet.

    Attributes:
        status: HTTP status, 400 to 499.
        kind: `type` of the problem document; empty if there is none.
    """

    def __init__(self, message: str, status: int, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class ApiMismatch(DemandError):  # noqa: N818
    """The response does not match the schema: dashboard and API have different versions."""


class ApiClient:
    """Reads the API's resources.

    Args:
        base_url: address of the API, without a trailing path.
        api_key: sent as `X-API-Key` when given.
        timeout_seconds: time-out of one response (at most two seconds of it for the connection).
        transport: httpx transport, for tests.
        pause: sleeps between tries, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 6.0,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._pause = pause
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={"Accept": "application/json", **({"X-API-Key": api_key} if api_key else {})},
            timeout=httpx.Timeout(timeout_seconds, connect=min(2.0, timeout_seconds)),
            transport=transport,
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    def status(self) -> schemas.ModelStatus:
        """Which runs are served, and how old they are."""
        return self._get(schemas.ModelStatus, "/model/status", {})

    def stores(self) -> schemas.StoreList:
        """Served stores with their departments."""
        return self._get(schemas.StoreList, "/stores", {})

    def departments(self) -> schemas.DepartmentList:
        """Served departments with their categories."""
        return self._get(schemas.DepartmentList, "/departments", {})

    def nodes(self, parameters: Mapping[str, Parameter]) -> schemas.NodePage:
        """Nodes of one level (`level` or `node_id`), with `history_days` of history."""
        return self._get(schemas.NodePage, "/forecast/hierarchy", parameters)

    def price_moves(self, department_id: str, store_id: str | None) -> schemas.PriceMoves:
        """Past price moves of a department, and how many of them each method got right."""
        asked: dict[str, Parameter] = {"department_id": department_id, "store_id": store_id}
        return self._get(schemas.PriceMoves, "/elasticities/moves", asked)

    def items(self, parameters: Mapping[str, Parameter]) -> schemas.ItemPage:
        """One page of the served series."""
        return self._get(schemas.ItemPage, "/forecast/items", parameters)

    def inventory(self, parameters: Mapping[str, Parameter]) -> schemas.InventoryAnswer:
        """Ordering policy of one item in one store."""
        return self._get(schemas.InventoryAnswer, "/inventory", parameters)

    def inventory_items(self, parameters: Mapping[str, Parameter]) -> schemas.InventoryPage:
        """One page of ordering policies."""
        return self._get(schemas.InventoryPage, "/inventory/items", parameters)

    def inventory_departments(self) -> schemas.InventoryDepartments:
        """Stock and its value by store and department."""
        return self._get(schemas.InventoryDepartments, "/inventory/departments", {})

    def calendar(self) -> schemas.Calendar:
        """Events and regional flags of the history and the horizon."""
        return self._get(schemas.Calendar, "/calendar", {})

    def accuracy(self, run_id: str | None) -> schemas.Accuracy:
        """Backtest of a run, or of the served one."""
        return self._get(schemas.Accuracy, "/accuracy", {"run_id": run_id})

    def node_errors(self, run_id: str, level: int) -> schemas.NodeErrors:
        """Backtest errors of the nodes of a level, over all folds of a run, worst first."""
        return self._get(schemas.NodeErrors, "/accuracy/nodes", {"run_id": run_id, "level": level})

    def lead_errors(self, run_id: str, level: int) -> schemas.LeadErrors:
        """Backtest errors of each model of a run by lead day, at one level."""
        return self._get(schemas.LeadErrors, "/accuracy/leads", {"run_id": run_id, "level": level})

    def explanation(self, parameters: Mapping[str, Parameter]) -> schemas.Explanation:
        """Explanation of the forecast of a node (`node_id`) or an item (`item_id`, `store_id`)."""
        return self._get(schemas.Explanation, "/forecast/explain", parameters)

    def runs(self, limit: int) -> schemas.RunPage:
        """The newest runs."""
        return self._get(schemas.RunPage, "/model/runs", {"limit": limit})

    def run(self, run_id: str) -> schemas.RunDetail:
        """Everything about one run."""
        return self._get(schemas.RunDetail, f"/model/runs/{run_id}", {})

    def quality(self) -> schemas.Quality:
        """The latest data-quality checks."""
        return self._get(schemas.Quality, "/quality", {})

    def monitoring(self) -> schemas.Monitoring:
        """Alarms, and the newest weeks of drift and live accuracy."""
        return self._get(schemas.Monitoring, "/monitoring", {"limit": 500})

    def what_if(self, asked: Mapping[str, Any]) -> schemas.WhatIf:
        """The forecast at other prices, with other flags and events; `asked` as in `schemas.WhatIfRequest`."""
        given = {name: value for name, value in asked.items() if value is not None}
        return self._typed(schemas.WhatIf, "/what-if", self._answer("POST", "/what-if", json=given))

    def lineage(self, item_id: str, store_id: str, day: dt.date) -> schemas.Lineage:
        """Where a served number comes from."""
        parameters: dict[str, Parameter] = {"item_id": item_id, "store_id": store_id, "date": day.isoformat()}
        return self._get(schemas.Lineage, "/lineage", parameters)

    def overrides(self, parameters: Mapping[str, Parameter]) -> schemas.OverridePage:
        """Overrides, newest first."""
        return self._get(schemas.OverridePage, "/overrides", parameters)

    def preview_override(self, asked: schemas.OverrideRequest) -> schemas.OverridePreview:
        """What an override would change; nothing is stored."""
        return self._post(schemas.OverridePreview, "/override-preview", asked)

    def make_override(self, asked: schemas.OverrideRequest, key: str | None = None) -> schemas.MadeOverride:
        """Override a node's forecast; idempotent per `key`."""
        return self._post(schemas.MadeOverride, "/overrides", asked, {"Idempotency-Key": key} if key else {})

    def make_overrides(self, content: bytes, key: str) -> schemas.MadeOverrides:
        """Make the overrides of a CSV, all or none; the same `key` makes nothing twice."""
        headers = {"Content-Type": CSV, "Idempotency-Key": key}
        return self._typed(
            schemas.MadeOverrides,
            "/override-bulk",
            self._answer("POST", "/override-bulk", content=content, headers=headers),
        )

    def revoke_override(self, override_id: int, asked: schemas.RevokeRequest) -> schemas.Override:
        """Revoke an override."""
        return self._post(schemas.Override, f"/overrides/{override_id}/revoke", asked)

    def stock_state(self) -> schemas.StockState:
        """Of which stores the stock is known."""
        return self._get(schemas.StockState, "/stock", {})

    def put_stock(self, content: bytes) -> schemas.Stored:
        """Store the stock of a CSV; again, it changes nothing."""
        answer = self._answer("PUT", "/stock", content=content, headers={"Content-Type": CSV})
        return self._typed(schemas.Stored, "/stock", answer)

    def orders(self, parameters: Mapping[str, Parameter]) -> schemas.OrderPage:
        """One page of order proposals."""
        return self._get(schemas.OrderPage, "/inventory/orders", parameters)

    def order_table(self, parameters: Mapping[str, Parameter]) -> pa.Table:
        """All order proposals that match."""
        path, given = "/inventory/orders", {name: value for name, value in parameters.items() if value is not None}
        answer = self._answer("GET", path, params=given, headers={"Accept": ARROW})
        if answer.status_code >= 400:
            raise _refusal(answer, path)
        return pa.ipc.open_stream(answer.content).read_all()

    def decide(self, asked: schemas.DecisionsRequest, key: str) -> schemas.WrittenDecisions:
        """Write decisions about orders; the same `key` writes nothing twice."""
        return self._post(schemas.WrittenDecisions, "/inventory/orders/decisions", asked, {"Idempotency-Key": key})

    def _post(
        self, model: type[Answer], path: str, asked: BaseModel, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Sent once, because a retry could apply it twice."""
        try:
            response = self._http.post(path, json=asked.model_dump(mode="json"), headers=dict(headers or {}))
        except httpx.TransportError:
            raise ApiAway(
                f"The forecast service at {self.base_url} did not answer at {path}. Check the list before you try "
                f"again."
            ) from None
        return self._typed(model, path, response)

    def _get(self, model: type[Answer], path: str, parameters: Mapping[str, Parameter]) -> Answer:
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._typed(model, path, self._answer("GET", path, params=given))

    def _typed(self, model: type[Answer], path: str, response: httpx.Response) -> Answer:
        if response.status_code >= 400:
            raise _refusal(response, path)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the document"
            raise ApiMismatch(
                f"The response of {path} does not match the expected schema ({place}: {first['msg']}). The dashboard "
                f"and the API have different versions: deploy both from one commit."
            ) from None

    def _answer(self, method: str, path: str, **given: Any) -> httpx.Response:
        reason = ""
        for pause_seconds in (*RETRY_PAUSES_SECONDS, None):
            try:
                response = self._http.request(method, path, **given)
            except httpx.TimeoutException:
                reason = "did not answer in time"
            except httpx.TransportError:
                reason = "cannot be reached"
            else:
                if response.status_code not in _RETRIED_STATUSES:
                    return response
                reason = _problem_text(response) or f"answered {response.status_code}"
            if pause_seconds is not None:
                self._pause(pause_seconds)
        raise ApiAway(f"The forecast service at {self.base_url} {reason}.")


def _problem(response: httpx.Response) -> schemas.Problem | None:
    try:
        return schemas.Problem.model_validate_json(response.content)
    except ValidationError:
        return None


def _problem_text(response: httpx.Response) -> str:
    problem = _problem(response)
    return f"says: {problem.detail.rstrip('.')}" if problem else ""


def _refusal(response: httpx.Response, path: str) -> DemandError:
    problem = _problem(response)
    if response.status_code >= 500:
        said = f" It says: {problem.detail}" if problem else ""
        return ApiAway(f"The forecast service failed at {path} ({response.status_code}).{said}")
    if response.status_code == 403 and problem is not None and path.startswith(WRITTEN_PATHS):
        return ApiRefused(problem.detail, response.status_code, problem.type)
    if response.status_code in (401, 403):
        return ApiRefused(
            "The forecast service does not accept this dashboard. Set DEMAND_API_KEY to a valid key and restart.",
            response.status_code,
            problem.type if problem else "",
        )
    if problem is None:
        return ApiRefused(f"The forecast service does not know {path} ({response.status_code}).", response.status_code)
    allowed = [f"{e.field}: {e.message}" for e in problem.errors]
    text = " ".join([problem.detail, *allowed])
    return ApiRefused(text, response.status_code, problem.type)
