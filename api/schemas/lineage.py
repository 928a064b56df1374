"""Where a served number comes from."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.accuracy import Errors, SeriesBacktest
from api.schemas.base import Final, ItemId, Mean, RunId, RunRef, Schema, StoreId
from api.schemas.overrides import Override
from api.schemas.quality import QualityResult


class UsedFeature(Schema):
    """A feature of the run's model."""

    part: str = Field(description="Part of the model: one for nodes, or `items`, which allocates them.")
    feature: str = Field(examples=["weekday_5"])
    importance: float = Field(
        ge=0,
        description="For nodes: mean absolute contribution to a store's department in units a day. For "
        "`items`: share of the total gain of the trees' splits.",
    )


class LineageFeature(Schema):
    """A feature family: its contribution and its features."""

    family: str = Field(examples=["weekday"])
    meaning: str
    units: float | None = Field(
        description="The node's contribution on that day times the item's share of the node; null for "
        "families that only the item model uses, and for runs without stored contributions."
    )
    features: list[UsedFeature] = Field(description="Features with an effect, by part, most important first.")


class LineageChecks(Schema):
    """Data-quality checks of the run."""

    passed: int = Field(ge=0)
    failed: list[QualityResult]


class LineageOverride(Schema):
    """An override included in the number, in order of application."""

    override: Override
    factor: float | None = Field(description="Factor on the item's units; null if the override sets them.")
    units_each: float | None = Field(description="Units set by the override, if the node's forecast was zero.")


class MonitoredError(Schema):
    """Live accuracy of a published run in a past week."""

    run_id: RunId
    node_id: str
    period_end: date
    wape: float


class TrackRecord(Schema):
    """Past errors of comparable forecasts."""

    series: list[SeriesBacktest] = Field(description="This series on the run's backtest folds, newest first.")
    demand_class: Errors | None = Field(description="All series of its demand class on these folds.")
    lead_day: Errors | None = Field(description="All series on these folds, at the same lead time.")
    monitored: list[MonitoredError] = Field(description="Live accuracy of its department, by published runs.")


class Lineage(Schema):
    """Where a served number comes from."""

    item_id: ItemId
    store_id: StoreId
    date: date
    mean: Mean
    final: Final
    lead_days: int = Field(ge=1, description="1 is the day after the origin.")
    run: RunRef
    version: str = Field(description="Version of the package that computed it.")
    git_commit: str
    data_fingerprint: str = Field(description="Fingerprint of the raw data behind the marts.")
    checksum: str | None = Field(description="Digest of all rows of the run, verified at publication.")
    mlflow_run_id: str | None
    dbt_invocation_id: str | None = Field(
        description="dbt invocation that built the marts; null if the job did not build them."
    )
    node_id: str = Field(description="Store × department whose forecast is allocated to the item.")
    demand_class: str
    features: list[LineageFeature] = Field(description="Families, strongest first; empty if the run stored none.")
    checks: LineageChecks
    overrides: list[LineageOverride]
    track_record: TrackRecord
