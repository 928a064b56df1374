"""The pickers for place and product, shared by the pages."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from api import schemas
from dashboard import data, formats, navigation, state
from dashboard.data import Serving
from dashboard.hierarchy import NO_LEVEL, Place, Product, places, products

NO_ITEM = "all"


def pick_place(serving: Serving) -> Place:
    """Store picker: everything, a region, or a store."""
    options = {place.text: place for place in places(serving.stores)}
    chosen = state.choose(
        "Store",
        "place",
        list(options),
        show=lambda text: options[text].title,
        help_text="All stores, a region, or one store. Type to search.",
        width=230,
    )
    return options[chosen]


def pick_product(serving: Serving, place: Place) -> Product:
    """Department picker: everything, a category, or a department of the place; hidden if there is only one."""
    if len(serving.departments) == 1:
        return products(serving.departments)[0]
    sold = {
        department
        for store in serving.stores
        if place.kind == "all"
        or (place.kind == "region" and store.region_id == place.name)
        or store.store_id == place.name
        for department in store.departments
    }
    listed = [department for department in serving.departments if department.department_id in sold]
    options = {product.text: product for product in products(listed)}
    chosen = state.choose(
        "Department",
        "product",
        list(options),
        show=lambda text: options[text].title[0].upper() + options[text].title[1:],
        help_text="All departments, a category, or one department. Type to search.",
        width=230,
    )
    return options[chosen]


def region_of(serving: Serving, place: Place) -> str | None:
    """Region of a place; none for everything."""
    if place.kind == "region":
        return place.name
    return next((store.region_id for store in serving.stores if store.store_id == place.name), None)


def items_of(serving: Serving, place: Place, product: Product) -> list[schemas.Series]:
    """Items of the department, best sellers first; of the first store if none is picked."""
    if product.kind != "department":
        return []
    inside = [
        store.store_id
        for store in serving.stores
        if product.name in store.departments
        and (
            place.kind == "all"
            or (place.kind == "region" and store.region_id == place.name)
            or store.store_id == place.name
        )
    ]
    return data.items(serving.run_key, inside[0], product.name, "volume")[0] if inside else []


def pick_item(product: Product, listed: Sequence[schemas.Series]) -> str | None:
    """Item picker; none means all items of the department. Hidden for a source without items."""
    if {series.item_id for series in listed} == {NO_LEVEL}:
        return None
    if product.kind != "department":
        st.selectbox(
            "Item",
            ["Pick a department first"],
            disabled=True,
            width=230,
            key="item_waits",
            help="Items are listed per department.",
        )
        return None
    chosen = state.choose(
        "Item",
        "item",
        [NO_ITEM, *dict.fromkeys(series.item_id for series in listed)],
        show=lambda text: "All items" if text == NO_ITEM else text,
        help_text="Best sellers first. Type to search.",
        width=230,
    )
    return None if chosen == NO_ITEM else chosen


def of_series(series: schemas.Series) -> dict[str, str]:
    """The picks that show one item in one store."""
    return {
        "place": f"store:{series.store_id}",
        "product": f"department:{series.department_id}",
        "item": series.item_id,
    }


def find_item(serving: Serving) -> None:
    """A search for items by part of their name, on every page; a result opens in Explore."""
    if not serving.has_items:
        return
    with st.popover("Find an item", icon=":material/search:"):
        text = st.text_input("Part of its name", key="find_item", max_chars=100).strip()
        if not text:
            return
        page = data.found_items(serving.run_key, text)
        if not page.items:
            st.caption("No item has this in its name.")
        for one in page.items:
            # A button, because Explore would not read the URL of a link to itself again.
            if st.button(
                f"{one.item_id} in {one.store_id}", key=f"found_{one.item_id}_{one.store_id}", type="tertiary"
            ):
                for name, value in of_series(one).items():
                    state.put(name, value)
                navigation.go("explore")
        if page.total > len(page.items):
            st.caption(f"The first {len(page.items)} of {formats.count(page.total)} matches.")
