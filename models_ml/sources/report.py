"""The result of an ingest, the same for every source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IngestReport:
    """Counts and span of the raw tables after an ingest.

    `unchanged`: the warehouse already held the same content for the same stores, so nothing was written.
    `left_out`: features and levels for which there is no data.
    `known_until`: last day of the calendar; None: the calendar is generated and covers the longest horizon.
    `fingerprint`: SHA-256 of the files' names and contents, whichever stores were selected.
    """

    source: Path
    series: int
    stores: int
    items: int
    first_day: dt.date
    last_day: dt.date
    price_rows: int
    seconds: float
    fingerprint: str
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unchanged: bool = False
    known_until: dt.date | None = None
