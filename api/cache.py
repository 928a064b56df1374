"""Validators and bytes of answers. Both hang on the runs served, so neither can outlive a publish."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from api import __version__

GZIP_LEVEL = 5


@dataclass(frozen=True)
class CachedBody:
    """An answer's bytes; the compressed form is made when it is first asked for."""

    body: bytes
    media_type: str = "application/json"
    etag: str = ""

    @cached_property
    def compressed(self) -> bytes:
        """`body` by gzip, the same bytes each time."""
        return gzip.compress(self.body, GZIP_LEVEL, mtime=0)

    @property
    def cost(self) -> int:
        """Bytes that it holds in memory, roughly."""
        held = len(self.body) + 512
        return held + (len(self.compressed) if "compressed" in self.__dict__ else 0)


class ByteCache:
    """Least recently used bodies within a number of bytes. Only the event loop uses it: no lock."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, tuple[CachedBody, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_held(self) -> int:
        """Bytes of all entries."""
        return self._bytes

    def get(self, key: Hashable) -> CachedBody | None:
        """The body under `key`, which must name the run that it came from."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, body: CachedBody) -> None:
        """Keep `body`, and drop what was used longest ago when it is too much."""
        # twice over: its compressed form may come to be held as well
        cost = 2 * body.cost if len(body.body) > 16_384 else body.cost
        if cost > self._max_bytes // 4:
            return
        previous = self._entries.pop(key, None)
        if previous is not None:
            self._bytes -= previous[1]
        self._entries[key] = (body, cost)
        self._bytes += cost
        while self._bytes > self._max_bytes:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped


def run_etag(token: str, *parts: str) -> str:
    """Strong validator of an answer that follows from the active runs, the version of the API and `parts`.

    Args:
        token: run_id, or the token of all pointers.
        parts: what else chooses the bytes: path, query, media type.
    """
    text = "\0".join((__version__, token, *parts))
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def body_etag(body: bytes) -> str:
    """Strong validator of bytes that do not follow from the active runs alone."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def encoded_etag(etag: str, encoding: str) -> str:
    """The validator of another coding of the same answer: strong validators differ where bytes differ."""
    return etag if encoding == "identity" else f'{etag[:-1]}-{encoding}"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether `etag` is in an If-None-Match list (weak comparison, as RFC 9110 says for it)."""
    return any(part.strip().removeprefix("W/") == etag for part in if_none_match.split(","))
