"""What-if scenarios and price elasticities."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import ITEM_EXAMPLE, STORE_EXAMPLE, DepartmentId, IsoDate, RunRef, Schema, Units


class EventChange(Schema):
    """An event put on a day of the horizon, or taken away from it."""

    date: IsoDate
    event_name: str = Field(min_length=1, max_length=128, examples=["Christmas"])
    on: bool = Field(True, description="`false` takes a planned event away.")


class WhatIfRequest(Schema):
    """What to change, of an item in a store or of a department (in a store, or in all of them)."""

    item_id: str | None = Field(None, min_length=1, max_length=128, description="Item.", examples=[ITEM_EXAMPLE])
    store_id: str | None = Field(None, min_length=1, max_length=64, description="Store.", examples=[STORE_EXAMPLE])
    department_id: str | None = Field(None, min_length=1, max_length=64, description="Department.")
    price: float | None = Field(None, gt=0, le=1e6, description="New price of the item.")
    price_change_percent: float | None = Field(
        None, ge=-99, le=1000, description="New price against the planned one.", examples=[-5.0]
    )
    first_date: IsoDate | None = Field(None, description="First day of the change; the horizon's unless said.")
    last_date: IsoDate | None = Field(None, description="Last day of the change; the horizon's unless said.")
    flags: dict[Annotated[str, Field(min_length=1, max_length=64)], bool] = Field(
        default_factory=dict, max_length=10, description="Declared 0/1 columns that are known in advance, set anew."
    )
    events: list[EventChange] = Field(default_factory=list, max_length=10)
    method: Literal["elasticity", "model"] = Field(
        "elasticity", description="Whose answer to prices the days show: the elasticity's, or the item model's own."
    )


class TrustedRange(Schema):
    """Prices that history has seen, over the planned price."""

    lowest_ratio: float = Field(gt=0, le=1, examples=[0.8])
    highest_ratio: float = Field(ge=1, examples=[1.1])
    price: float | None = Field(description="Planned price of the item; none of a department.")
    lowest_price: float | None
    highest_price: float | None
    seen_by: Literal["item", "department"] = Field(
        description="`department`: the item's own price never moved, those of its department did."
    )
    share_of_units: float = Field(ge=0, le=1, description="Of the forecast: units of items that saw all of the range.")


class ItemElasticity(Schema):
    """Percent of units for a percent of price, with a 95 % interval."""

    item_id: str | None = Field(description="None: of the department.")
    elasticity: float | None
    low: float | None
    high: float | None
    own_estimate: bool = Field(description="`false`: the item's price hardly moved, its department's stands for it.")
    price_changes: int = Field(ge=0)


class Elasticity(Schema):
    """Of a department; none of one whose prices did not move."""

    department_id: DepartmentId
    elasticity: float | None = Field(description="Percent of units for a percent of price, against other items.")
    low: float | None = Field(description="Lower bound of the 95 % interval.")
    high: float | None
    standard_error: float | None = Field(description="Clustered by item.")
    item_spread: float | None = Field(description="Standard deviation of items around it.")
    items: int = Field(ge=0, description="Items whose prices moved against others.")
    own_estimates: int = Field(ge=0, description="Items with an estimate of their own.")
    price_changes: int = Field(ge=0)
    weeks: int = Field(ge=0, description="Weeks of history that it was learned from.")


class Elasticities(Schema):
    """Of the departments of a run, and of items of one."""

    run: RunRef
    departments: list[Elasticity]
    items: list[ItemElasticity] | None = Field(description="Of the department asked for.")


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
    """A day as it is forecast and as it would be."""

    date: date
    model: float = Field(ge=0, description="The model's, before overrides.")
    base: float = Field(ge=0, description="As it is served: the final.")
    scenario: Units
    low: Units
    high: Units


class WhatIfOutcome(Schema):
    """Sums over the days of the change."""

    units: Units
    low_units: float = Field(ge=0, description="With the elasticity's bounds; the model's answer has none.")
    high_units: Units
    revenue: float | None = Field(description="At the planned or new prices; none without prices.")


class PricePoint(Schema):
    """Units at a price over units at the planned price."""

    price_ratio: float
    elasticity: float | None = Field(description="None where it is not known for half of the units.")
    low: float | None
    high: float | None
    model: float | None


class LevelChange(Schema):
    """A node above the change, over its days; levels add up as those of the forecast do."""

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
    price_ratio: float = Field(description="New price over the planned one.")
    trusted: TrustedRange | None = Field(description="None without prices.")
    elasticity: ItemElasticity | None
    model: WhatIfOutcome = Field(description="The model's forecast, before overrides.")
    base: WhatIfOutcome = Field(description="As it is served: the final, which the scenario multiplies.")
    overrides: list[int] = Field(description="Overrides in the final, by id.")
    by_elasticity: WhatIfOutcome | None
    by_model: WhatIfOutcome | None = Field(description="None of a run whose model does not say what prices do.")
    days: list[ScenarioDay]
    curve: list[PricePoint]
    events: list[str] = Field(description="Events of the history that can be put on a day.")
    flags: list[str] = Field(description="Declared 0/1 columns known in advance that can be set.")
    model_is_monotone: bool = Field(description="`false`: somewhere the model sells more at a higher price.")
    levels: list[LevelChange]
