"""Search among the served series."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.accuracy import SeriesBacktest
from api.schemas.base import CategoryId, DepartmentId, ItemId, RegionId, RunId, Schema, StoreId


class Series(Schema):
    """One item in one store of the served run."""

    item_id: ItemId
    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    region_id: RegionId
    run_id: RunId
    price: float | None = Field(description="Last known price.")
    units_last_28: float = Field(description="Units sold in the last 28 days before the origin.")
    forecast_units: float = Field(description="Sum of the mean over the horizon.")
    final_units: float = Field(description="Sum of the final over the horizon.")
    demand_class: str = Field(description="smooth, erratic, intermittent, lumpy or new.", examples=["smooth"])
    launch_date: date | None
    backtest: SeriesBacktest | None = Field(description="Null if the run's backtest has no errors of series.")


class ItemPage(Schema):
    """A page of served series."""

    items: list[Series]
    total: int = Field(ge=0, description="Number of matching series, on all pages.")
    next_cursor: str | None = Field(description="Pass as `cursor` to get the next page; null on the last page.")
