"""Own-price elasticities of departments and items, as the run stored them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.series import run_of_store
from api.schemas.scenarios import Elasticities, Elasticity, ItemElasticity
from models_ml.prediction_store.schema import department_elasticities, run_series, scenario_series

KEYS = ("store_id", "item_id")


def elasticities(
    connection: Connection, active: Active, department_id: str | None, store_id: str | None
) -> Elasticities:
    """Elasticities of the departments of a run, with the items of one if it is named.

    Raises:
        ApiError: kinds `unknown-store`, `invalid-request` (no such department).
    """
    run = active.runs[0] if store_id is None else run_of_store(active, store_id)
    rows = connection.execute(
        select(department_elasticities)
        .where(department_elasticities.c.run_id == run.run_id)
        .order_by(department_elasticities.c.department_id)
    ).all()
    if department_id is not None and department_id not in {row.department_id for row in rows}:
        raise one_field(
            "invalid-request", "department_id", f"'{department_id}' has none", [r.department_id for r in rows]
        )
    return Elasticities(
        run=run.reference,
        departments=[department_elasticity(row) for row in rows],
        items=None if department_id is None else item_elasticities(connection, run, department_id, store_id),
    )


def department_elasticity(row: Any) -> Elasticity:
    """A row of `department_elasticities`."""
    return Elasticity(
        department_id=row.department_id,
        elasticity=row.elasticity,
        low=row.elasticity_low,
        high=row.elasticity_high,
        standard_error=row.elasticity_error,
        item_spread=row.item_spread,
        items=row.items,
        own_estimates=row.own_estimates,
        price_changes=row.price_changes,
        weeks=row.weeks,
    )


def item_elasticities(
    connection: Connection, run: ActiveRun, department_id: str, store_id: str | None
) -> list[ItemElasticity]:
    """Items of a department; an item has the same elasticity in all stores of a run."""
    own = and_(*(scenario_series.c[key] == run_series.c[key] for key in ("run_id", *KEYS)))
    query = select(
        scenario_series.c.item_id,
        scenario_series.c.elasticity,
        scenario_series.c.elasticity_low,
        scenario_series.c.elasticity_high,
        scenario_series.c.own_estimate,
        scenario_series.c.price_changes,
    ).select_from(scenario_series.join(run_series, own))
    query = query.where(scenario_series.c.run_id == run.run_id, run_series.c.department_id == department_id)
    if store_id is not None:
        query = query.where(scenario_series.c.store_id == store_id)
    return [
        ItemElasticity(
            item_id=row.item_id,
            elasticity=row.elasticity,
            low=row.elasticity_low,
            high=row.elasticity_high,
            own_estimate=bool(row.own_estimate),
            price_changes=row.price_changes,
        )
        for row in connection.execute(query.distinct().order_by(scenario_series.c.item_id))
    ]
