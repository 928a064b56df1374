"""Validators and cached bodies of responses. Both depend on the served runs, so neither outlives a publish."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from api import __version__

GZIP_LEVEL = 5
SMALL_BYTES = 16_384
"""A body up to this size is not worth compressing."""


@dataclass(frozen=True)
class CachedBody:
    """A response's bytes; the compressed form is created on first use."""

    body: bytes
    media_type: str = "application/json"
    etag: str = ""

    @cached_property
    def compressed(self) -> bytes:
        """`body` by gzip, the same bytes each time."""
        return gzip.compress(self.body, GZIP_LEVEL, mtime=0)


class ByteCache:
    """An LRU cache of bodies, limited in bytes. Only the event loop uses it, so it needs no lock.

    Small bodies are stored as plain tuples of bytes and strings, which the garbage collector does not track: with tens
    of thousands of tracked objects, every full collection would stall all requests.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, CachedBody | tuple[bytes, str, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_held(self) -> int:
        """Bytes of all entries."""
        return self._bytes

    def get(self, key: Hashable) -> CachedBody | None:
        """The body under `key`, which must include the run."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return CachedBody(*entry) if isinstance(entry, tuple) else entry

    def put(self, key: Hashable, body: CachedBody) -> None:
        """Store `body` and evict the least recently used ones if over the limit."""
        small = len(body.body) <= SMALL_BYTES
        entry = (body.body, body.media_type, body.etag) if small else body
        if _cost(entry) > self._max_bytes // 4:
            return
        previous = self._entries.pop(key, None)
        if previous is not None:
            self._bytes -= _cost(previous)
        self._entries[key] = entry
        self._bytes += _cost(entry)
        while self._bytes > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= _cost(dropped)


def _cost(entry: CachedBody | tuple[bytes, str, str]) -> int:
    """Approximate memory of an entry; a large one counts twice, because its compressed form is stored too."""
    if isinstance(entry, tuple):
        return len(entry[0]) + 512
    return 2 * (len(entry.body) + 512)


def run_etag(token: str, *parts: str) -> str:
    """Strong validator of a response determined by the active runs, the API's version and `parts`.

    Args:
        token: run_id, or the token of all pointers.
        parts: other inputs: path, query, media type.
    """
    text = "\0".join((__version__, token, *parts))
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def body_etag(body: bytes) -> str:
    """Strong validator of a body that does not depend on the active runs alone."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def encoded_etag(etag: str, encoding: str) -> str:
    """The validator of another coding of the same response: strong validators differ if bytes differ."""
    return etag if encoding == "identity" else f'{etag[:-1]}-{encoding}"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether `etag` is in an If-None-Match list (weak comparison, as RFC 9110 says for it)."""
    return any(part.strip().removeprefix("W/") == etag for part in if_none_match.split(","))
