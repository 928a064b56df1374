"""What a job tells its user, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models_ml.runs import artifact
from models_ml.sources.report import IngestReport
from models_ml.warehouse.dbt import DbtResult

MOST_STORES_NAMED = 12


FEW_REPLAYS = 6
"""Replayed horizons below which the ranges that are learned from them are called rough."""


def describe(result: DbtResult) -> str:
    """A dbt build in a few words."""
    words = {"success": "models built", "pass": "dbt tests passed"}
    counts = sorted(result.counts.items(), key=lambda count: (count[0] not in words, count[0] == "pass", count[0]))
    return ", ".join(f"{count} {words.get(status, status)}" for status, count in counts)


def describe_ingest(report: IngestReport) -> str:
    """An ingest in a few words, its warnings after it."""
    known = ", already loaded" if report.unchanged else ""
    warnings = "".join(f"\n  warning: {warning}" for warning in report.warnings)
    left_out = "".join(f"\n  left out: {reason}" for reason in report.left_out)
    return (
        f"{report.series:,} series of {report.stores} stores, {report.first_day} to {report.last_day}, "
        f"{report.price_rows:,} prices{known}{warnings}{left_out}"
    )


def range_notes(folder: Path) -> Iterator[str]:
    """What to know of a run's ranges: those learned from few replays are guesses rather than measurements."""
    learned = artifact.load(folder).manifest["parameters"]["quantiles"]
    if learned["replays"] < FEW_REPLAYS:
        yield (
            f"Ranges are learned from {learned['replays']} past horizons, for want of history; fewer than "
            f"{FEW_REPLAYS} make them rough."
        )


def served_text(stores: tuple[str, ...]) -> str:
    """Which pointers moved, in words."""
    return f"served for {stores_named(stores)}" if stores else "no pointer moved"


def stores_named(stores: tuple[str, ...]) -> str:
    """Stores by name, or their number where a line would not hold them."""
    return ", ".join(stores) if len(stores) <= MOST_STORES_NAMED else f"{len(stores):,} stores"
