"""The pickers that pages share: where, and what."""

from __future__ import annotations

from dashboard import state
from dashboard.data import Serving
from dashboard.hierarchy import Place, Product, places, products


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
    """Department picker: everything, a category, or a department that the place sells."""
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
