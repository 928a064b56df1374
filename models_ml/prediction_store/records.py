"""What a publisher says about a run, and the name that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from models_ml.errors import PublishError
from models_ml.hierarchy import WEEK_DAYS

Role = Literal["champion", "challenger"]


def utc_now() -> datetime:
    """The time as the store keeps it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def derive_run_id(
    *,
    data_fingerprint: str,
    configuration: Mapping[str, Any],
    code_version: str,
    origin: date,
    scope: Sequence[str],
) -> str:
    """Name of the work: the same data, configuration, code, origin and stores give the same run_id.

    The first 64 bits of the SHA-256 of their canonical JSON (sorted keys, no blanks), after `run_`.

    Raises:
        PublishError: the configuration cannot be written as JSON (a NaN, an object).
    """
    text = canonical_json(
        {
            "data_fingerprint": data_fingerprint,
            "configuration": dict(configuration),
            "code_version": code_version,
            "origin": origin.isoformat(),
            "scope": sorted(set(scope)),
        },
        "configuration",
    )
    return "run_" + hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical_json(value: object, name: str) -> str:
    """JSON with one spelling for one value.

    Raises:
        PublishError: `name` holds something that JSON cannot say.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PublishError(f"{name} cannot be written as JSON: {error}. Give plain finite values.") from None


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run as its publisher knows it; counts, checksum and times are the store's to fill in.

    `origin` is the last known day, so the forecasts are for `origin` + 1 to `origin` + `horizon_days`, in steps of
    `step_days`: of days, or of weeks, each by its first day.
    `scope` names the stores whose pointers the run may move, each with at least one series. `reason` says why a
    challenger is one.
    """

    run_id: str
    model: str
    version: str
    origin: date
    horizon_days: int
    scope: tuple[str, ...]
    role: Role
    git_commit: str
    data_fingerprint: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
    mlflow_run_id: str | None = None
    reason: str | None = None
    step_days: int = 1

    @property
    def steps(self) -> int:
        """Forecasts of each series and node."""
        return self.horizon_days // self.step_days

    def check(self) -> None:
        """Refuse what no run can be.

        Raises:
            PublishError: no or a too long run_id, no scope, a horizon under one day or of no whole steps,
                values that are no JSON.
        """
        if not self.run_id or len(self.run_id) > 40 or self.run_id != self.run_id.strip():
            raise PublishError(f"run_id {self.run_id!r}: give 1 to 40 characters, as derive_run_id does.")
        if not self.scope or len(set(self.scope)) != len(self.scope):
            raise PublishError(f"{self.run_id}: scope {self.scope!r} must name at least one store, each once.")
        if self.horizon_days < 1:
            raise PublishError(f"{self.run_id}: horizon_days is {self.horizon_days}; it must be at least 1.")
        if self.step_days not in (1, WEEK_DAYS) or self.horizon_days % self.step_days:
            raise PublishError(
                f"{self.run_id}: step_days is {self.step_days}; it must be 1 or {WEEK_DAYS}, and the horizon of "
                f"{self.horizon_days} days whole steps."
            )
        if self.role not in ("champion", "challenger"):
            raise PublishError(f"{self.run_id}: role is {self.role!r}; it must be champion or challenger.")
        canonical_json(dict(self.parameters), f"{self.run_id}: parameters")
        canonical_json(dict(self.metrics), f"{self.run_id}: metrics")
