"""What changed between an earlier run and the forecasts that are served now."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from api.schemas.base import ItemId, RunId, Schema, StoreId, Units


class ChangedSeries(Schema):
    """A series whose final moved, over the days that both runs forecast."""

    store_id: StoreId
    item_id: ItemId
    run_id: RunId | None = Field(description="The run that it is served from; null where it is forecast no more.")
    change: Literal["moved", "new", "gone"]
    first_date: date | None = Field(description="First of the days compared; null for `new` and `gone`.")
    last_date: date | None
    units_before: Units | None = Field(description="Sum of the earlier run's final on these days; null for `new`.")
    units_now: Units | None = Field(description="Sum of the final served now; null for `gone`.")
    change_percent: float | None = Field(description="Of the sum; null where it was zero, for `new` and for `gone`.")


class ForecastDelta(Schema):
    """A page of changed series, by store and item."""

    since_run: RunId
    version: str = Field(description="Of what is served, as in `/model/status`: all pages have the same.")
    series: list[ChangedSeries]
    next_cursor: str | None = Field(description="Ask again with `cursor` set to this; null on the last page.")
