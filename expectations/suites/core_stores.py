"""Core stores: a row a store."""

# ruff: noqa: S608 - queries are made of this package's own names; nothing that a user types is spliced in
from __future__ import annotations

from collections.abc import Sequence

from expectations.checks import Dataset, Measure, Profile
from expectations.served import ServedDepartment
from expectations.sql import Sql
from expectations.suites.remedies import REBUILD

NAME = "core_stores"
RELATION = "core.dim_stores"


def dataset(sql: Sql, served: Sequence[ServedDepartment]) -> Dataset:
    """Checks of the stores.

    Args:
        served: what the stores in scope serve now.
    """
    stores = sorted({department.store_id for department in served})
    return Dataset(
        name=NAME,
        relation=RELATION,
        about="One row per store, with its region.",
        remedy=REBUILD,
        columns=("store_id", "region_id"),
        profiles=(
            Profile(
                f"""
                select
                    count(*) as stores,
                    count(*) - count(distinct store_id) as repeated_stores,
                    {sql.count_if("store_id is null or region_id is null")} as null_ids,
                    {len(stores)} - {sql.count_if(f"store_id in ({sql.texts(stores)})")} as served_stores_absent
                from {RELATION}
                """,
                (
                    Measure("stores", "There are stores."),
                    Measure("repeated_stores", "A store has one row."),
                    Measure("null_ids", "Every store has a region."),
                    Measure(
                        "served_stores_absent",
                        "Every served store is in the data; a missing store would keep its old run.",
                    ),
                ),
            ),
        ),
    )
