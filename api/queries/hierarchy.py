"""Nodes of the twelve levels: 1 to 9 are forecast and stored, 10 to 12 are items and their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from api.active import Active, ActiveRun
from api.errors import one_field
from api.paging import decode_cursor, encode_cursor
from api.queries.departments import node_days
from api.queries.item_sums import item_sums
from api.queries.series import forecast_day, quantile_map, run_of_store, value_columns
from api.schemas.forecast import ForecastDay, HistoryDay
from api.schemas.hierarchy import NodeForecast, NodePage, PeriodForecast
from models_ml.errors import InputError
from models_ml.hierarchy import WEEK_DAYS
from models_ml.hierarchy.levels import LEVELS, NODE_FORMS, Level, parse_node
from models_ml.prediction_store.finals import final_mean, final_quantiles
from models_ml.prediction_store.override_effects import SERIES_ATTRIBUTES
from models_ml.prediction_store.schema import (
    forecasts,
    node_history,
    node_period_forecasts,
    override_node_units,
    run_nodes,
    run_series,
    sales_history,
)

KEYS_OF_LEVEL: dict[str, tuple[str, ...]] = {level.name: level.keys for level in LEVELS}
LEVEL_NAMES = tuple(KEYS_OF_LEVEL)
FIRST_ITEM_LEVEL = 10
FILTERS = ("region_id", "store_id", "category_id", "department_id", "item_id")


def parsed_node(node_id: str) -> tuple[Level, dict[str, str]]:
    """The level of a node, and the attributes that all series below it share.

    Raises:
        ApiError: it is not a node name (kind `unknown-node`).
    """
    try:
        return parse_node(node_id)
    except InputError:
        raise one_field("unknown-node", "node_id", f"'{node_id[:80]}' is not a node name", NODE_FORMS) from None


def node_page(
    connection: Connection,
    active: Active,
    *,
    level: int,
    node_id: str | None,
    filters: Mapping[str, str],
    quantiles: Sequence[str],
    history_days: int,
    limit: int,
    cursor: str | None,
) -> NodePage:
    """Nodes of one level, all from one run: that of the store named, else the widest one served.

    Raises:
        ApiError: unknown store or node, a filter that the level does not have, a cursor of other runs.
    """
    name = LEVEL_NAMES[level - 1]
    keys = KEYS_OF_LEVEL[name]
    filters = dict(filters)
    if node_id is not None:
        filters.update(parsed_node(node_id)[1])
    for given in filters:
        narrowing = level >= FIRST_ITEM_LEVEL and given in ("department_id", "category_id", "item_id")
        if given not in keys and not narrowing:
            allowed = [*keys, *(FILTERS[2:] if level >= FIRST_ITEM_LEVEL else ())]
            raise one_field(
                "invalid-request", given, f"nodes of level {level} ({name}) are not split by it", sorted(set(allowed))
            )
    store_id = filters.get("store_id")
    run = active.runs[0] if store_id is None else run_of_store(active, store_id)
    fingerprint = "|".join((run.run_id, str(level), *(f"{k}={filters[k]}" for k in sorted(filters))))
    find = _aggregate_nodes if level < FIRST_ITEM_LEVEL else _item_nodes
    after = decode_cursor(cursor, fingerprint, (str,) if level < FIRST_ITEM_LEVEL else (str,) * len(keys))
    nodes, total = find(connection, run, level, filters, limit + 1, after)
    if node_id is not None and not nodes:
        raise one_field("unknown-node", "node_id", f"'{node_id[:80]}' is not in run {run.run_id}")
    page, more = nodes[:limit], len(nodes) > limit
    if level < FIRST_ITEM_LEVEL:
        names = [node["node_id"] for node in page]
        days = node_days(connection, run, names, quantiles)
        history = _node_history(connection, run, names, history_days)
        sums = _node_sums(connection, run, names, quantiles)
    else:
        days = _item_days(connection, active, run, keys, page, quantiles)
        history = _item_history(connection, run, keys, page, history_days)
        sums = item_sums(connection, run, page, days, quantiles) if level == len(LEVEL_NAMES) else {}
    last: tuple[str, ...] = ()
    if more:
        last = (page[-1]["node_id"],) if level < FIRST_ITEM_LEVEL else tuple(page[-1][key] for key in keys)
    return NodePage(
        run=run.reference,
        scope=list(run.scope),
        level=level,
        level_name=name,
        nodes=[
            NodeForecast(
                **node,
                level=level,
                level_name=name,
                forecast_units=sum(day.mean for day in days.get(node["node_id"], [])),
                final_units=sum(day.final for day in days.get(node["node_id"], [])),
                days=days.get(node["node_id"], []),
                **_weeks_and_horizon(run, sums.get(node["node_id"], [])),
                history=history.get(node["node_id"], []),
            )
            for node in page
        ],
        total=total,
        next_cursor=encode_cursor(fingerprint, last) if more else None,
    )


# --- levels 1 to 9 --------------------------------------------------------------------------------------


def _aggregate_nodes(
    connection: Connection,
    run: ActiveRun,
    level: int,
    filters: Mapping[str, str],
    limit: int,
    after: tuple[Any, ...] | None,
) -> tuple[list[dict[str, Any]], int]:
    where: list[ColumnElement[bool]] = [run_nodes.c.run_id == run.run_id, run_nodes.c.level == level]
    where += [run_nodes.c[key] == value for key, value in filters.items()]
    total = connection.execute(select(func.count()).select_from(run_nodes).where(*where)).scalar_one()
    if after is not None:
        where.append(run_nodes.c.node_id > after[0])
    columns = [run_nodes.c.node_id, *(run_nodes.c[key] for key in FILTERS[:4])]
    rows = connection.execute(select(*columns).where(*where).order_by(run_nodes.c.node_id).limit(limit))
    return [dict(row) for row in rows.mappings()], total


def _weeks_and_horizon(run: ActiveRun, sums: Sequence[PeriodForecast]) -> dict[str, Any]:
    """Fields `weeks` and `horizon`. A horizon of one week is stored as that week; older runs hold weeks alone."""
    whole = timedelta(days=run.horizon_days - 1)
    return {
        "weeks": [one for one in sums if one.last_date - one.first_date < timedelta(days=WEEK_DAYS)],
        "horizon": next((one for one in sums if one.last_date - one.first_date == whole), None),
    }


def _node_sums(
    connection: Connection, run: ActiveRun, node_ids: Sequence[str], quantiles: Sequence[str]
) -> dict[str, list[PeriodForecast]]:
    found: dict[str, list[PeriodForecast]] = defaultdict(list)
    columns = node_period_forecasts.c
    added = (
        select(func.sum(override_node_units.c.added_units))
        .where(
            override_node_units.c.run_id == columns.run_id,
            override_node_units.c.node_id == columns.node_id,
            override_node_units.c.target_date.between(columns.first_date, columns.last_date),
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        select(added, columns.node_id, columns.first_date, columns.last_date, *value_columns(columns, quantiles))
        .where(columns.run_id == run.run_id, columns.node_id.in_(node_ids))
        .order_by(columns.node_id, columns.first_date, columns.last_date)
    )
    for more, node_id, first, last, mean, *values in rows:
        final = mean if more is None else max(0.0, mean + more)
        own = quantile_map(final_quantiles(mean, final, values), quantiles)
        found[node_id].append(PeriodForecast(first_date=first, last_date=last, mean=mean, quantiles=own, final=final))
    return found


def _node_history(
    connection: Connection, run: ActiveRun, node_ids: Sequence[str], days: int
) -> dict[str, list[HistoryDay]]:
    found: dict[str, list[HistoryDay]] = defaultdict(list)
    if days:
        rows = connection.execute(
            select(node_history.c.node_id, node_history.c.date, node_history.c.units)
            .where(
                node_history.c.run_id == run.run_id,
                node_history.c.node_id.in_(node_ids),
                node_history.c.date > run.origin - timedelta(days=days),
            )
            .order_by(node_history.c.node_id, node_history.c.date)
        )
        for node_id, day, units in rows:
            found[node_id].append(HistoryDay(date=day, units=units, price=None))
    return found


# --- levels 10 to 12 ------------------------------------------------------------------------------------


def _item_nodes(
    connection: Connection,
    run: ActiveRun,
    level: int,
    filters: Mapping[str, str],
    limit: int,
    after: tuple[Any, ...] | None,
) -> tuple[list[dict[str, Any]], int]:
    """Nodes over items; department and category belong to the item, the region of a store to the store."""
    keys = KEYS_OF_LEVEL[LEVEL_NAMES[level - 1]]
    columns = [run_series.c[key] for key in keys]
    where: list[ColumnElement[bool]] = [run_series.c.run_id == run.run_id]
    where += [run_series.c[key] == value for key, value in filters.items()]
    groups = select(*columns).where(*where).group_by(*columns)
    total = connection.execute(select(func.count()).select_from(groups.subquery())).scalar_one()
    owner = [run_series.c.department_id, run_series.c.category_id]
    if level == len(LEVEL_NAMES):
        owner.append(run_series.c.region_id)
    wanted = select(*columns, *(func.min(column).label(column.name) for column in owner)).where(*where)
    if after is not None:
        later = [
            and_(
                *(column == value for column, value in zip(columns[:n], after, strict=False)),
                columns[n] > after[n],
            )
            for n in range(len(columns))
        ]
        wanted = wanted.where(or_(*later))
    rows = connection.execute(wanted.group_by(*columns).order_by(*columns).limit(limit)).mappings()
    name = LEVEL_NAMES[level - 1]
    return [{"node_id": f"{name}:" + "|".join(row[key] for key in keys), **row} for row in rows], total


def _of_nodes(table: Any, run: ActiveRun, page: Sequence[Mapping[str, Any]]) -> Any:
    """`table` joined to the run's series, and only items of the page (regions and stores filtered after)."""
    return and_(
        run_series.c.run_id == run.run_id,
        run_series.c.store_id == table.c.store_id,
        run_series.c.item_id == table.c.item_id,
        run_series.c.item_id.in_(sorted({node["item_id"] for node in page})),
    )


def _item_days(
    connection: Connection,
    active: Active,
    run: ActiveRun,
    keys: Sequence[str],
    page: Sequence[Mapping[str, Any]],
    quantiles: Sequence[str],
) -> dict[str, list[ForecastDay]]:
    wanted = {tuple(node[key] for key in keys): node["node_id"] for node in page}
    columns = [run_series.c[key] for key in keys]
    single = "store_id" in keys
    # quantiles of a sum are not the sum of quantiles: sums over stores have none
    values = value_columns(forecasts.c, quantiles if single else ())
    if not single:
        values = [func.sum(forecasts.c.mean)]
    added = _item_additions(connection, active, run, keys, page)
    statement = (
        select(*columns, forecasts.c.target_date, *values)
        .join_from(forecasts, run_series, _of_nodes(forecasts, run, page))
        .where(forecasts.c.run_id == run.run_id)
        .order_by(*columns, forecasts.c.target_date)
    )
    if not single:
        statement = statement.group_by(*columns, forecasts.c.target_date)
    found: dict[str, list[ForecastDay]] = defaultdict(list)
    for row in connection.execute(statement):
        node_id = wanted.get(tuple(row[: len(keys)]))
        if node_id is None:
            continue
        target, mean, *rest = row[len(keys) :]
        final = max(0.0, mean + added.get((node_id, target), 0.0))
        found[node_id].append(
            forecast_day(target, mean, final, rest, quantiles)
            if single
            else ForecastDay(date=target, mean=mean, final=final)
        )
    return found


def _item_additions(
    connection: Connection,
    active: Active,
    run: ActiveRun,
    keys: Sequence[str],
    page: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, date], float]:
    """What overrides add to nodes over items (below zero: take from them), by node and day."""
    added: dict[tuple[str, date], float] = defaultdict(float)
    if run.run_id not in active.effects:
        return added
    wanted = {tuple(node[key] for key in keys): node["node_id"] for node in page}
    rows = connection.execute(
        select(*(run_series.c[name] for name in SERIES_ATTRIBUTES), forecasts.c.target_date, forecasts.c.mean)
        .join_from(forecasts, run_series, _of_nodes(forecasts, run, page))
        .where(forecasts.c.run_id == run.run_id)
    )
    for *groups, target, mean in rows:
        series = dict(zip(SERIES_ATTRIBUTES, groups, strict=True))
        node_id = wanted.get(tuple(series[key] for key in keys))
        effects = active.effects_on(run, series) if node_id is not None else ()
        if node_id is not None and effects:
            added[node_id, target] += final_mean(effects, target.isoformat(), mean) - mean
    return added


def _item_history(
    connection: Connection,
    run: ActiveRun,
    keys: Sequence[str],
    page: Sequence[Mapping[str, Any]],
    days: int,
) -> dict[str, list[HistoryDay]]:
    found: dict[str, list[HistoryDay]] = defaultdict(list)
    if not days:
        return found
    wanted = {tuple(node[key] for key in keys): node["node_id"] for node in page}
    columns = [run_series.c[key] for key in keys]
    # one series has a price; a sum over stores has none
    price = func.max(sales_history.c.price) if "store_id" in keys else None
    statement = (
        select(*columns, sales_history.c.date, func.sum(sales_history.c.units), *([] if price is None else [price]))
        .join_from(sales_history, run_series, _of_nodes(sales_history, run, page))
        .where(
            sales_history.c.date > run.origin - timedelta(days=days),
            sales_history.c.date <= run.origin,
        )
        .group_by(*columns, sales_history.c.date)
        .order_by(*columns, sales_history.c.date)
    )
    for row in connection.execute(statement):
        node_id = wanted.get(tuple(row[: len(keys)]))
        if node_id is not None:
            day, units, *rest = row[len(keys) :]
            found[node_id].append(HistoryDay(date=day, units=units, price=rest[0] if rest else None))
    return found
