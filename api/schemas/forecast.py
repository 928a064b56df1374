"""Forecasts and sales of series, and of departments of a store."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from api.schemas.base import (
    ITEM_EXAMPLE,
    STORE_EXAMPLE,
    CategoryId,
    DepartmentId,
    Final,
    FinalQuantiles,
    ItemId,
    Mean,
    RegionId,
    RunId,
    RunRef,
    Schema,
    StoreId,
)
from models_ml.settings import QUANTILES


class ForecastDay(Schema):
    """Forecast of one day or, if the run's `step_days` is 7, of the week that begins on `date`."""

    date: date
    mean: Mean
    quantiles: FinalQuantiles = None
    final: Final


class SeriesForecast(Schema):
    """Forecast of one item in one store."""

    item_id: ItemId
    store_id: StoreId
    run: RunRef
    days: list[ForecastDay]


class HistoryDay(Schema):
    """Sales of one day or, if the run's `step_days` is 7, of the week that begins on `date`."""

    date: date
    units: float
    price: float | None = Field(None, description="Selling price on that day (or week), if known.")


class SeriesHistory(Schema):
    """Recent sales of one item in one store, oldest first, without days before the launch."""

    item_id: ItemId
    store_id: StoreId
    run: RunRef
    days: list[HistoryDay]


class DepartmentForecast(Schema):
    """One department of one store: forecast and past sales."""

    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    region_id: RegionId
    node_id: str = Field(examples=["store_department:CA_1|FOODS_1"])
    run: RunRef
    forecast_units: float = Field(description="Sum of the mean over the horizon.")
    final_units: float = Field(description="Sum of the final over the horizon.")
    last_period_units: float | None = Field(
        description="Units sold in as many days up to the origin; null without history."
    )
    last_year_units: float | None = Field(
        description="Units sold on the same days (or weeks) 364 days earlier; null without history."
    )
    days: list[ForecastDay]


class DepartmentForecasts(Schema):
    """Departments by store, in order of store and department."""

    departments: list[DepartmentForecast]


class BulkRow(Schema):
    """One day of one series; CSV and Arrow have a column for each field and one `q_…` per quantile."""

    run_id: RunId
    store_id: StoreId
    item_id: ItemId
    date: date
    mean: Mean
    quantiles: FinalQuantiles
    final: Final


class Bulk(Schema):
    """Many forecasts; JSON form of `/forecast/bulk`."""

    rows: list[BulkRow]


class SeriesKey(Schema):
    """Names one series."""

    item_id: Annotated[str, Field(min_length=1, max_length=128, description="Item.", examples=[ITEM_EXAMPLE])]
    store_id: Annotated[str, Field(min_length=1, max_length=64, description="Store.", examples=[STORE_EXAMPLE])]


class BulkRequest(Schema):
    """The requested series, by name."""

    series: list[SeriesKey] = Field(min_length=1, examples=[[{"item_id": ITEM_EXAMPLE, "store_id": STORE_EXAMPLE}]])
    quantiles: list[
        Annotated[float, Field(json_schema_extra={"enum": list(QUANTILES)}, description="A stored probability.")]
    ] = Field(default_factory=list, max_length=50, examples=[[0.025, 0.975]])
