"""Nodes of the twelve levels."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.base import (
    CategoryId,
    DepartmentId,
    Final,
    FinalQuantiles,
    ItemId,
    LevelName,
    Mean,
    RegionId,
    RunRef,
    Schema,
    StoreId,
)
from api.schemas.forecast import ForecastDay, HistoryDay


class Node(Schema):
    """A node of the hierarchy: a sum over series."""

    node_id: str = Field(examples=["store:CA_1"])
    level: int = Field(ge=1, le=12, examples=[3])
    level_name: LevelName
    region_id: RegionId | None = None
    store_id: StoreId | None = None
    category_id: CategoryId | None = None
    department_id: DepartmentId | None = None
    item_id: ItemId | None = None


class PeriodForecast(Schema):
    """Forecast of the total of a week or the horizon, with its own quantiles, because quantiles of days do not add
    up."""

    first_date: date
    last_date: date
    mean: Mean
    quantiles: FinalQuantiles
    final: Final


class NodeForecast(Node):
    """A node's forecast, and its history if `history_days` is set."""

    forecast_units: float = Field(description="Sum of the mean over the horizon.")
    final_units: float = Field(description="Sum of the final over the horizon.")
    days: list[ForecastDay]
    weeks: list[PeriodForecast] = Field(
        description="Totals of seven days from the origin on; for items, the quantiles come from their "
        "ordering policies. Empty for items over several stores, items without a policy, and old "
        "runs."
    )
    horizon: PeriodForecast | None = Field(description="Total of the horizon; null if `weeks` is empty.")
    history: list[HistoryDay] = Field(description="Oldest first; empty unless `history_days` is set.")


class NodePage(Schema):
    """Nodes of one level, all from one run."""

    run: RunRef
    scope: list[str] = Field(description="Stores included in the run's sums.")
    level: int = Field(ge=1, le=12)
    level_name: LevelName
    nodes: list[NodeForecast]
    total: int = Field(ge=0)
    next_cursor: str | None
