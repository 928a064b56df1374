"""The twelve levels of a retail hierarchy, from the total to one item in one store, and the names of their nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models_ml.errors import InputError


@dataclass(frozen=True)
class Level:
    """One level: its number, its name and the attributes that define its nodes."""

    number: int
    name: str
    keys: tuple[str, ...]


LEVELS: tuple[Level, ...] = (
    Level(1, "total", ()),
    Level(2, "region", ("region_id",)),
    Level(3, "store", ("store_id",)),
    Level(4, "category", ("category_id",)),
    Level(5, "department", ("department_id",)),
    Level(6, "region_category", ("region_id", "category_id")),
    Level(7, "region_department", ("region_id", "department_id")),
    Level(8, "store_category", ("store_id", "category_id")),
    Level(9, "store_department", ("store_id", "department_id")),
    Level(10, "item", ("item_id",)),
    Level(11, "item_region", ("item_id", "region_id")),
    Level(12, "item_store", ("item_id", "store_id")),
)
AGGREGATE_LEVELS = LEVELS[:9]
"""The levels whose nodes are forecast on their own; the others are items."""

BOTTOM_AGGREGATE = LEVELS[8]
"""Store x department: every aggregate node is a sum of nodes of this level."""

NODE_FORMS = tuple(f"{level.name}:{'|'.join(level.keys)}" if level.keys else level.name for level in LEVELS)
"""Form of a node's name at each level, e.g. `store_department:store_id|department_id`."""

_BY_NAME = {level.name: level for level in LEVELS}


def node_name(level: Level, attributes: Mapping[str, str]) -> str:
    """The node of `level` that a series with these attributes belongs to, e.g. `store_department:CA_1|FOODS_3`."""
    return f"{level.name}:{'|'.join(attributes[key] for key in level.keys)}" if level.keys else level.name


def parse_node(node_id: str) -> tuple[Level, dict[str, str]]:
    """The level of a node, and the attributes that all series below it share.

    Raises:
        InputError: the name has none of `NODE_FORMS`.
    """
    name, _, rest = node_id.partition(":")
    level = _BY_NAME.get(name)
    parts = rest.split("|") if rest else []
    if level is None or len(parts) != len(level.keys) or not all(parts) or node_id.endswith(":"):
        raise InputError(f"'{node_id[:80]}' is not a node name. Node names have the forms: {', '.join(NODE_FORMS)}.")
    return level, dict(zip(level.keys, parts, strict=True))


def node_label(node_id: str) -> str:
    """A node's display name, e.g. `CA_1 FOODS_3`; empty for the total.

    Raises:
        InputError: it is not a node name.
    """
    return " ".join(parse_node(node_id)[1].values())
