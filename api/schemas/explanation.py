"""Why a forecast is what it is."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.base import ItemId, RunRef, Schema, StoreId


class Cause(Schema):
    """What one family of features moves a forecast by."""

    family: str = Field(examples=["weekday"])
    meaning: str = Field(examples=["the day of the week"])
    units_per_step: float = Field(
        description="Mean over the days (or weeks) of the horizon; all families add up to the forecast."
    )
    strongest_units: float = Field(description="On the day (or week) that it differs most from its own mean.")
    strongest_date: date
    days: list[float] = Field(description="Units on each day (or week) of `dates`.")


class Explanation(Schema):
    """Why a node, or an item under it, is forecast as it is; the strongest cause first after the level."""

    run: RunRef
    node_id: str = Field(description="Node that the causes are of.", examples=["store_department:CA_1|FOODS_1"])
    item_id: ItemId | None
    store_id: StoreId | None
    share: float | None = Field(description="The item's share of its node's forecast; null for a node.")
    recent_share: float | None = Field(description="Its share of what the node sold in the last 28 days.")
    dates: list[date]
    causes: list[Cause]
