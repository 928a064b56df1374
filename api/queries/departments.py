"""Departments of the served stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import Connection, and_, func, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.queries.series import SERVED_SERIES, forecast_day, run_of_store, value_columns
from api.schemas.forecast import DepartmentForecast, DepartmentForecasts, ForecastDay
from models_ml.prediction_store.schema import node_forecasts, node_history, override_node_units, run_nodes, run_series

LAST_YEAR_DAYS = 364
"""52 weeks, so that weekdays meet weekdays."""


def department_forecasts(
    connection: Connection,
    active: Active,
    *,
    store_id: str | None,
    department_id: str | None,
    quantiles: Sequence[str],
) -> DepartmentForecasts:
    """Each served store's departments, from the run that this store is served from."""
    stores = sorted(active.by_store) if store_id is None else [store_id]
    answer: list[DepartmentForecast] = []
    for store in stores:
        run = run_of_store(active, store)
        wanted = select(run_nodes).where(
            run_nodes.c.run_id == run.run_id, run_nodes.c.level == 9, run_nodes.c.store_id == store
        )
        if department_id is not None:
            wanted = wanted.where(run_nodes.c.department_id == department_id)
        nodes = connection.execute(wanted.order_by(run_nodes.c.department_id)).all()
        names = [node.node_id for node in nodes]
        above = _above(connection, run, store)
        days = node_days(connection, run, names, quantiles)
        recent = _units_between(
            connection, run, names, run.origin - timedelta(days=run.horizon_days - 1), run.horizon_days
        )
        year_ago = _units_between(
            connection,
            run,
            names,
            run.origin + timedelta(days=1 - LAST_YEAR_DAYS),
            run.horizon_days,
        )
        answer += [
            DepartmentForecast(
                store_id=store,
                department_id=node.department_id,
                category_id=above[node.department_id][0],
                region_id=above[node.department_id][1],
                node_id=node.node_id,
                run=run.reference,
                forecast_units=sum(day.mean for day in days[node.node_id]),
                final_units=sum(day.final for day in days[node.node_id]),
                last_period_units=recent.get(node.node_id),
                last_year_units=year_ago.get(node.node_id),
                days=days[node.node_id],
            )
            for node in nodes
        ]
    if not answer and department_id is not None:
        raise one_field(
            "unknown-node", "department_id", f"'{department_id}' is not served here", _departments(connection)
        )
    return DepartmentForecasts(departments=answer)


def _above(connection: Connection, run: ActiveRun, store_id: str) -> dict[str, tuple[str, str]]:
    """Category and region of each department: a node of level 9 need not carry the levels above it."""
    rows = connection.execute(
        select(run_series.c.department_id, run_series.c.category_id, run_series.c.region_id)
        .distinct()
        .where(run_series.c.run_id == run.run_id, run_series.c.store_id == store_id)
    )
    return {department: (category, region) for department, category, region in rows}


def _departments(connection: Connection) -> list[str]:
    found = (
        select(run_series.c.department_id).distinct().select_from(SERVED_SERIES).order_by(run_series.c.department_id)
    )
    return list(connection.execute(found).scalars())


def node_days(
    connection: Connection, run: ActiveRun, node_ids: Sequence[str], quantiles: Sequence[str]
) -> Mapping[str, list[ForecastDay]]:
    """Forecast days of nodes of levels 1 to 9, oldest first; finals are the means plus what overrides add."""
    days: dict[str, list[ForecastDay]] = {node_id: [] for node_id in node_ids}
    rows = connection.execute(
        select(
            node_forecasts.c.node_id,
            node_forecasts.c.target_date,
            override_node_units.c.added_units,
            *value_columns(node_forecasts.c, quantiles),
        )
        .outerjoin(
            override_node_units,
            and_(
                *(override_node_units.c[key] == node_forecasts.c[key] for key in ("run_id", "node_id", "target_date"))
            ),
        )
        .where(node_forecasts.c.run_id == run.run_id, node_forecasts.c.node_id.in_(node_ids))
        .order_by(node_forecasts.c.node_id, node_forecasts.c.target_date)
    )
    for node_id, target, added, mean, *values in rows:
        final = mean if added is None else max(0.0, mean + added)
        days[node_id].append(forecast_day(target, mean, final, values, quantiles))
    return days


def _units_between(
    connection: Connection, run: ActiveRun, node_ids: Sequence[str], first: date, days: int
) -> dict[str, float]:
    """Units of each node over `days` days from `first`; only nodes whose history has all of them."""
    rows = connection.execute(
        select(node_history.c.node_id, func.sum(node_history.c.units))
        .where(
            node_history.c.run_id == run.run_id,
            node_history.c.node_id.in_(node_ids),
            node_history.c.date.between(first, first + timedelta(days=days - 1)),
        )
        .group_by(node_history.c.node_id)
        .having(func.count() * run.step_days == days)
    )
    return {row[0]: row[1] for row in rows}
