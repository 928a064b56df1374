"""Cached data for the pages, keyed by the served runs: a publish changes the key, so no page mixes two runs.

Only small responses are cached (a node's days, one page of items); each cache is bounded in entries and time. While the
API is unavailable, cached data is still shown, under a banner with its time.
"""

# ruff: noqa: ARG001 - `run_key` is not read by the functions: it is what their caches go by.

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import streamlit as st

from api import schemas
from dashboard.client import ApiAway, ApiClient, ApiRefused
from dashboard.hierarchy import Place, Product, level_of, levels_of, node_id
from dashboard.settings import get_settings

STATUS_TTL_SECONDS = 5.0
AWAY_PAUSES_SECONDS = (2.0, 4.0, 8.0, 15.0)
"""Pauses after the first, second, ... failed try."""

READ_TTL_SECONDS = 900.0
YEAR_DAYS = 364
"""A year of 52 weeks, which keeps weekdays aligned."""

HISTORY_DAYS = 2 * YEAR_DAYS
"""Days of history read with a node: the year of the longest chart and the year before it."""

QUANTILES = ("0.005", "0.025", "0.165", "0.25", "0.5", "0.75", "0.835", "0.975", "0.995")
_COMPARED: dict[str, str | int] = {"history_days": YEAR_DAYS, "quantiles": "0.025,0.975", "limit": 100}
MOST_OVERRIDES = 200
WORST_ITEMS = 50
MOST_FOUND = 20
_PAGE_LIMIT = 500
_MAX_ITEMS = 2_000

Value = TypeVar("Value")


@dataclass(frozen=True)
class Serving:
    """The served runs, as last loaded.

    Attributes:
        status: the API's status of the active runs.
        stores: served stores.
        departments: served departments.
        run_key: changes with every publish, promotion, rollback and override; the key of every cache.
        loaded_at: time of the last response (UTC).
        away: why the API is unavailable; none while it answers.
    """

    status: schemas.ModelStatus
    stores: tuple[schemas.Store, ...]
    departments: tuple[schemas.Department, ...]
    run_key: str
    loaded_at: dt.datetime
    away: str | None = None

    @property
    def runs(self) -> list[schemas.RunSummary]:
        """Active runs, newest first."""
        return self.status.runs

    @property
    def levels(self) -> frozenset[int]:
        """Distinct levels (see `hierarchy.levels_of`)."""
        return levels_of(self.stores, self.departments)

    @property
    def has_items(self) -> bool:
        """Whether the source has items below store and department."""
        return 12 in self.levels or 10 in self.levels

    @property
    def step_days(self) -> int:
        """Days per period of the newest active run: 1, or 7 for weekly sales."""
        return self.runs[0].step_days if self.runs else 1

    @property
    def origin(self) -> dt.date | None:
        """Last day of sales known to the newest active run."""
        return max((run.origin for run in self.runs), default=None)


@dataclass
class _Heard:
    """The last known state of the API, shared by all sessions.

    Attributes:
        asking: held by the session that queries the API.
        serving: the last known state; none before the first response.
        away: why the API is unavailable; none while it answers.
        failures: failed tries since the last response.
        asked_at: time of the last query; none to query at once.
    """

    asking: threading.Lock = field(default_factory=threading.Lock)
    serving: Serving | None = None
    away: str | None = None
    failures: int = 0
    asked_at: dt.datetime | None = None

    def due(self, now: dt.datetime) -> bool:
        """Whether it is time to query the API again."""
        pauses = (STATUS_TTL_SECONDS, *AWAY_PAUSES_SECONDS)
        pause = pauses[min(self.failures, len(pauses) - 1)]
        return self.asked_at is None or (now - self.asked_at).total_seconds() >= pause


@st.cache_resource(show_spinner=False)
def client() -> ApiClient:
    """The process's client."""
    settings = get_settings()
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return ApiClient(settings.api_url, api_key=key, timeout_seconds=settings.api_timeout_seconds)


@st.cache_resource(show_spinner=False)
def _heard() -> _Heard:
    return _Heard()


def serving(now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> Serving:
    """The served runs; while the API is unavailable, the last known ones, marked `away`.

    One session queries at a time; the others get the last known state. The pauses between failed tries grow.

    Raises:
        ApiAway: the API has never answered.
        ApiRefused: the API rejects this dashboard.
    """
    heard = _heard()
    never_asked = heard.serving is None and heard.away is None
    if heard.due(now()) and heard.asking.acquire(blocking=never_asked):
        try:
            if heard.due(now()):  # another session may have queried while this one waited
                _ask(heard, now)
        finally:
            heard.asking.release()
    if heard.serving is None:
        raise ApiAway(heard.away or "The forecast service has not answered yet.")
    return heard.serving


def _ask(heard: _Heard, now: Callable[[], dt.datetime]) -> None:
    known = heard.serving
    try:
        status = client().status()
        key = status.version
        if known and known.run_key == key:
            stores, departments = known.stores, known.departments
        elif status.stores:
            stores = tuple(client().stores().stores)
            departments = tuple(client().departments().departments)
        else:
            stores, departments = (), ()
    except ApiAway as away:
        heard.away = str(away)
        heard.failures += 1
        heard.serving = replace(known, away=heard.away) if known else None
    else:
        heard.away, heard.failures = None, 0
        heard.serving = Serving(status, stores, departments, key, now())
    heard.asked_at = now()


def look_again() -> None:
    """Query the API at the next opportunity, even if it was queried just now."""
    _heard().asked_at = None


def forget() -> None:
    """Drop all caches, the known state and the connections, because the API may be another one."""
    client().close()
    st.cache_resource.clear()
    st.cache_data.clear()


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=200, show_spinner=False)
def node(run_key: str, place: Place, product: Product, item: str | None) -> schemas.NodePage:
    """One node with its history; the page is empty when the served run has no such node."""
    level, _ = level_of(place, product, item)
    parameters: dict[str, str | int | None] = {
        "node_id": node_id(place, product, item),
        "history_days": HISTORY_DAYS,
        "quantiles": ",".join(QUANTILES),
    }
    return client().nodes({"level": level, **parameters})


def node_now(place: Place, product: Product, item: str | None) -> schemas.NodePage:
    """One node as currently served: overrides change it without a new run."""
    return client().nodes({"node_id": node_id(place, product, item), "quantiles": "none"})


def lineage(item_id: str, store_id: str, day: dt.date) -> schemas.Lineage:
    """Lineage of a currently served number."""
    return client().lineage(item_id, store_id, day)


def overrides(node: str | None) -> schemas.OverridePage:
    """The newest overrides, of a node or of all."""
    return client().overrides({"node_id": node, "limit": MOST_OVERRIDES})


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=60, show_spinner=False)
def departments_of(run_key: str, place: Place) -> schemas.NodePage:
    """Every department of a place, with the history needed for comparisons."""
    level, _ = level_of(place, Product("department", "-"))
    return client().nodes({"level": level, **_COMPARED, **place.filters()})


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=60, show_spinner=False)
def stores_of(run_key: str, product: Product) -> schemas.NodePage:
    """Every store's sales of a product, with the history needed for comparisons."""
    level, _ = level_of(Place("store", "-"), product)
    return client().nodes({"level": level, **_COMPARED, **product.filters()})


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=60, show_spinner=False)
def found_items(run_key: str, text: str) -> schemas.ItemPage:
    """The first served series whose item id contains a text."""
    return client().items({"search": text, "limit": MOST_FOUND})


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=60, show_spinner=False)
def items(run_key: str, store_id: str, department_id: str, sort: str) -> tuple[list[schemas.Series], int]:
    """Served series of a store's department in the requested order, at most 2,000, and their total number."""
    found: list[schemas.Series] = []
    cursor: str | None = None
    while True:
        page = client().items(
            {
                "store_id": store_id,
                "department_id": department_id,
                "sort": sort,
                "limit": _PAGE_LIMIT,
                "cursor": cursor,
            }
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= _MAX_ITEMS:
            return found, page.total


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=4, show_spinner=False)
def inventory_departments(run_key: str) -> schemas.InventoryDepartments:
    """Stock and its value by store and department."""
    return client().inventory_departments()


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=20, show_spinner=False)
def inventory_items(run_key: str, store_id: str, department_id: str) -> tuple[list[schemas.InventoryPolicy], int]:
    """Policies of a store's department, most valuable stock first, at most 2,000, and their total number."""
    asked: dict[str, str | int | None] = {"store_id": store_id, "department_id": department_id, "sort": "value"}
    found: list[schemas.InventoryPolicy] = []
    cursor: str | None = None
    while True:
        page = client().inventory_items({**asked, "limit": _PAGE_LIMIT, "cursor": cursor})
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= _MAX_ITEMS:
            return found, page.total


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=100, show_spinner=False)
def order(run_key: str, item_id: str, store_id: str, on_hand: int, on_order: int) -> schemas.InventoryAnswer:
    """Order proposal for an item, given its stock."""
    return client().inventory({"item_id": item_id, "store_id": store_id, "on_hand": on_hand, "on_order": on_order})


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=4, show_spinner=False)
def calendar(run_key: str) -> dict[dt.date, schemas.CalendarDay]:
    """Events and regional flags by day; empty when the API has no calendar."""
    return {day.date: day for day in client().calendar().days}


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=20, show_spinner=False)
def accuracy(run_key: str, run_id: str | None) -> schemas.Accuracy | None:
    """Backtest of a run (none: the served one); none when it has no backtest."""
    try:
        answer = client().accuracy(run_id)
    except ApiRefused as refused:
        if refused.status == 404:
            return None
        raise
    return answer if answer.values else None


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=40, show_spinner=False)
def node_errors(run_key: str, run_id: str, level: int) -> schemas.NodeErrors:
    """Backtest errors of the nodes of a level, worst first."""
    return client().node_errors(run_id, level)


def own_errors(run_key: str, run_id: str, level: int) -> schemas.NodeErrors | None:
    """Backtest errors of the nodes of a level; none if the run stored none."""
    try:
        return node_errors(run_key, run_id, level)
    except ApiRefused as refused:
        if refused.status == 404:
            return None
        raise


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=40, show_spinner=False)
def lead_errors(run_key: str, run_id: str, level: int) -> schemas.LeadErrors:
    """Backtest errors by lead day at a level."""
    return client().lead_errors(run_id, level)


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=20, show_spinner=False)
def worst_items(run_key: str, store_id: str | None) -> list[schemas.Series]:
    """The served series with the largest backtest errors (RMSSE), of a store or of all."""
    return client().items({"store_id": store_id, "sort": "error", "limit": WORST_ITEMS}).items


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=200, show_spinner=False)
def explanation(run_key: str, place: Place, product: Product, item: str | None) -> schemas.Explanation | None:
    """Explanation of a pick's forecast; none for an item over several stores, or a model without explanations."""
    if item and place.kind != "store":
        return None
    asked = {"item_id": item, "store_id": place.name} if item else {"node_id": node_id(place, product, None)}
    try:
        return client().explanation(asked)
    except ApiRefused as refused:
        if refused.status == 404:
            return None
        raise


@st.cache_data(ttl=30.0, max_entries=4, show_spinner=False)
def runs(run_key: str) -> schemas.RunPage:
    """The newest hundred runs of the ledger."""
    return client().runs(100)


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=40, show_spinner=False)
def run(run_key: str, run_id: str) -> schemas.RunDetail:
    """Everything about one run."""
    return client().run(run_id)


@st.cache_data(ttl=30.0, max_entries=4, show_spinner=False)
def quality(run_key: str) -> schemas.Quality:
    """The latest data-quality checks."""
    return client().quality()


@st.cache_data(ttl=30.0, max_entries=4, show_spinner=False)
def monitoring(run_key: str) -> schemas.Monitoring:
    """Alarms, and the newest weeks of drift and live accuracy."""
    return client().monitoring()


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=40, show_spinner=False)
def price_moves(run_key: str, department_id: str, store_id: str | None) -> schemas.PriceMoves:
    """Past price moves of a department, and how many of them each method got right."""
    return client().price_moves(department_id, store_id)


@st.cache_data(ttl=READ_TTL_SECONDS, max_entries=100, show_spinner=False)
def what_if(run_key: str, asked: dict[str, Any]) -> schemas.WhatIf:
    """The forecast at other prices, with other flags and events."""
    return client().what_if(asked)
