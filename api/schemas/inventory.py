"""Ordering policies and stock."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import CategoryId, DepartmentId, ItemId, RunId, RunRef, Schema, StoreId, Units


class OrderingTerms(Schema):
    """Ordering terms of an item."""

    lead_time_days: int = Field(ge=0, description="Whole days from an order to the first day on which it can be sold.")
    review_period_days: int = Field(ge=1, description="Whole days between orders.")
    service_level: float = Field(
        gt=0, lt=1, description="Target probability that stock lasts until the next order arrives."
    )
    holding_cost: float = Field(ge=0, description="Cost of holding a unit for a year, as a share of its price.")
    shortage_cost: float = Field(ge=0, description="Cost of a unit short, as a share of its price.")


class PolicySeries(Schema):
    """An item in a store, with its ordering terms."""

    item_id: ItemId
    store_id: StoreId
    department_id: DepartmentId
    category_id: CategoryId
    run_id: RunId
    price: float | None = Field(ge=0, description="Last known price; null without prices.")
    terms: OrderingTerms


class PolicyFigures(Schema):
    """Ordering policy from the run's origin on."""

    expected_demand: Units = Field(description="Mean demand over lead time plus review period.")
    safety_stock: float = Field(
        description="Order-up-to level minus expected demand; negative if the mean alone exceeds the required level."
    )
    reorder_point: int = Field(ge=0, description="Order immediately if stock on hand and on order falls below it.")
    order_up_to: int = Field(ge=0, description="Target for stock on hand and on order after an order.")
    expected_short: Units = Field(description="Expected unmet demand before the next order arrives.")
    days_of_cover: float = Field(ge=0, description="How long the order-up-to level lasts at the expected demand.")
    mean_stock: Units = Field(description="Expected stock on hand, averaged between two deliveries.")
    stock_value: float | None = Field(ge=0, description="Value of the mean stock at the item's price.")


class InventoryPolicy(PolicyFigures, PolicySeries):
    """Ordering policy of one item in one store for the final forecast, after overrides."""

    model: PolicyFigures | None = Field(description="Policy for the model's forecast; null if no override changes it.")
    overrides: list[int] = Field(description="Overrides within lead time plus review period, in order of creation.")


class OrderSuggestion(Schema):
    """Order for the given stock."""

    on_hand: Units
    on_order: Units
    order_units: int = Field(ge=0, description="Units that raise stock on hand and on order to the order-up-to level.")
    below_reorder_point: bool = Field(description="Stock may not last until an order placed now arrives.")


class InventoryAnswer(Schema):
    """Policy of one item in one store, with an order if stock on hand was given."""

    run: RunRef
    policy: InventoryPolicy
    order: OrderSuggestion | None


class InventoryPage(Schema):
    """Matching policies, by item and store or by stock value."""

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
    unpriced_items: int = Field(ge=0, description="Items without a price; their stock has no value here.")


class StockFigures(Schema):
    """Sums over the policies of a department's items."""

    expected_demand: Units
    order_up_to: int = Field(ge=0)
    mean_stock: Units
    expected_short: Units
    stock_value: float = Field(ge=0, description="Mean stock at the items' prices.")
    safety_stock_value: float = Field(description="Safety stock at the items' prices.")


class InventoryDepartment(StockFigures, StockOfDepartment):
    """Stock of a department of a store for the final forecast, after overrides."""

    model: StockFigures | None = Field(
        description="Stock for the model's forecast; null if no override changes an item."
    )
    overridden_items: int = Field(ge=0, description="Items whose policy is changed by an override.")


class InventoryDepartments(Schema):
    """All departments of the matching stores."""

    departments: list[InventoryDepartment]
