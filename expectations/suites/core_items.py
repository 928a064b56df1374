"""Core items: a row an item."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from expectations.checks import Dataset, Measure, Profile
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "core_items"
RELATION = "core.dim_items"


def dataset(sql: Sql) -> Dataset:
    """Checks of the items."""
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per item, with its department and category.",
        remedy=REBUILD,
        columns=("item_id", "department_id", "category_id"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) as items,
                    count(*) - count(distinct item_id) as repeated_items,
                    {sql.count_if("item_id is null or department_id is null or category_id is null")} as null_ids,
                    (
                        select count(*) from (
                            select department_id from {RELATION}
                            group by department_id having count(distinct category_id) > 1
                        ) as moved
                    ) as departments_in_two_categories
                from {RELATION}
                """,
                (
                    Measure("items", "There are items."),
                    Measure(
                        "repeated_items",
                        "An item has one row.",
                        f"select item_id, count(*) as copies from {RELATION} group by item_id having count(*) > 1",
                    ),
                    Measure("null_ids", "Every item has a department and a category."),
                    Measure("departments_in_two_categories", "A department belongs to one category."),
                ),
            ),
        ),
    )
