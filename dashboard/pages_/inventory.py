"""Inventory: order-up-to levels, and the value of stock by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from api import schemas
from dashboard import charts, data, formats, layout, navigation, state
from dashboard.data import Serving
from dashboard.hierarchy import NO_LEVEL, Place, Product
from dashboard.layout import Card
from dashboard.pages_ import picks

NO_ITEM = "none"
MOST_BARS = 12


def render(serving: Serving) -> None:
    """Draw the page."""
    st.title("What to order, and where is the stock?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = picks.pick_place(serving)
        product = picks.pick_product(serving, place)
        listed, total = _items(serving, place, product)
        item = _pick_item(serving, listed)
    state.write_address("place", "product", "item")
    layout.unavailable_picks()
    departments = _departments(serving, place, product)
    if not departments:
        layout.empty(
            "The served run has no ordering policies for this pick.",
            "Old runs have no policies; `demand run` computes them. An item has no policy if its lead time plus review "
            "period exceeds the forecast horizon.",
        )
        return
    layout.cards(_cards(departments))
    _moved(departments)
    _picture(departments, listed, product)
    if listed:
        _order(serving, place, next((one for one in listed if one.item_id == item), None))
        _table(listed, total, place, product)
    else:
        layout.note(f"{_waiting(serving)} to see its items and their order-up-to levels.")
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link("explore", "This pick's forecast", {"place": place.text, "product": product.text})
        layout.share()


def _departments(serving: Serving, place: Place, product: Product) -> list[schemas.InventoryDepartment]:
    """Departments of the picked stores."""
    inside = {
        store.store_id
        for store in serving.stores
        if place.kind == "all"
        or (place.kind == "region" and store.region_id == place.name)
        or store.store_id == place.name
    }
    wanted = product.filters()
    return [
        one
        for one in data.inventory_departments(serving.run_key).departments
        if one.store_id in inside
        and wanted.get("department_id", one.department_id) == one.department_id
        and wanted.get("category_id", one.category_id) == one.category_id
    ]


def _items(serving: Serving, place: Place, product: Product) -> tuple[list[schemas.InventoryPolicy], int]:
    """Items of one department of one store, most valuable stock first."""
    if place.kind != "store" or product.kind != "department":
        return [], 0
    return data.inventory_items(serving.run_key, place.name, product.name)


def _waiting(serving: Serving) -> str:
    """What must be picked before items are listed."""
    return "Pick a store and a department" if 5 in serving.levels else "Pick a store"


def _pick_item(serving: Serving, listed: Sequence[schemas.InventoryPolicy]) -> str | None:
    if [policy.item_id for policy in listed] == [NO_LEVEL]:
        return NO_LEVEL
    if not listed:
        st.selectbox(
            "Item",
            [_waiting(serving)],
            disabled=True,
            width=230,
            key="stock_item_waits",
            help="Items are listed per department of a store.",
        )
        return None
    chosen = state.choose(
        "Item",
        "item",
        [NO_ITEM, *(policy.item_id for policy in listed)],
        show=lambda text: "Choose an item" if text == NO_ITEM else text,
        help_text="Most valuable stock first. Type to search.",
        width=230,
    )
    return None if chosen == NO_ITEM else chosen


def _cards(departments: Sequence[schemas.InventoryDepartment]) -> list[Card]:
    value = sum(one.stock_value for one in departments)
    safety = sum(one.safety_stock_value for one in departments)
    demand = sum(one.expected_demand for one in departments)
    short = sum(one.expected_short for one in departments)
    stock = sum(one.mean_stock for one in departments)
    items, unpriced = sum(one.items for one in departments), sum(one.unpriced_items for one in departments)
    if _priced(departments):
        first = Card(
            "What is the stock worth?",
            formats.short_units(value),
            f"at current prices: {formats.units(stock)} units of {formats.count(items)} items, averaged between two "
            f"deliveries.",
            f"{formats.count(unpriced)} items have no price and are not included." if unpriced else "",
        )
    else:
        first = Card(
            "How much stock will there be?",
            f"{formats.short_units(stock)} units",
            f"of {formats.count(items)} items in stores, averaged between two deliveries.",
        )
        safety = sum(one.order_up_to - one.expected_demand for one in departments)
    return [
        first,
        Card(
            "How much of it is safety stock?",
            formats.short_units(safety) + ("" if _priced(departments) else " units"),
            "is held beyond the expected demand, to cover forecast errors.",
        ),
        Card(
            "How much demand will be unmet?",
            formats.percent(short / demand, digits=1) if demand else formats.NO_VALUE,
            f"of demand before the next delivery: {formats.units(short)} of {formats.units(demand)} units.",
        ),
    ]


def _moved(departments: Sequence[schemas.InventoryDepartment]) -> None:
    """A note if overrides changed the figures, with the model's values."""
    moved = sum(one.overridden_items for one in departments)
    if not moved:
        return
    model = sum((one.model or one).expected_demand for one in departments)
    level = sum((one.model or one).order_up_to for one in departments)
    layout.note(
        f"Overrides move the orders of {formats.count(moved)} of {formats.count(sum(one.items for one in departments))}"
        f" items: the expected demand to {formats.units(sum(one.expected_demand for one in departments))} units, where "
        f"the model alone has {formats.units(model)}, and the levels to order up to "
        f"{formats.units(float(sum(one.order_up_to for one in departments)))} from {formats.units(float(level))}."
    )


def _priced(departments: Sequence[schemas.InventoryDepartment]) -> bool:
    """Whether any item has a price, so that stock has a value."""
    return any(one.unpriced_items < one.items for one in departments)


def _picture(
    departments: Sequence[schemas.InventoryDepartment],
    listed: Sequence[schemas.InventoryPolicy],
    product: Product,
) -> None:
    parts: list[tuple[str, float, float]]
    if [one.item_id for one in listed] == [NO_LEVEL]:
        return  # the cards already show it
    if listed:
        by = "item"
        parts = [(one.item_id, one.stock_value or 0.0, one.mean_stock) for one in listed]
    elif product.kind == "department":
        by = "store"
        parts = [(one.store_id, one.stock_value, one.mean_stock) for one in departments]
    else:
        by = "department"
        parts = [(one.department_id, one.stock_value, one.mean_stock) for one in departments]
    priced = _priced(departments)
    what = "value" if priced else "units"
    sums: dict[str, list[float]] = {}
    for name, value, units in parts if priced else [(name, units, units) for name, _, units in parts]:
        total = sums.setdefault(name, [0.0, 0.0])
        total[0] += value
        total[1] += units
    largest = sorted(sums.items(), key=lambda pair: -pair[1][0])[:MOST_BARS]
    rows = [
        {
            "name": name,
            "value": value,
            "label": formats.short_units(value),
            "tip_value": formats.short_units(value),
            "tip_units": formats.units(units),
        }
        for name, (value, units) in largest
    ]
    lies = "Stock value" if priced else "Stock"
    st.header(f"{lies}, by {by}", anchor=False)
    if len(sums) > len(rows):
        layout.note(f"The {len(rows)} largest of {len(sums)} hold {_share(largest, sums)} of the {what}.")
    layout.chart(
        charts.stock_values(
            rows,
            colours=layout.colours(),
            unit="value of the mean stock, in the prices' currency" if priced else "units of the mean stock",
        ),
        alt=f"{'Value' if priced else 'Units'} of the mean stock of each {by}.",
        key="stock_values",
        lead=lambda name: navigation.lead("inventory", _picks_of(by, name)),
    )


def _picks_of(by: str, name: str) -> dict[str, str]:
    """Picks of a bar's item, store or department."""
    return {"item": name} if by == "item" else {"place" if by == "store" else "product": f"{by}:{name}"}


def _share(some: Sequence[tuple[str, list[float]]], sums: Mapping[str, list[float]]) -> str:
    whole = sum(value for value, _ in sums.values())
    return formats.percent(sum(value for _, (value, _) in some) / whole if whole else None)


def _order(serving: Serving, place: Place, policy: schemas.InventoryPolicy | None) -> None:
    st.header("What to order", anchor=False)
    if policy is None:
        layout.note("Choose an item above to see its order; the table below lists all levels.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        on_hand = st.number_input(
            "Stock on hand", min_value=0, max_value=1_000_000, value=0, step=1, width=180, key="on_hand",
            help="Units in the store, on the shelf and in the back room.",
        )  # fmt: skip
        on_order = st.number_input(
            "On order", min_value=0, max_value=1_000_000, value=0, step=1, width=180, key="on_order",
        )  # fmt: skip
    answer = data.order(serving.run_key, policy.item_id, place.name, on_hand, on_order)
    policy, order, terms = answer.policy, answer.order, answer.policy.terms
    assert order is not None  # stock is known
    layout.cards(
        [
            Card(
                "How much to order?" if policy.item_id == NO_LEVEL else f"How many {policy.item_id} to order?",
                f"{formats.units(float(order.order_units))} units",
                f"raise {on_hand + on_order} on hand and on order to the level of {policy.order_up_to}."
                if order.order_units
                else f"Nothing: {on_hand + on_order} on hand and on order reach the level of {policy.order_up_to}.",
                f"Worth {formats.price(order.order_units * policy.price)}." if policy.price is not None else "",
            ),
            Card(
                "Can it wait for the next review?",
                "No" if order.below_reorder_point else "Yes",
                f"Below {policy.reorder_point} units on hand and on order, stock may not last the "
                f"{terms.lead_time_days} days until delivery.",
                tone="warning" if order.below_reorder_point else "good",
            ),
            Card(
                "How is the level composed?",
                f"{formats.units(policy.expected_demand)} + {formats.units(policy.safety_stock)}",
                f"expected demand of {terms.lead_time_days + terms.review_period_days} days plus safety stock, for a "
                f"service level of {formats.percent(terms.service_level, digits=1)}.",
                f"The level covers {policy.days_of_cover:.0f} days at that demand.",
            ),
        ]
    )
    if policy.model is not None:
        numbers = ", ".join(map(str, policy.overrides))
        layout.note(
            f"Override{'s' if len(policy.overrides) > 1 else ''} {numbers} changed this order: with the model's "
            f"forecast the level would be {policy.model.order_up_to} ({formats.units(policy.model.expected_demand)} + "
            f"{formats.units(policy.model.safety_stock)}), and the reorder point {policy.model.reorder_point}."
        )


def _table(listed: Sequence[schemas.InventoryPolicy], total: int, place: Place, product: Product) -> None:
    if total > len(listed):
        layout.note(f"The {len(listed)} items with the most valuable stock of {total} are listed.")
    whole = st.column_config.NumberColumn
    moved = any(one.model is not None for one in listed)
    layout.table(
        [
            {
                "item": one.item_id,
                "order_up_to": one.order_up_to,
                "reorder_point": one.reorder_point,
                "expected_demand": one.expected_demand,
                "safety_stock": one.safety_stock,
                "expected_short": one.expected_short,
                "days_of_cover": one.days_of_cover,
                "mean_stock": one.mean_stock,
                "price": one.price,
                "stock_value": one.stock_value,
                **(_of_model(one) if moved else {}),
                **one.terms.model_dump(),
            }
            for one in listed
        ],
        name=f"inventory_{place.name}_{product.name}",
        title=f"{product.items_title} in {place.title}",
        where_known=("price", "stock_value"),
        opened=True,
        lead=lambda row: navigation.lead("inventory", {"item": listed[row].item_id}),
        columns={
            "item": "Item",
            "order_up_to": whole("Order up to", format="localized"),
            "reorder_point": whole("Reorder point", format="localized"),
            "expected_demand": whole("Expected demand", format="%.1f"),
            "safety_stock": whole("Safety stock", format="%.1f"),
            "expected_short": whole("Expected short", format="%.2f"),
            "days_of_cover": whole("Days of cover", format="%.0f"),
            "mean_stock": whole("Mean stock", format="%.1f"),
            "price": whole("Price", format="%.2f"),
            "stock_value": whole("Stock value", format="%.2f"),
            "model_order_up_to": whole("Order up to, model", format="localized"),
            "model_expected_demand": whole("Expected demand, model", format="%.1f"),
            "overrides": "Overrides",
            "lead_time_days": "Lead time, days",
            "review_period_days": "Review period, days",
            "service_level": whole("Service level", format="percent"),
            "holding_cost": "Holding cost",
            "shortage_cost": "Shortage cost",
        },
    )


def _of_model(policy: schemas.InventoryPolicy) -> dict[str, float | str | None]:
    """Columns of the model's policy, before overrides."""
    model = policy.model or policy
    return {
        "model_order_up_to": model.order_up_to,
        "model_expected_demand": model.expected_demand,
        "overrides": ", ".join(map(str, policy.overrides)),
    }
