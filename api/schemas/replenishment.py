"""Stock, supply, order proposals, and what planners decide about them."""

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
    """Stock of an item in a store at the close of a day. Several rows of one item differ in their arrival alone."""

    store_id: str = Field(min_length=1, max_length=64, pattern=_NAME, examples=[STORE_EXAMPLE])
    item_id: str = Field(min_length=1, max_length=128, pattern=_NAME, examples=[ITEM_EXAMPLE])
    as_of_date: IsoDate = Field(description="Day at whose close the stock was known.", examples=["2016-05-22"])
    on_hand: float = Field(ge=0, le=MAX_UNITS, allow_inf_nan=False, strict=True, examples=[12])
    on_order: float | None = Field(
        None, ge=0, le=MAX_UNITS, allow_inf_nan=False, strict=True, description="Units under way.", examples=[24]
    )
    arrival_date: IsoDate | None = Field(
        None, description="Day from which what is under way can be sold; needed where something is.",
        examples=["2016-05-25"],
    )  # fmt: skip


class StockRequest(Schema):
    """Stock to store, in place of what is known of these items in these stores."""

    stock: list[StockRow] = Field(max_length=MOST_ROWS)


class SupplyRow(Schema):
    """How goods are supplied. Blank keys match everything; of each term the most specific row that gives it counts."""

    store_id: str = Field("", max_length=64, pattern=_KEY, description="Store; blank: every one.")
    department_id: str = Field(
        "", max_length=64, pattern=_KEY, description="Department; blank: every one.", examples=[DEPARTMENT_EXAMPLE]
    )
    item_id: str = Field("", max_length=128, pattern=_KEY, description="Item; blank: every one.")
    supplier_id: str | None = Field(None, max_length=64, pattern=_KEY, examples=[SUPPLIER_EXAMPLE])
    lead_time_days: int | None = Field(
        None, ge=0, le=56, strict=True, description="Whole days from an order to its delivery.", examples=[3]
    )
    order_weekdays: Weekdays = None
    delivery_weekdays: Weekdays = None
    pack_size: int | None = Field(None, ge=1, le=1_000_000, strict=True, description="Units in a pack.", examples=[12])
    minimum_order: int | None = Field(
        None, ge=0, le=1_000_000, strict=True, description="Fewest units of an item in an order.", examples=[24]
    )
    shelf_life_days: int | None = Field(
        None, ge=1, le=3650, strict=True, description="Days from delivery within which an item has to be sold."
    )


class SupplyRequest(Schema):
    """How all goods are supplied: in place of all that is stored."""

    supply: list[SupplyRow] = Field(max_length=MOST_ROWS)


class Stored(Schema):
    """What was stored."""

    rows: int = Field(ge=0, description="Rows of the request, all of which were stored.")
    not_forecast: int = Field(
        ge=0, description="Items of them that no served run forecasts in their store; they have no order proposal."
    )


class SupplyStored(Schema):
    """What was stored."""

    rows: int = Field(ge=0)


class SupplyTable(Schema):
    """How goods are supplied, by keys."""

    supply: list[SupplyRow]
    total: int = Field(ge=0)
    next_cursor: str | None


class StoreStock(Schema):
    """What is known of the stock of a store."""

    store_id: StoreId
    items: int = Field(ge=1, description="Items whose stock is known.")
    first_as_of: date = Field(description="The oldest of their days.")
    last_as_of: date
    origin: date | None = Field(
        description="Last day of sales behind the served forecast; null if none is served. Older stock is taken as if "
        "it were of this day."
    )
    stored_at: AwareDatetime


class StockState(Schema):
    """Of which stores the stock is known, and who supplies them."""

    stores: list[StoreStock]
    suppliers: list[str]


class OrderProposal(Schema):
    """What to order of an item in a store, when, and why."""

    store_id: StoreId
    item_id: ItemId
    department_id: DepartmentId
    category_id: CategoryId
    supplier_id: SupplierId
    order_units: int = Field(ge=0, description="Units to order, in whole packs and at least the minimum; 0: none.")
    order_date: date = Field(description="The next day on which an order can be placed.")
    delivery_date: date = Field(description="Day from which this order can be sold.")
    run_id: RunId
    days_until_stockout: float | None = Field(
        ge=0,
        description="Days from the day after `as_of_date` until the forecast has used up what is there and what "
        "arrives by then; null where it lasts beyond the forecast.",
    )
    stockout_date: date | None = Field(description="The day on which it does.")
    expected_short: Units = Field(description="Units expected to be asked for in vain before this order arrives.")
    order_value: float | None = Field(ge=0, description="The order at the item's price; null without a price.")
    price: float | None = Field(ge=0)
    as_of_date: date = Field(description="Day at whose close the stock was known.")
    on_hand: Units
    on_order: Units = Field(description="Units that arrive before `next_delivery_date`, accepted orders included.")
    accepted_units: int = Field(ge=0, description="Accepted orders that the stock does not know of yet.")
    lead_time_days: int = Field(ge=0)
    service_level: float = Field(gt=0, lt=1)
    next_delivery_date: date = Field(description="Delivery of the order after this one: until then it has to last.")
    expected_demand: Units = Field(description="Final forecast from the first day to the day before the next delivery.")
    safety_stock: float = Field(description="Stock target less expected demand.")
    stock_target: int = Field(ge=0, description="Units that last until the next delivery with the service level.")
    needed_units: int = Field(ge=0, description="Stock target less what is on hand and on order.")
    pack_size: int = Field(ge=1)
    minimum_order: int = Field(ge=0)
    shelf_life_days: int | None = Field(ge=1)
    shelf_life_limits: bool = Field(
        description="The order is smaller because more would not be sold in its shelf life."
    )
    decision: Literal["accepted", "changed", "rejected"] | None = Field(
        description="The last decision about this item and order date; null without one."
    )
    decided_units: int | None = Field(ge=0)
    decided_by: str | None
    why: str = Field(description="The quantity in one sentence.")


class OrderPage(Schema):
    """Order proposals that match."""

    orders: list[OrderProposal]
    total: int = Field(ge=0, description="Proposals that match, on all pages.")
    to_order: int = Field(ge=0, description="Those of them with units to order.")
    order_value: float = Field(ge=0, description="Value of all orders, of items with a price.")
    without_stock: int = Field(ge=0, description="Items that have no proposal because their stock is not known.")
    beyond_forecast: int = Field(
        ge=0, description="Items that have none because the forecast ends before the delivery after the next one."
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
        description="Of a changed order, what to order instead. Of an accepted one, what was proposed: if another "
        "quantity is proposed by now, it is refused; left out, whatever is proposed is accepted.",
    )


class DecisionsRequest(Schema):
    """Decisions to write in one transaction: all of them, or none."""

    decisions: list[DecisionRow] = Field(min_length=1, max_length=MOST_DECISIONS)
    author: AuthorText | None = None
    lead_time_days: int | None = Field(
        None, ge=0, le=56, strict=True, description="With which the proposals were read, if with another than stored."
    )
    service_level: float | None = Field(None, ge=0.5, le=0.999, strict=True, description="The same.")


class OrderDecision(Schema):
    """A decision about an order; never changed, at most replaced by a later one of the same item and order date."""

    decision_id: int = Field(ge=1)
    store_id: StoreId
    item_id: ItemId
    supplier_id: SupplierId
    decision: Literal["accepted", "changed", "rejected"]
    units: int = Field(ge=0, description="Units ordered; 0: none.")
    proposed_units: int = Field(ge=0)
    price: float | None = Field(ge=0)
    order_date: date
    delivery_date: date
    run_id: RunId
    author: str
    decided_at: AwareDatetime
    replaced_by: int | None = Field(description="The later decision that counts in its place; null: this one counts.")


class WrittenDecisions(Schema):
    """Decisions that were written, in the order of the request."""

    decisions: list[OrderDecision]


class DecisionPage(Schema):
    """Decisions, oldest first."""

    decisions: list[OrderDecision]
    total: int = Field(ge=0, description="Decisions that match, on all pages.")
    next_cursor: str | None
