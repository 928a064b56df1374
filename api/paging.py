"""Cursors of pages. They contain the served runs, so pages never span a publish."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import orjson

from api.errors import ApiError

Key = Sequence[str | float | int]


def encode_cursor(fingerprint: str, key: Key) -> str:
    """A cursor after the row with this sort key, in a listing with this fingerprint."""
    return base64.urlsafe_b64encode(orjson.dumps([fingerprint, *key])).decode().rstrip("=")


def decode_cursor(cursor: str | None, fingerprint: str, kinds: Sequence[type]) -> tuple[str | float, ...] | None:
    """The sort key of the last row seen; None for the first page.

    Args:
        fingerprint: of the current listing: runs and filters.
        kinds: types of the parts of the key.

    Raises:
        ApiError: not a cursor, or it belongs to other runs or filters (kind `unusable-cursor`).
    """
    if cursor is None:
        return None
    wrong = ApiError("unusable-cursor", "The cursor does not belong to this listing. Start at the first page.")
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise wrong from None
    if not isinstance(parts, list) or len(parts) != len(kinds) + 1:
        raise wrong
    for part, kind in zip(parts[1:], kinds, strict=True):
        if not isinstance(part, (int, float) if kind is float else kind) or isinstance(part, bool):
            raise wrong
    if parts[0] != fingerprint:
        raise ApiError(
            "unusable-cursor",
            "Runs were published, or the filters changed, since this cursor was created. Start at the first page.",
        )
    return tuple(parts[1:])
