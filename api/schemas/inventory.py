"""Ordering policies and stock."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import CategoryId, DepartmentId, ItemId, RunId, RunRef, Schema, StoreId, Units


class OrderingTerms(Schema):
    """How an item is ordered."""

    lead_time_days: int = Field(ge=0, description="Whole days between an order and the first day it can be sold on.")
    review_period_days: int = Field(ge=1, description="Whole days between orders.")
    service_level: float = Field(gt=0, lt=1, description="Probability that stock is to last until the next order.")
    holding_cost: float = Field(ge=0, description="Cost of holding a unit for a year, as a share of its price.")
    shortage_cost: float = Field(ge=0, description="Cost of a unit short, as a share of its price.")


class PolicySeries(Schema):
    """An item in a store, and how it is ordered."""

    item_id: ItemId
    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    run_id: RunId
    price: float | None = Field(ge=0, description="Last known price; null without prices.")
    terms: OrderingTerms


class PolicyFigures(Schema):
    """What to hold and to order, from the run's origin on."""

    expected_demand: Units = Field(description="Mean demand over the lead time and the review period together.")
    safety_stock: float = Field(
        description="Order-up-to level less expected demand; below zero where the mean alone is more than is asked for."
    )
    reorder_point: int = Field(ge=0, description="Order at once when stock on hand and on order is below it.")
    order_up_to: int = Field(ge=0, description="Stock on hand and on order right after an order.")
    expected_short: Units = Field(
        description="Expected units short: demand that cannot be met before the next order arrives."
    )
    days_of_cover: float = Field(ge=0, description="How long the order-up-to level lasts at the expected demand.")
    mean_stock: Units = Field(description="Stock expected on hand, between an order's arrival and the next one's.")
    stock_value: float | None = Field(ge=0, description="Mean stock at the item's price.")


class InventoryPolicy(PolicyFigures, PolicySeries):
    """What to hold and to order of one item in one store, for the final forecast: after overrides."""

    model: PolicyFigures | None = Field(description="For the model's forecast; null where no override moves it.")
    overrides: list[int] = Field(
        description="Overrides on days of the lead time and the review period, in order of creation."
    )


class OrderSuggestion(Schema):
    """What to order, given what is there."""

    on_hand: Units
    on_order: Units
    order_units: int = Field(ge=0, description="Units that lift stock on hand and under way to the order-up-to level.")
    below_reorder_point: bool = Field(description="Stock may not last until an order that is placed now arrives.")


class InventoryAnswer(Schema):
    """Policy of one item in one store; with a suggestion when stock on hand was given."""

    run: RunRef
    policy: InventoryPolicy
    order: OrderSuggestion | None


class InventoryPage(Schema):
    """Policies that match, by item and store or by the value of their stock."""

    items: list[InventoryPolicy]
    total: int = Field(ge=0)
    next_cursor: str | None


class StockOfDepartment(Schema):
    """A department of a store."""

    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    run_id: RunId
    items: int = Field(ge=0, description="Items with a policy.")
    unpriced_items: int = Field(ge=0, description="Those of them without a price: their stock has no value here.")


class StockFigures(Schema):
    """Sums over the policies of a department's items."""

    expected_demand: Units
    order_up_to: int = Field(ge=0)
    mean_stock: Units
    expected_short: Units
    stock_value: float = Field(ge=0, description="Mean stock at the items' prices.")
    safety_stock_value: float = Field(description="Safety stock at the items' prices.")


class InventoryDepartment(StockFigures, StockOfDepartment):
    """Stock of a department of a store, for the final forecast: after overrides."""

    model: StockFigures | None = Field(description="For the model's forecast; null where no override moves an item.")
    overridden_items: int = Field(ge=0, description="Items whose policy an override moves.")


class InventoryDepartments(Schema):
    """Every department of every store that matches."""

    departments: list[InventoryDepartment]
