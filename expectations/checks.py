"""What a check is, before Great Expectations comes in: a measured number and the limits that it must keep.

Each dataset is profiled by a few aggregate queries, a row of named numbers each, however many checks read them:
one pass over 59 million rows serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

Severity = Literal["error", "warning"]
ZONES = ("raw", "marts", "store")


@dataclass(frozen=True)
class Limit:
    """Bounds of one measure (inclusive; None is open) and what breaking them means."""

    severity: Severity
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Measure:
    """One number of a profile.

    Attributes:
        name: column of the profile's query, and with the dataset the key of its limit in `thresholds.yml`.
        description: what must hold, in a sentence for people.
        examples: query for the offending rows; only run, for its first rows, when the limit is broken.
        may_be_null: there may be nothing to measure (a ratio without a base), which then is no fault.
    """

    name: str
    description: str
    examples: str | None = None
    may_be_null: bool = False


@dataclass(frozen=True)
class Profile:
    """A query that answers one row, with a column for each measure."""

    query: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Dataset:
    """What is checked of one relation.

    Attributes:
        name: in reports and in `thresholds.yml`.
        relation: `schema.table`, or `table` in the prediction store.
        about: grain, in a sentence.
        remedy: what to do when a check fails.
        columns: columns that must be there.
        profiles: the measured checks.
        skipped: checks left out by design, with the reason.
        run_id: the one published run that is checked; None in the warehouse, and for several runs.
        source: of the data; its own limits in `thresholds.yml` take the place of the common ones.
    """

    name: str
    relation: str
    about: str
    remedy: str
    columns: tuple[str, ...]
    profiles: tuple[Profile, ...]
    skipped: tuple[str, ...] = ()
    run_id: str | None = None
    source: str = ""


@dataclass(frozen=True)
class CheckResult:
    """How one check ended."""

    suite: str
    dataset: str
    expectation: str
    description: str
    severity: Severity
    success: bool
    observed: str
    remedy: str
    run_id: str | None = None

    @property
    def sentence(self) -> str:
        """Dataset, expectation, observed value and remedy."""
        return f"{self.dataset}, {self.expectation}: {self.observed}. {self.description} {self.remedy}"


@cache
def _table() -> Mapping[str, Any]:
    text = files("expectations").joinpath("thresholds.yml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = yaml.safe_load(text)
    return table


def limits(dataset: str, source: str = "") -> dict[str, Limit | None]:
    """Limits of a dataset's measures, as `thresholds.yml` has them.

    Args:
        dataset: its name.
        source: whose own limits take the place of the common ones; None is a measure that means nothing there.
    """
    own = _table()["sources"].get(source, {}).get(dataset, {})
    merged = {**_table()[dataset]["checks"], **own}
    return {name: None if limit is None else Limit(**limit) for name, limit in merged.items()}


def parameter(dataset: str, name: str) -> float:
    """A number that a dataset's queries need (what counts as an outlier, how long a window is)."""
    return float(_table()[dataset]["parameters"][name])


def report_setting(name: str) -> int:
    """A setting of the reports (how much history is kept)."""
    return int(_table()["reports"][name])


def threshold_names(source: str = "m5") -> set[tuple[str, str]]:
    """Every (dataset, measure) that has a limit for data of a source."""
    return {
        (dataset, name)
        for dataset, entry in _table().items()
        if dataset not in ("reports", "sources") and entry.get("source", source) == source
        for name, limit in limits(dataset, source).items()
        if limit is not None
    }
