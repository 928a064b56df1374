"""Served runs and all runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import RunId, RunRef, Schema, StoreId


class ActiveStore(Schema):
    """The run that a store serves."""

    store_id: StoreId
    run_id: RunId
    activated_at: AwareDatetime


class RunSummary(RunRef):
    """A run."""

    version: str
    status: Literal["running", "published", "failed"]
    role: Literal["champion", "challenger"]
    reason: str | None
    created_at: AwareDatetime
    scope: list[str]
    active_stores: list[str] = Field(description="Stores that serve this run.")
    series_count: int | None
    forecast_rows: int | None
    node_rows: int | None
    git_commit: str | None
    data_fingerprint: str | None
    wrmsse: float | None = Field(description="WRMSSE of the run's model, mean over the folds, average of the levels.")
    baseline_wrmsse: float | None = Field(description="WRMSSE of seasonal naive on the same folds.")


class ModelStatus(Schema):
    """The served runs."""

    status: Literal["fresh", "stale", "empty"]
    age_days: float | None = Field(description="Days since the oldest active run was published.")
    max_age_days: float = Field(description="Age limit; older runs are stale.")
    version: str = Field(
        description="Changes whenever served numbers may change: on publish, promotion, rollback and override."
    )
    stores: list[ActiveStore]
    runs: list[RunSummary] = Field(description="The active runs, newest first.")


class RunPage(Schema):
    """Runs, newest first."""

    runs: list[RunSummary]
    total: int = Field(ge=0)
    next_cursor: str | None


class RunDetail(RunSummary):
    """A run with all its inputs."""

    parameters: dict[str, Any]
    metrics: dict[str, Any]
    mlflow_run_id: str | None
    checksum: str | None
