"""The twelve levels as the user picks them: a place (all, region, store) times a product (all to item)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from api import schemas

PlaceKind = Literal["all", "region", "store"]
ProductKind = Literal["all", "category", "department"]

LEVEL_TITLES: dict[int, str] = {
    0: "Average of all levels",
    1: "Everything",
    2: "Region",
    3: "Store",
    4: "Category",
    5: "Department",
    6: "Region × category",
    7: "Region × department",
    8: "Store × category",
    9: "Store × department",
    10: "Item",
    11: "Item × region",
    12: "Item × store",
}

_LEVELS: dict[tuple[PlaceKind, str], tuple[int, str]] = {
    ("all", "all"): (1, "total"),
    ("region", "all"): (2, "region"),
    ("store", "all"): (3, "store"),
    ("all", "category"): (4, "category"),
    ("all", "department"): (5, "department"),
    ("region", "category"): (6, "region_category"),
    ("region", "department"): (7, "region_department"),
    ("store", "category"): (8, "store_category"),
    ("store", "department"): (9, "store_department"),
    ("all", "item"): (10, "item"),
    ("region", "item"): (11, "item_region"),
    ("store", "item"): (12, "item_store"),
}


NO_LEVEL = "all"
"""Name of the single department or item of a source without such a column."""


@dataclass(frozen=True)
class Place:
    """A place: everything, a region or a store."""

    kind: PlaceKind = "all"
    name: str = ""

    @staticmethod
    def parse(text: str | None) -> Place:
        """From `all`, `region:CA` or `store:CA_1`; anything else is everything."""
        kind, _, name = (text or "all").partition(":")
        if kind == "region" and name:
            return Place("region", name)
        if kind == "store" and name:
            return Place("store", name)
        return Place()

    @property
    def text(self) -> str:
        """The form used in the URL."""
        return "all" if self.kind == "all" else f"{self.kind}:{self.name}"

    @property
    def title(self) -> str:
        """For people."""
        return {"all": "All stores", "region": f"Region {self.name}", "store": f"Store {self.name}"}[self.kind]

    def filters(self) -> dict[str, str]:
        """As parameters of the API."""
        return {} if self.kind == "all" else {f"{self.kind}_id": self.name}


@dataclass(frozen=True)
class Product:
    """A product: everything, a category or a department."""

    kind: ProductKind = "all"
    name: str = ""

    @staticmethod
    def parse(text: str | None) -> Product:
        """From `all`, `category:FOODS` or `department:FOODS_3`; anything else is everything."""
        kind, _, name = (text or "all").partition(":")
        if kind == "category" and name:
            return Product("category", name)
        if kind == "department" and name:
            return Product("department", name)
        return Product()

    @property
    def text(self) -> str:
        """The form used in the URL."""
        return "all" if self.kind == "all" else f"{self.kind}:{self.name}"

    @property
    def title(self) -> str:
        """For people."""
        if self.name == NO_LEVEL:
            return "all items"
        return {"all": "all departments", "category": f"category {self.name}", "department": f"department {self.name}"}[
            self.kind
        ]

    @property
    def items_title(self) -> str:
        """Heading of its items."""
        return "Items" if self.name == NO_LEVEL else f"Items of {self.name}"

    def filters(self) -> dict[str, str]:
        """As parameters of the API."""
        return {} if self.kind == "all" else {f"{self.kind}_id": self.name}


def level_of(place: Place, product: Product, item: str | None = None) -> tuple[int, str]:
    """Number and name of the level of a pick."""
    return _LEVELS[(place.kind, "item" if item else product.kind)]


def node_id(place: Place, product: Product, item: str | None = None) -> str:
    """Id of the node of a pick, e.g. `store_department:CA_1|FOODS_3`."""
    _, name = level_of(place, product, item)
    keys: list[str] = []
    if item:
        # Item levels begin with the item, as in their names.
        keys = [item, *([place.name] if place.kind != "all" else [])]
    else:
        keys = [part.name for part in (place, product) if part.kind != "all"]
    return f"{name}:{'|'.join(keys)}" if keys else name


def places(stores: Iterable[schemas.Store]) -> list[Place]:
    """All pickable places; `all` if there are several stores, regions if there are several."""
    listed = sorted(stores, key=lambda store: (store.region_id, store.store_id))
    regions = list(dict.fromkeys(store.region_id for store in listed))
    if len(listed) == 1:
        return [Place("store", listed[0].store_id)]
    found = [Place()]
    for region in regions:
        if len(regions) > 1:
            found.append(Place("region", region))
        found += [Place("store", store.store_id) for store in listed if store.region_id == region]
    return found


def levels_of(stores: Sequence[schemas.Store], departments: Sequence[schemas.Department]) -> frozenset[int]:
    """Numbers of the distinct levels, and of their average (0).

    Of two levels with identical nodes only one is shown: the store rather than its region, the department rather than
    its category or its only item.
    """
    regions, categories = {store.region_id for store in stores}, {one.category_id for one in departments}
    of_places = {"all": True, "region": 1 < len(regions) < len(stores), "store": len(stores) > 1}
    items = any(store.series_count > len(store.departments) for store in stores)
    of_products = {
        "all": True,
        "category": 1 < len(categories) < len(departments),
        "department": len(departments) > 1,
        "item": items,
    }
    return frozenset(
        {0, *(level for (place, product), (level, _) in _LEVELS.items() if of_places[place] and of_products[product])}
    )


def shown_level(level: int, levels: Collection[int]) -> int:
    """The level itself or, for a source with a single department, the level of the same place."""
    if level in levels or 5 in levels:
        return level
    (place,) = (place for (place, _), (number, _) in _LEVELS.items() if number == level)
    return _LEVELS[(place, "all")][0]


def products(departments: Iterable[schemas.Department]) -> list[Product]:
    """All pickable products, each category before its departments; `all` if there are several."""
    listed = sorted(departments, key=lambda department: (department.category_id, department.department_id))
    if len(listed) == 1:
        return [Product("department", listed[0].department_id)]
    found = [Product()]
    for category in dict.fromkeys(department.category_id for department in listed):
        found.append(Product("category", category))
        found += [
            Product("department", department.department_id)
            for department in listed
            if department.category_id == category
        ]
    return found
