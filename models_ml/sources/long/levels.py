"""Detects hierarchy levels with identical nodes."""

# ruff: noqa: S608 - names come from this package; nothing that a user types is spliced in
from __future__ import annotations

from itertools import combinations

from models_ml.hierarchy.aggregation import LEVELS, Level
from models_ml.sources.long.session import Session


def levels_select(connection: Session, schema: str) -> str:
    """A select of every level with the lower-numbered level that has identical nodes (`same_as`), or null.

    Two levels are identical if their nodes correspond one to one.
    """
    series = (
        f"(select distinct sales.item_id, sales.store_id, department_id, category_id, region_id"
        f" from {schema}.sales as sales join {schema}.items as items on sales.item_id = items.item_id"
        f" join {schema}.stores as stores on sales.store_id = stores.store_id where units > 0)"
    )
    pairs = list(combinations(LEVELS, 2))
    counts = ", ".join(
        [f"count(distinct {key_of(level)})" for level in LEVELS]
        + [f"count(distinct {key_of(one)} || '&' || {key_of(other)})" for one, other in pairs]
    )
    row = connection.execute(f"select {counts} from {series} as series").fetchone()
    assert row is not None
    nodes = dict(zip(LEVELS, row, strict=False))
    same: dict[Level, Level] = {}
    for (one, other), together in zip(pairs, row[len(LEVELS) :], strict=True):
        if nodes[one] == nodes[other] == together and one not in same:
            same.setdefault(other, one)
    return " union all ".join(
        f"select {level.number} as level, '{level.name}' as level_name,"
        f" {repr(same[level].name) if level in same else 'cast(null as varchar)'} as same_as"
        for level in LEVELS
    )


def key_of(level: Level) -> str:
    """SQL value that identifies a series' node at a level; ids contain no '|'."""
    return f"concat_ws('|', 'node', {', '.join(level.keys)})" if level.keys else "'total'"
