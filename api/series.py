"""The forecast of one series, the most frequent request.

`SeriesLane` answers plain requests before FastAPI's routing. All others (encoded parameters, unknown names, validators)
go to the route. Both use `find_series`, for SQLite and SQL Server alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from api.active import Active, ActiveRun
from api.answers import VARY, cache_control
from api.cache import CachedBody, run_etag
from api.errors import ApiError, one_field
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
    """Stored probabilities as text, in ascending order, from a comma-separated list; `none` is the empty list.

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
    """Store columns for probabilities given as text."""
    return tuple(_COLUMN_OF[name] for name in names)


@lru_cache(maxsize=65_536)
def _plain_question(query: bytes) -> tuple[str, str, tuple[str, ...]] | None:
    """Item, store and quantiles of a query string that needs no decoding; None for any other."""
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


async def find_series(
    runtime: Runtime, store_id: str, item_id: str, quantiles: tuple[str, ...]
) -> tuple[Active, CachedBody | None]:
    """The snapshot and the response for a series, cached if possible; None: unknown series.

    The cache key includes the run and the state of its overrides, so a publish or an override invalidates entries.
    """
    active = await runtime.reader.active()
    run = active.by_store.get(store_id)
    if run is None:
        return active, None
    version = active.version_of(run)
    key = (version, store_id, item_id, quantiles)
    content = runtime.cache.get(key)
    if content is not None:
        runtime.metrics.cache_hits.inc()
        return active, content
    rows = await runtime.reader.series(active, run, store_id, item_id, quantile_columns(quantiles))
    if not rows:
        return active, None
    etag = run_etag(version, PATH, store_id, item_id, ",".join(quantiles))
    content = CachedBody(_series_json(run, store_id, item_id, quantiles, rows), etag=etag)
    runtime.cache.put(key, content)
    runtime.metrics.cache_misses.inc()
    return active, content


def _series_json(
    run: ActiveRun, store_id: str, item_id: str, quantiles: tuple[str, ...], rows: Sequence[Sequence[Any]]
) -> bytes:
    """JSON of `SeriesForecast` from rows of a reader's `series`.

    Written without the pydantic model, which takes ten times as long; a test compares both.
    """
    return orjson.dumps(
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


def _quantiles(names: tuple[str, ...], row: Sequence[Any]) -> dict[str, float] | None:
    """A row has all quantiles or none."""
    if names and row[2] is None:
        return None
    return dict(zip(names, row[2:-1], strict=True))


class SeriesLane:
    """ASGI middleware that answers plain `GET /forecast` requests without FastAPI's routing and validation."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._cache_control = cache_control(runtime.settings).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond, or pass the request on."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET":
            content = await self._find(scope)
            if content is not None:
                await send(
                    {
                        "type": "http.response.start",
                        "status": 200,
                        "headers": [
                            (b"content-type", b"application/json"),
                            (b"content-length", b"%d" % len(content.body)),
                            (b"etag", content.etag.encode()),
                            (b"cache-control", self._cache_control),
                            (b"vary", VARY.encode()),
                        ],
                    }
                )
                await send({"type": "http.response.body", "body": content.body})
                return
        await self._app(scope, receive, send)

    async def _find(self, scope: Scope) -> CachedBody | None:
        """The response; None if the route must decide: unusual parameters, validators, unknown series, a large body."""
        query: bytes = scope["query_string"]
        question = _plain_question(query) if len(query) <= _LONGEST_PLAIN else None
        if question is None or not all(_is_plain(*header) for header in scope["headers"]):
            return None
        item_id, store_id, quantiles = question
        _, content = await find_series(self._runtime, store_id, item_id, quantiles)
        if content is None or len(content.body) >= self._runtime.settings.gzip_min_bytes:
            return None
        return content


def _is_plain(name: bytes, value: bytes) -> bool:
    """Whether a header does not affect the response."""
    return name != b"if-none-match" and (name != b"accept" or value in (b"*/*", b"application/json"))
