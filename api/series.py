"""The forecast of one series: the question asked most, answered by the shortest way.

`SeriesLane` stands before FastAPI's routing and answers plain questions whose series is there. All others
(odd parameters, unknown names, a locked store) go on to the route, which finds the words for what is wrong.
Both ways make their bytes in `series_body`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from api.active import Active, ActiveRun
from api.answers import VARY, cache_control
from api.cache import CachedBody, run_etag
from api.errors import ApiError, one_field
from api.reader import SqliteReader
from models_ml.errors import StoreError
from models_ml.settings import QUANTILES, quantile_column

if TYPE_CHECKING:
    from api.runtime import Runtime

PATH = "/forecast"
DEFAULT_QUANTILES = "0.025,0.5,0.975"
STORED_QUANTILES = tuple(f"{probability:g}" for probability in QUANTILES)
_ONE = "|".join(re.escape(name) for name in STORED_QUANTILES)
QUANTILES_PATTERN = rf"^(none|({_ONE})(,({_ONE}))*)$"

_COLUMN_OF = {f"{probability:g}": quantile_column(probability) for probability in QUANTILES}
_LONGEST_PLAIN = 400
_PLAIN = re.compile(
    rb"^(?:(?:item_id=(?P<item>[A-Za-z0-9_.-]{1,128})|store_id=(?P<store>[A-Za-z0-9_.-]{1,64})"
    rb"|quantiles=(?P<quantiles>[0-9.,]{1,100}))(?:&|$)){2,3}(?<!&)$"
)


@lru_cache(maxsize=1024)
def parse_quantiles(text: str) -> tuple[str, ...]:
    """Stored probabilities as text, in ascending order, from a comma-separated list; `none` is an empty one.

    Raises:
        ApiError: a probability is not stored (kind `invalid-request`).
    """
    if text.strip().lower() == "none":
        return ()
    chosen = set()
    for part in text.split(","):
        try:
            name = f"{float(part):g}"
        except ValueError:
            name = ""
        if name not in _COLUMN_OF:
            shown = part.strip()[:40]
            raise one_field("invalid-request", "quantiles", f"'{shown}' is not stored", STORED_QUANTILES)
        chosen.add(name)
    return tuple(name for name in STORED_QUANTILES if name in chosen)


def quantile_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """Columns of the store for probabilities as text."""
    return tuple(_COLUMN_OF[name] for name in names)


@lru_cache(maxsize=65_536)
def _plain_question(query: bytes) -> tuple[str, str, tuple[str, ...]] | None:
    """Item, store and quantiles of a query string that needs no decoding; None for every other."""
    found = _PLAIN.match(query)
    if found is None or query.count(b"=") != sum(part is not None for part in found.groups()):
        return None
    item, store, quantiles = found["item"], found["store"], found["quantiles"]
    if item is None or store is None:
        return None
    try:
        names = parse_quantiles(DEFAULT_QUANTILES if quantiles is None else quantiles.decode())
    except ApiError:
        return None
    return item.decode(), store.decode(), names


def series_etag(version: str, store_id: str, item_id: str, quantiles: tuple[str, ...]) -> str:
    """Validator of a series; `version` is `Active.version_of` its run, which never changes under one name."""
    return run_etag(version, PATH, store_id, item_id, ",".join(quantiles))


def series_key(version: str, store_id: str, item_id: str, quantiles: tuple[str, ...]) -> Hashable:
    """Where the cache keeps a series; it names run and overrides, so a publish or an override leaves it unused."""
    return (version, store_id, item_id, quantiles)


def series_body(
    active: Active,
    run: ActiveRun,
    store_id: str,
    item_id: str,
    quantiles: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
) -> CachedBody:
    """JSON of `SeriesForecast` from rows of a reader's `series`.

    Written without the model, which takes ten times as long; a test holds the two together.
    """
    body = orjson.dumps(
        {
            "item_id": item_id,
            "store_id": store_id,
            "run": run.reference_json,
            "days": [
                {"date": row[0], "mean": row[1], "quantiles": _quantiles(quantiles, row), "final": row[-1]}
                for row in rows
            ],
        }
    )
    return CachedBody(body, etag=series_etag(active.version_of(run), store_id, item_id, quantiles))


def _quantiles(names: tuple[str, ...], row: Sequence[Any]) -> dict[str, float] | None:
    """All of a run's quantiles are there or none is."""
    if names and row[2] is None:
        return None
    return dict(zip(names, row[2:-1], strict=True))


class SeriesLane:
    """ASGI middleware that answers `GET /forecast` itself where nothing stands in the way."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._cache_control = cache_control(runtime.settings).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET":
            found = self._find(scope)
            if found is not None:
                body, etag = found
                await send(
                    {
                        "type": "http.response.start",
                        "status": 200,
                        "headers": [
                            (b"content-type", b"application/json"),
                            (b"content-length", b"%d" % len(body)),
                            (b"etag", etag.encode()),
                            (b"cache-control", self._cache_control),
                            (b"vary", VARY.encode()),
                        ],
                    }
                )
                await send({"type": "http.response.body", "body": body})
                return
        await self._app(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[bytes, str] | None:
        """Body and validator; None when the question is not plain or cannot be answered at once."""
        runtime = self._runtime
        query: bytes = scope["query_string"]
        reader = runtime.reader
        if len(query) > _LONGEST_PLAIN or not isinstance(reader, SqliteReader):
            return None
        question = _plain_question(query)
        if question is None or any(name == b"if-none-match" for name, _ in scope["headers"]):
            return None
        item_id, store_id, quantiles = question
        try:
            active = reader.active_at_once()
            run = active.by_store.get(store_id)
            if run is None:
                return None
            key = series_key(active.version_of(run), store_id, item_id, quantiles)
            content = runtime.cache.get(key)
            if content is None:
                rows = reader.series_at_once(active, run, store_id, item_id, quantile_columns(quantiles))
                if not rows:
                    return None
                content = series_body(active, run, store_id, item_id, quantiles, rows)
                runtime.cache.put(key, content)
                runtime.metrics.cache_misses.inc()
            else:
                runtime.metrics.cache_hits.inc()
        except (sqlite3.Error, StoreError):
            return None
        if len(content.body) >= runtime.settings.gzip_min_bytes:
            return None
        return content.body, content.etag
