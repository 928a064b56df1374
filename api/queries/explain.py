"""What moved a forecast: contributions of families of features, as the run stored them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, func, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.hierarchy import parsed_node
from api.queries.series import run_of_store, unknown_series
from api.schemas.explanation import Cause, Explanation
from models_ml.prediction_store.schema import forecasts, node_contributions, node_forecasts, run_nodes, run_series
from models_ml.runs.feature_families import LEVEL, MEANINGS


def explain_node(connection: Connection, active: Active, node_id: str) -> Explanation:
    """Why a node is forecast as it is, by the run of its store, or the widest one served.

    Raises:
        ApiError: kinds `unknown-node`, `not-explained`.
    """
    run = active.runs[0]
    _, attributes = parsed_node(node_id)
    if attributes.get("store_id") in active.by_store:
        run = active.by_store[attributes["store_id"]]
    known = select(run_nodes.c.node_id).where(run_nodes.c.run_id == run.run_id, run_nodes.c.node_id == node_id)
    if connection.execute(known).first() is None:
        raise one_field("unknown-node", "node_id", f"'{node_id[:80]}' is not in run {run.run_id}")
    return Explanation(
        run=run.reference, node_id=node_id, item_id=None, store_id=None, share=None, recent_share=None,
        **_causes(connection, run, node_id, {}),
    )  # fmt: skip


def explain_item(connection: Connection, active: Active, store_id: str, item_id: str) -> Explanation:
    """Why an item is forecast as it is: what moves its store x department, in the item's share of each day.

    Raises:
        ApiError: kinds `unknown-store`, `unknown-item`, `unknown-series`, `not-explained`.
    """
    run = run_of_store(active, store_id)
    of_store = (run_series.c.run_id == run.run_id) & (run_series.c.store_id == store_id)
    item = connection.execute(select(run_series).where(of_store, run_series.c.item_id == item_id)).one_or_none()
    if item is None:
        raise unknown_series(connection, run, store_id, item_id)
    node_id = f"store_department:{store_id}|{item.department_id}"
    share, shares = shares_of_item(connection, run, store_id, item_id, node_id)
    sold = connection.execute(
        select(func.sum(run_series.c.units_last_28)).where(of_store, run_series.c.department_id == item.department_id)
    ).scalar_one()
    return Explanation(
        run=run.reference,
        node_id=node_id,
        item_id=item_id,
        store_id=store_id,
        share=share,
        recent_share=item.units_last_28 / sold if sold > 0 else 0.0,
        **_causes(connection, run, node_id, shares),
    )


def shares_of_item(
    connection: Connection, run: ActiveRun, store_id: str, item_id: str, node_id: str
) -> tuple[float, dict[date, float]]:
    """Share that an item has of its node's forecast: of the whole horizon, and of each day.

    A day on which the node is forecast at nothing counts by the share of the horizon: its causes, those of a closed
    day among them, are as large for the item as on other days, and add up to nothing.
    """
    own = select(forecasts.c.target_date, forecasts.c.mean).where(
        forecasts.c.run_id == run.run_id, forecasts.c.store_id == store_id, forecasts.c.item_id == item_id
    )
    whole = select(node_forecasts.c.target_date, node_forecasts.c.mean).where(
        node_forecasts.c.run_id == run.run_id, node_forecasts.c.node_id == node_id
    )
    node_mean = {row.target_date: row.mean for row in connection.execute(whole)}
    mean = {row.target_date: row.mean for row in connection.execute(own)}
    total = sum(node_mean.values())
    usual = sum(mean.values()) / total if total > 0 else 0.0
    return usual, {day: units / node_mean[day] if node_mean.get(day, 0) > 0 else usual for day, units in mean.items()}


def _causes(connection: Connection, run: ActiveRun, node_id: str, share: Mapping[date, float]) -> dict[str, object]:
    """Fields `dates` and `causes`; each day counts by its share, where there are shares."""
    rows = connection.execute(
        select(node_contributions.c.family, node_contributions.c.target_date, node_contributions.c.units)
        .where(node_contributions.c.run_id == run.run_id, node_contributions.c.node_id == node_id)
        .order_by(node_contributions.c.target_date)
    ).all()
    if not rows:
        raise one_field("not-explained", "node_id", f"run {run.run_id} ({run.model}) does not say what moved it")
    dates = sorted({row.target_date for row in rows})
    units: dict[str, dict[date, float]] = {}
    for family, day, moved in rows:
        units.setdefault(family, {})[day] = moved * share.get(day, 0.0) if share else moved
    causes = [_cause(family, [of_day.get(day, 0.0) for day in dates], dates) for family, of_day in units.items()]
    causes.sort(key=lambda one: (one.family != LEVEL, -sum(map(abs, one.days))))
    return {"dates": dates, "causes": causes}


def _cause(family: str, days: list[float], dates: list[date]) -> Cause:
    mean = sum(days) / len(days)
    strongest = max(range(len(days)), key=lambda day: abs(days[day] - mean))
    return Cause(
        family=family,
        meaning=MEANINGS.get(family, family),
        units_per_step=mean,
        strongest_units=days[strongest],
        strongest_date=dates[strongest],
        days=days,
    )
