"""Explanations of forecasts."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.base import ItemId, RunRef, Schema, StoreId


class Cause(Schema):
    """Contribution of one feature family to a forecast."""

    family: str = Field(examples=["weekday"])
    meaning: str = Field(examples=["the day of the week"])
    units_per_step: float = Field(
        description="Mean contribution over the days (or weeks) of the horizon; all families add up to the forecast."
    )
    strongest_units: float = Field(
        description="Contribution on the day (or week) on which it differs most from its mean."
    )
    strongest_date: date
    days: list[float] = Field(description="Contribution on each day (or week) of `dates`.")


class Explanation(Schema):
    """Explanation of the forecast of a node, or of an item below it; after the level, strongest cause first."""

    run: RunRef
    node_id: str = Field(description="Node to which the causes apply.", examples=["store_department:CA_1|FOODS_1"])
    item_id: ItemId | None
    store_id: StoreId | None
    share: float | None = Field(description="The item's share of its node's forecast; null for a node.")
    recent_share: float | None = Field(description="The item's share of the node's sales in the last 28 days.")
    dates: list[date]
    causes: list[Cause]
