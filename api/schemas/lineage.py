"""Where a served number comes from."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.accuracy import Errors, SeriesBacktest
from api.schemas.base import Final, ItemId, Mean, RunId, RunRef, Schema, StoreId
from api.schemas.overrides import Override
from api.schemas.quality import QualityResult


class UsedFeature(Schema):
    """A feature that the run's model reads."""

    part: str = Field(description="Part of the model: those of nodes, or `items`, which shares them out.")
    feature: str = Field(examples=["weekday_5"])
    importance: float = Field(
        ge=0,
        description="Of a part of nodes: mean units a day that it moves a store's department by, either way. "
        "Of `items`: its share of what splits of trees gained.",
    )


class LineageFeature(Schema):
    """A family of features behind the number: what it moves it by, and which features of the run are in it."""

    family: str = Field(examples=["weekday"])
    meaning: str
    units: float | None = Field(
        description="Of the node's contribution that day, in the item's share of the node; null of a family that "
        "only the item model reads, and of a run that stored none."
    )
    features: list[UsedFeature] = Field(description="Those that moved anything, by part, the most important first.")


class LineageChecks(Schema):
    """Data-quality checks of the run."""

    passed: int = Field(ge=0)
    failed: list[QualityResult]


class LineageOverride(Schema):
    """An override in the number, in the order in which they act."""

    override: Override
    factor: float | None = Field(description="Multiplies the item's units; null where it sets them.")
    units_each: float | None = Field(description="Units that it sets, where its node was forecast at zero.")


class MonitoredError(Schema):
    """How a published run did in a week that has been sold since."""

    run_id: RunId
    node_id: str
    period_end: date
    wape: float


class TrackRecord(Schema):
    """How forecasts of this kind have done before."""

    series: list[SeriesBacktest] = Field(description="This series on the run's backtest folds, newest first.")
    demand_class: Errors | None = Field(description="All series of its demand class on these folds.")
    lead_day: Errors | None = Field(description="All series on these folds, as many days ahead.")
    monitored: list[MonitoredError] = Field(description="Its department in weeks sold since, of published runs.")


class Lineage(Schema):
    """Where a served number comes from."""

    item_id: ItemId
    store_id: StoreId
    date: date
    mean: Mean
    final: Final
    lead_days: int = Field(ge=1, description="1 is the day after the origin.")
    run: RunRef
    version: str = Field(description="Of the package that forecast it.")
    git_commit: str
    data_fingerprint: str = Field(description="Of the raw data behind the marts.")
    checksum: str | None = Field(description="Of all rows of the run, verified when it was published.")
    mlflow_run_id: str | None
    dbt_invocation_id: str | None = Field(
        description="Invocation of dbt that built the marts; null where the job did not build them itself."
    )
    node_id: str = Field(description="Store x department whose forecast is shared out to the item.")
    demand_class: str
    features: list[LineageFeature] = Field(description="Families, strongest first; empty where the run stored none.")
    checks: LineageChecks
    overrides: list[LineageOverride]
    track_record: TrackRecord
