"""What-if scenarios and price elasticities."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import ITEM_EXAMPLE, STORE_EXAMPLE, DepartmentId, IsoDate, RunRef, Schema, Units


class EventChange(Schema):
    """An event added to or removed from a day of the horizon."""

    date: IsoDate
    event_name: str = Field(min_length=1, max_length=128, examples=["Christmas"])
    on: bool = Field(True, description="`false` removes a planned event.")


class WhatIfRequest(Schema):
    """A scenario for an item in a store, or for a department in one or all stores."""

    item_id: str | None = Field(None, min_length=1, max_length=128, description="Item.", examples=[ITEM_EXAMPLE])
    store_id: str | None = Field(None, min_length=1, max_length=64, description="Store.", examples=[STORE_EXAMPLE])
    department_id: str | None = Field(None, min_length=1, max_length=64, description="Department.")
    price: float | None = Field(None, gt=0, le=1e6, description="New price of the item.")
    price_change_percent: float | None = Field(
        None, ge=-99, le=1000, description="Change of the price against plan, in percent.", examples=[-5.0]
    )
    first_date: IsoDate | None = Field(None, description="First day of the change; default: first day of the horizon.")
    last_date: IsoDate | None = Field(None, description="Last day of the change; default: last day of the horizon.")
    flags: dict[Annotated[str, Field(min_length=1, max_length=64)], bool] = Field(
        default_factory=dict, max_length=10, description="New values of declared 0/1 columns that are known in advance."
    )
    events: list[EventChange] = Field(default_factory=list, max_length=10)
    method: Literal["elasticity", "model"] = Field(
        "elasticity", description="Source of the price effect: the elasticity or the item model."
    )


class TrustedRange(Schema):
    """Historical prices relative to the planned price."""

    lowest_ratio: float = Field(gt=0, le=1, examples=[0.8])
    highest_ratio: float = Field(ge=1, examples=[1.1])
    price: float | None = Field(description="Planned price of the item; null for a department.")
    lowest_price: float | None
    highest_price: float | None
    seen_by: Literal["item", "department"] = Field(
        description="`department`: the item's price never changed, but other prices of its department did."
    )
    share_of_units: float = Field(
        ge=0, le=1, description="Share of the forecast from items with historical prices over the whole range."
    )


class ItemElasticity(Schema):
    """Percent change of units per percent change of price, with a 95 % interval."""

    item_id: str | None = Field(description="Null: the department.")
    elasticity: float | None
    low: float | None
    high: float | None
    own_estimate: bool = Field(
        description="`false`: the item's price hardly changed, so the department's elasticity is used."
    )
    price_changes: int = Field(ge=0)


class Elasticity(Schema):
    """Elasticity of a department; null if its prices did not change."""

    department_id: DepartmentId
    elasticity: float | None = Field(
        description="Percent change of units per percent change of price, relative to other items."
    )
    low: float | None = Field(description="Lower bound of the 95 % interval.")
    high: float | None
    standard_error: float | None = Field(description="Clustered by item.")
    item_spread: float | None = Field(description="Standard deviation of the items' elasticities.")
    items: int = Field(ge=0, description="Items whose prices changed relative to others.")
    own_estimates: int = Field(ge=0, description="Items with an estimate of their own.")
    price_changes: int = Field(ge=0)
    weeks: int = Field(ge=0, description="Weeks of history used for the estimate.")


class Elasticities(Schema):
    """Elasticities of a run's departments, and of the items of one."""

    run: RunRef
    departments: list[Elasticity]
    items: list[ItemElasticity] | None = Field(description="Items of the requested department.")


class MethodCheck(Schema):
    """How often a method names the direction in which units moved."""

    moves: int = Field(ge=1, description="Price moves that it answers for.")
    right: int = Field(ge=0)
    share: float = Field(ge=0, le=1)
    relied_on: bool = Field(description="Right more often than guessing is, by a one-sided binomial test at 5 %.")


class PriceMoves(Schema):
    """Published price moves of a department. The run learned from them, so shares are rather too high than too low."""

    run: RunRef
    department_id: DepartmentId
    store_id: str | None
    moves: int = Field(ge=0, description="Of items that sold a week or longer at two prices.")
    elasticity: MethodCheck | None = None
    model: MethodCheck | None = None


class ScenarioDay(Schema):
    """A day of the forecast and of the scenario."""

    date: date
    model: float = Field(ge=0, description="The model's, before overrides.")
    base: float = Field(ge=0, description="The served final.")
    scenario: Units
    low: Units
    high: Units


class WhatIfOutcome(Schema):
    """Sums over the days of the change."""

    units: Units
    low_units: float = Field(ge=0, description="Bounds of the elasticity's interval; null for the item model.")
    high_units: Units
    revenue: float | None = Field(description="Revenue at the planned or new prices; null without prices.")


class PricePoint(Schema):
    """Units at a price relative to units at the planned price."""

    price_ratio: float
    elasticity: float | None = Field(description="Null if it is unknown for half of the units or more.")
    low: float | None
    high: float | None
    model: float | None


class LevelChange(Schema):
    """A node above the change, summed over its days; levels add up as in the forecast."""

    node_id: str
    level: int = Field(ge=1, le=9)
    base: Units
    scenario: Units


class WhatIf(Schema):
    """A scenario beside the forecast."""

    run: RunRef
    item_id: str | None
    store_id: str | None
    department_id: DepartmentId
    first_date: date
    last_date: date
    method: Literal["elasticity", "model"]
    price_ratio: float = Field(description="New price relative to the planned one.")
    trusted: TrustedRange | None = Field(description="Null without prices.")
    elasticity: ItemElasticity | None
    model: WhatIfOutcome = Field(description="The model's forecast, before overrides.")
    base: WhatIfOutcome = Field(description="The served final, which the scenario scales.")
    overrides: list[int] = Field(description="Ids of overrides included in the final.")
    by_elasticity: WhatIfOutcome | None
    by_model: WhatIfOutcome | None = Field(description="Null if the run's model does not estimate price effects.")
    days: list[ScenarioDay]
    curve: list[PricePoint]
    events: list[str] = Field(description="Events of the history that can be added to a day.")
    flags: list[str] = Field(description="Declared 0/1 columns known in advance that can be set.")
    model_is_monotone: bool = Field(
        description="`false`: for some price the model predicts more sales at a higher price."
    )
    levels: list[LevelChange]
