"""Stock, supply terms, order proposals and planners' decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import (
    DEPARTMENT_EXAMPLE,
    ITEM_EXAMPLE,
    STORE_EXAMPLE,
    CategoryId,
    DepartmentId,
    IsoDate,
    ItemId,
    RunId,
    Schema,
    StoreId,
    Units,
)
from api.schemas.overrides import AuthorText
from models_ml.prediction_store.bounds import MAX_UNITS

MOST_ROWS = 200_000
MOST_DECISIONS = 10_000

_NAME = r"^[^\x00-\x1f\x7f]+$"
_KEY = r"^[^\x00-\x1f\x7f]*$"
SUPPLIER_EXAMPLE = "Dairy North"
Weekdays = Annotated[
    str | None,
    Field(
        max_length=60,
        pattern=r"^((mon|tue|wed|thu|fri|sat|sun)( |$))*$",
        description="Weekdays, as `mon thu`; null: any day.",
        examples=["mon thu"],
    ),
]
SupplierId = Annotated[str | None, Field(description="Supplier; null if none is stored.", examples=[SUPPLIER_EXAMPLE])]


class StockRow(Schema):
    """Stock of an item in a store at the close of a day. Several rows of one item differ only in their arrival."""

    store_id: str = Field(min_length=1, max_length=64, pattern=_NAME, examples=[STORE_EXAMPLE])
    item_id: str = Field(min_length=1, max_length=128, pattern=_NAME, examples=[ITEM_EXAMPLE])
    as_of_date: IsoDate = Field(description="Date of the stock (at close).", examples=["2016-05-22"])
    on_hand: float = Field(ge=0, le=MAX_UNITS, allow_inf_nan=False, strict=True, examples=[12])
    on_order: float | None = Field(
        None, ge=0, le=MAX_UNITS, allow_inf_nan=False, strict=True, description="Units on order.", examples=[24]
    )
    arrival_date: IsoDate | None = Field(
        None, description="First day on which units on order can be sold; required if `on_order` is positive.",
        examples=["2016-05-25"],
    )  # fmt: skip


class StockRequest(Schema):
    """Stock to store; replaces the stock of these items in these stores."""

    stock: list[StockRow] = Field(max_length=MOST_ROWS)


class SupplyRow(Schema):
    """Supply terms. Blank keys match everything; for each term, the most specific row that sets it applies."""

    store_id: str = Field("", max_length=64, pattern=_KEY, description="Store; blank: all.")
    department_id: str = Field(
        "", max_length=64, pattern=_KEY, description="Department; blank: all.", examples=[DEPARTMENT_EXAMPLE]
    )
    item_id: str = Field("", max_length=128, pattern=_KEY, description="Item; blank: all.")
    supplier_id: str | None = Field(None, max_length=64, pattern=_KEY, examples=[SUPPLIER_EXAMPLE])
    lead_time_days: int | None = Field(
        None, ge=0, le=56, strict=True, description="Whole days from an order to its delivery.", examples=[3]
    )
    order_weekdays: Weekdays = None
    delivery_weekdays: Weekdays = None
    pack_size: int | None = Field(None, ge=1, le=1_000_000, strict=True, description="Units per pack.", examples=[12])
    minimum_order: int | None = Field(
        None, ge=0, le=1_000_000, strict=True, description="Minimum units of an item per order.", examples=[24]
    )
    shelf_life_days: int | None = Field(
        None, ge=1, le=3650, strict=True, description="Days from delivery within which an item has to be sold."
    )


class SupplyRequest(Schema):
    """All supply terms; they replace the stored ones."""

    supply: list[SupplyRow] = Field(max_length=MOST_ROWS)


class Stored(Schema):
    """Result of an import."""

    rows: int = Field(ge=0, description="Stored rows.")
    not_forecast: int = Field(
        ge=0, description="Items that no served run forecasts in their store; they get no order proposal."
    )


class SupplyStored(Schema):
    """Result of an import."""

    rows: int = Field(ge=0)


class SupplyTable(Schema):
    """Supply terms by key."""

    supply: list[SupplyRow]
    total: int = Field(ge=0)
    next_cursor: str | None


class StoreStock(Schema):
    """Status of a store's stock."""

    store_id: StoreId
    items: int = Field(ge=1, description="Items whose stock is known.")
    first_as_of: date = Field(description="Oldest date of the stock.")
    last_as_of: date
    origin: date | None = Field(
        description="Last day of sales known to the served forecast; null if none is served. Older stock is "
        "treated as of this day."
    )
    stored_at: AwareDatetime


class StockState(Schema):
    """Stores with known stock, and suppliers."""

    stores: list[StoreStock]
    suppliers: list[str]


class OrderProposal(Schema):
    """Order proposal for an item in a store, with date and reason."""

    store_id: StoreId
    item_id: ItemId
    department_id: DepartmentId
    category_id: CategoryId
    supplier_id: SupplierId
    order_units: int = Field(ge=0, description="Units to order, in whole packs and at least the minimum; 0: no order.")
    order_date: date = Field(description="Next day on which an order can be placed.")
    delivery_date: date = Field(description="First day on which this order can be sold.")
    run_id: RunId
    days_until_stockout: float | None = Field(
        ge=0,
        description="Days, counted from the day after `as_of_date`, until the forecast has consumed stock "
        "and arrivals; null if they last beyond the forecast.",
    )
    stockout_date: date | None = Field(description="Day of the expected stockout.")
    expected_short: Units = Field(description="Expected unmet demand before this order arrives.")
    order_value: float | None = Field(ge=0, description="Value of the order at the item's price; null without a price.")
    price: float | None = Field(ge=0)
    as_of_date: date = Field(description="Date of the stock (at close).")
    on_hand: Units
    on_order: Units = Field(description="Units that arrive before `next_delivery_date`, accepted orders included.")
    accepted_units: int = Field(ge=0, description="Accepted orders not yet included in the stock.")
    lead_time_days: int = Field(ge=0)
    service_level: float = Field(gt=0, lt=1)
    next_delivery_date: date = Field(description="Delivery of the following order, until which this one must last.")
    expected_demand: Units = Field(description="Final forecast from the first day to the day before the next delivery.")
    safety_stock: float = Field(description="Stock target minus expected demand.")
    stock_target: int = Field(
        ge=0, description="Units that last until the next delivery with the service level's probability."
    )
    needed_units: int = Field(ge=0, description="Stock target minus stock on hand and on order.")
    pack_size: int = Field(ge=1)
    minimum_order: int = Field(ge=0)
    shelf_life_days: int | None = Field(ge=1)
    shelf_life_limits: bool = Field(
        description="The order is reduced, because more would not be sold within the shelf life."
    )
    decision: Literal["accepted", "changed", "rejected"] | None = Field(
        description="Last decision about this item and order date; null if none."
    )
    decided_units: int | None = Field(ge=0)
    decided_by: str | None
    why: str = Field(description="Explanation of the quantity in one sentence.")


class OrderPage(Schema):
    """Matching order proposals."""

    orders: list[OrderProposal]
    total: int = Field(ge=0, description="Number of matching proposals, on all pages.")
    to_order: int = Field(ge=0, description="Number of proposals with units to order.")
    order_value: float = Field(ge=0, description="Value of all orders of items with a price.")
    without_stock: int = Field(ge=0, description="Items without a proposal because their stock is unknown.")
    beyond_forecast: int = Field(
        ge=0, description="Items without a proposal because the forecast ends before their second next delivery."
    )
    next_cursor: str | None


class DecisionRow(Schema):
    """A decision about the order of an item in a store."""

    store_id: str = Field(min_length=1, max_length=64, pattern=_NAME, examples=[STORE_EXAMPLE])
    item_id: str = Field(min_length=1, max_length=128, pattern=_NAME, examples=[ITEM_EXAMPLE])
    decision: Literal["accepted", "changed", "rejected"] = Field(examples=["accepted"])
    units: int | None = Field(
        None,
        ge=0,
        le=1_000_000_000,
        strict=True,
        description="For `changed`: units to order instead. For `accepted`: the proposed units; rejected if "
        "the proposal has changed since; if omitted, the current proposal is accepted.",
    )


class DecisionsRequest(Schema):
    """Decisions to store in one transaction."""

    decisions: list[DecisionRow] = Field(min_length=1, max_length=MOST_DECISIONS)
    author: AuthorText | None = None
    lead_time_days: int | None = Field(
        None, ge=0, le=56, strict=True, description="Lead time used for the proposals, if it was not the stored one."
    )
    service_level: float | None = Field(None, ge=0.5, le=0.999, strict=True, description="The same.")


class OrderDecision(Schema):
    """A decision about an order; never changed, but superseded by a later one for the same item and order date."""

    decision_id: int = Field(ge=1)
    store_id: StoreId
    item_id: ItemId
    supplier_id: SupplierId
    decision: Literal["accepted", "changed", "rejected"]
    units: int = Field(ge=0, description="Units ordered; 0: no order.")
    proposed_units: int = Field(ge=0)
    price: float | None = Field(ge=0)
    order_date: date
    delivery_date: date
    run_id: RunId
    author: str
    decided_at: AwareDatetime
    replaced_by: int | None = Field(description="The decision that supersedes it; null if it is current.")


class WrittenDecisions(Schema):
    """Stored decisions, in the order of the request."""

    decisions: list[OrderDecision]


class DecisionPage(Schema):
    """Decisions, oldest first."""

    decisions: list[OrderDecision]
    total: int = Field(ge=0, description="Number of matching decisions, on all pages.")
    next_cursor: str | None
