"""Changes between an earlier run and the served forecasts."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from api.schemas.base import ItemId, RunId, Schema, StoreId, Units


class ChangedSeries(Schema):
    """A series whose final changed, over the days that both runs forecast."""

    store_id: StoreId
    item_id: ItemId
    run_id: RunId | None = Field(description="The run that serves it; null if it is no longer forecast.")
    change: Literal["moved", "new", "gone"]
    first_date: date | None = Field(description="First compared day; null for `new` and `gone`.")
    last_date: date | None
    units_before: Units | None = Field(description="Sum of the earlier run's final on these days; null for `new`.")
    units_now: Units | None = Field(description="Sum of the served final; null for `gone`.")
    change_percent: float | None = Field(
        description="Relative change of the sum; null if it was zero, for `new` and for `gone`."
    )


class ForecastDelta(Schema):
    """A page of changed series, by store and item."""

    since_run: RunId
    version: str = Field(description="Version of the served forecasts, as in `/model/status`; equal on all pages.")
    series: list[ChangedSeries]
    next_cursor: str | None = Field(description="Pass as `cursor` to get the next page; null on the last page.")
