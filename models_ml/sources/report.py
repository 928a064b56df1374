"""What an ingest tells its caller, whichever source it read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IngestReport:
    """Counts and span of the raw tables after an ingest.

    `unchanged` says that the warehouse held the same content for the same stores, so nothing was written.
    `left_out` names features and levels that the data has nothing for.
    `known_until` is the last day of the calendar; None: it is made, and reaches over the longest horizon.
    `fingerprint` is a SHA-256 over the names and contents of the files, whichever stores were asked for.
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
