"""The wording of a job's messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models_ml.runs import artifact
from models_ml.sources.report import IngestReport
from models_ml.warehouse.dbt import DbtResult

MOST_STORES_NAMED = 12


FEW_REPLAYS = 6
"""Below this number of replayed horizons, prediction intervals are called rough."""


def describe(result: DbtResult) -> str:
    """A short summary of a dbt build."""
    words = {"success": "models built", "pass": "dbt tests passed"}
    counts = sorted(result.counts.items(), key=lambda count: (count[0] not in words, count[0] == "pass", count[0]))
    return ", ".join(f"{count} {words.get(status, status)}" for status, count in counts)


def describe_ingest(report: IngestReport) -> str:
    """A short summary of an ingest, followed by its warnings."""
    known = ", already loaded" if report.unchanged else ""
    warnings = "".join(f"\n  warning: {warning}" for warning in report.warnings)
    left_out = "".join(f"\n  left out: {reason}" for reason in report.left_out)
    return (
        f"{report.series:,} series of {report.stores} stores, {report.first_day} to {report.last_day}, "
        f"{report.price_rows:,} prices{known}{warnings}{left_out}"
    )


def range_notes(folder: Path) -> Iterator[str]:
    """A note if a run's prediction intervals are calibrated on few replays."""
    learned = artifact.load(folder).manifest["parameters"]["quantiles"]
    if learned["replays"] < FEW_REPLAYS:
        yield (
            f"Prediction intervals are calibrated on only {learned['replays']} past horizons, because the history is "
            f"short; with fewer than {FEW_REPLAYS} they are rough."
        )


def served_text(stores: tuple[str, ...]) -> str:
    """Which stores' pointers moved, in words."""
    return f"served for {stores_named(stores)}" if stores else "the served run did not change"


def stores_named(stores: tuple[str, ...]) -> str:
    """Stores by name, or their number if there are too many for a line."""
    return ", ".join(stores) if len(stores) <= MOST_STORES_NAMED else f"{len(stores):,} stores"
