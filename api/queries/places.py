"""Stores and departments that can be picked."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, func, select

from api.active import Active
from api.queries.series import SERVED_SERIES
from api.schemas.places import Department, DepartmentList, Store, StoreList
from models_ml.prediction_store.schema import run_series


def stores(connection: Connection, active: Active) -> StoreList:
    """Served stores with their departments."""
    rows = connection.execute(
        select(
            run_series.c.store_id,
            run_series.c.region_id,
            run_series.c.department_id,
            func.count().label("series"),
        )
        .select_from(SERVED_SERIES)
        .group_by(run_series.c.store_id, run_series.c.region_id, run_series.c.department_id)
        .order_by(run_series.c.store_id, run_series.c.department_id)
    ).all()
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.store_id].append(row)
    return StoreList(
        stores=[
            Store(
                store_id=store_id,
                region_id=parts[0].region_id,
                series_count=sum(part.series for part in parts),
                departments=[part.department_id for part in parts],
                run=active.by_store[store_id].reference,
            )
            for store_id, parts in found.items()
        ]
    )


def departments(connection: Connection) -> DepartmentList:
    """Departments of the served stores."""
    rows = connection.execute(
        select(
            run_series.c.department_id,
            run_series.c.category_id,
            run_series.c.store_id,
            func.count().label("series"),
        )
        .select_from(SERVED_SERIES)
        .group_by(run_series.c.department_id, run_series.c.category_id, run_series.c.store_id)
        .order_by(run_series.c.department_id, run_series.c.category_id, run_series.c.store_id)
    ).all()
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        found[row.department_id, row.category_id].append(row)
    return DepartmentList(
        departments=[
            Department(
                department_id=department_id,
                category_id=category_id,
                series_count=sum(part.series for part in parts),
                stores=[part.store_id for part in parts],
            )
            for (department_id, category_id), parts in found.items()
        ]
    )
