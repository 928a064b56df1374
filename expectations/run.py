"""Data quality as one call: check the zones of the warehouse and the store, document and record the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expectations.checks import ZONES, CheckResult
from models_ml.errors import InputError, QualityError
from models_ml.settings import Settings

_SHOWN_ERRORS = 3


@dataclass(frozen=True)
class ZoneSummary:
    """How the checks of one zone (or all of them) ended.

    Attributes:
        zone: `raw`, `marts`, `store` or `all`.
        results: every check.
        skipped: checks that were left out, with the reason.
    """

    zone: str
    results: tuple[CheckResult, ...]
    skipped: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[CheckResult, ...]:
        """Failed checks of severity `error`."""
        return tuple(r for r in self.results if not r.success and r.severity == "error")

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Failed checks of severity `warning`."""
        return tuple(r for r in self.results if not r.success and r.severity == "warning")

    @property
    def text(self) -> str:
        """The outcome in a line."""
        parts = [f"{sum(r.success for r in self.results)} checks passed"]
        for word, failed in (("error", self.errors), ("warning", self.warnings)):
            if failed:
                names = "; ".join(f"{r.dataset} {r.expectation}: {r.observed}" for r in failed[:_SHOWN_ERRORS])
                more = f"; and {len(failed) - _SHOWN_ERRORS} more" if len(failed) > _SHOWN_ERRORS else ""
                parts.append(f"{len(failed)} {word}{'s' if len(failed) > 1 else ''} ({names}{more})")
        return ", ".join(parts)

    def raise_on_errors(self) -> None:
        """Stop if a check of severity `error` failed.

        Raises:
            QualityError: naming dataset, expectation, observed value and remedy of the first ones.
        """
        if not self.errors:
            return
        listed = "\n".join(f"- {result.sentence}" for result in self.errors[:_SHOWN_ERRORS])
        more = len(self.errors) - _SHOWN_ERRORS
        rest = f"\n- and {more} more; the data docs list them all." if more > 0 else ""
        count = f"{len(self.errors)} data-quality check{'s' if len(self.errors) > 1 else ''} failed"
        raise QualityError(f"{count}, so the job stops here; what was served before is still served.\n{listed}{rest}")


def run_zones(
    settings: Settings, zone: str, *, run_ids: Sequence[str] | None = None, fresh: bool = True
) -> ZoneSummary:
    """Check one zone, or all; write the data docs and record the results in the prediction store.

    Args:
        settings: where the warehouse, the store and the home are.
        zone: `raw` (ingested tables), `marts` (core and feature marts), `store` (published forecasts), or `all`.
        run_ids: for `store`: the runs to check; None: the runs that are served.
        fresh: for `store`: whether the runs must be of the newest sales.

    Raises:
        InputError: there is no such zone.
        WarehouseError, StoreError: a database that the zone needs is missing or locked.
    """
    if zone not in (*ZONES, "all"):
        raise InputError(f"Unknown zone {zone!r}; there are {', '.join(ZONES)} and all.")
    from expectations.checkpoint import run_checkpoints

    results, skipped = run_checkpoints(settings, ZONES if zone == "all" else (zone,), run_ids, fresh=fresh)
    return ZoneSummary(zone, tuple(results), tuple(skipped))
