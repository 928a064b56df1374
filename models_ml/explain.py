"""Why a forecast is what it is: what each family of features moved it by, in units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Engine, func, select

from models_ml.errors import InputError
from models_ml.evaluation.hierarchy import AGGREGATE_LEVELS, Hierarchy
from models_ml.feature_families import LEVEL, MEANINGS, RECONCILIATION, family_of
from models_ml.forecasters.base import Contributions, Explainable, Forecast, Forecaster
from models_ml.marts import Marts
from models_ml.store import read, runs
from models_ml.store.schema import forecasts, node_forecasts, run_nodes, run_series
from models_ml.store.transactions import reading


def by_family(contributions: Contributions) -> tuple[list[str], np.ndarray]:
    """Contributions summed by family.

    Returns:
        Families, those that occur in the order of `MEANINGS`; and float64, nodes x horizon x families.
    """
    of = [family_of(name) for _, name in contributions.features]
    families = [family for family in MEANINGS if family in of]
    sums = [contributions.units[:, :, [f == family for f in of]].sum(axis=2) for family in families]
    return families, np.stack(sums, axis=2)


def contribution_rows(forecaster: Forecaster, marts: Marts, forecast: Forecast) -> pa.Table:
    """What moved each node of levels 1-9 on each target day.

    Returns:
        Columns node_id, target_date, family, units, adding up to the node's mean on each day; no rows for a
        forecaster that cannot say why.
    """
    if not isinstance(forecaster, Explainable):
        return pa.table({n: pa.array([], t) for n, t in COLUMNS.items()})
    given = forecaster.contributions(marts)
    families, units = by_family(given)
    hierarchy = Hierarchy.of(given.nodes, AGGREGATE_LEVELS)
    summing = hierarchy.summing.astype(np.float64)
    count, days = units.shape[:2]
    summed = np.asarray(summing @ units.reshape(count, -1)).reshape(-1, days, len(families))
    mean = pd.DataFrame(forecast.node_mean, index=forecast.hierarchy.nodes["node_id"])
    final = mean.loc[hierarchy.nodes["node_id"]].to_numpy(dtype=np.float64)
    whole = np.concatenate([summed, (final - summed.sum(axis=2))[:, :, None]], axis=2)
    names = [*families, RECONCILIATION]
    nodes, targets = len(hierarchy.nodes), np.array(marts.target_dates, dtype="datetime64[D]")
    return pa.table(
        {
            "node_id": pa.array(np.repeat(hierarchy.nodes["node_id"].to_numpy(), days * len(names)), pa.string()),
            "target_date": pa.array(np.tile(np.repeat(targets, len(names)), nodes)),
            "family": pa.array(np.tile(np.array(names, dtype=object), nodes * days), pa.string()),
            "units": pa.array(whole.ravel()),
        }
    )


COLUMNS = {"node_id": pa.string(), "target_date": pa.date32(), "family": pa.string(), "units": pa.float64()}


@dataclass(frozen=True)
class Explanation:
    """Why a node, or an item under it, is forecast as it is.

    Attributes:
        run_id: the run.
        node_id: the node that the contributions are of.
        units: target day x family; a day's sum is the forecast of the node, or of the item.
        store_id, item_id: of the item, None for a node.
        share: the item's share of its node's forecast, None for a node.
        recent_share: its share of what the node sold in the last 28 days.
    """

    run_id: str
    node_id: str
    units: pd.DataFrame
    store_id: str | None = None
    item_id: str | None = None
    share: float | None = None
    recent_share: float | None = None


def explain_node(engine: Engine, run_id: str, node_id: str) -> Explanation:
    """Read why a node is forecast as it is.

    Raises:
        InputError: there is no such run or node, or the run has no explanations.
        StoreError: the store cannot be read.
    """
    with reading(engine) as connection:
        run = runs.find(connection, run_id)
        table = read.contributions(connection, run.run_id, node_id)
        known = connection.execute(
            select(run_nodes.c.node_id).where(run_nodes.c.run_id == run.run_id).order_by(run_nodes.c.level)
        ).scalars()
        names = list(known)
    if node_id not in names:
        raise InputError(f"{run.run_id} has no node {node_id!r}. There are {', '.join(names[:6])}, ...")
    if table.num_rows == 0:
        raise InputError(f"{run.run_id} ({run.model}) has no explanations: its model cannot say why.")
    units = table.to_pandas().pivot_table(index="target_date", columns="family", values="units")
    return Explanation(run.run_id, node_id, units[[family for family in MEANINGS if family in units]])


def explain_item(engine: Engine, run_id: str, node_id: str, item_id: str) -> Explanation:
    """Read why an item of a store is forecast as it is: what moved its store x department, in the item's share.

    Args:
        engine: of the store.
        run_id: the run.
        node_id: a node of one store (`store:CA_1`, `store_department:CA_1|FOODS_3`), which says which store is meant.
        item_id: the item.

    Raises:
        InputError: there is no such run, node or item, or the node is not of one store.
        StoreError: the store cannot be read.
    """
    with reading(engine) as connection:
        run = runs.find(connection, run_id)
        node = connection.execute(
            select(run_nodes).where(run_nodes.c.run_id == run.run_id, run_nodes.c.node_id == node_id)
        ).one_or_none()
        if node is None or node.store_id is None:
            raise InputError(f"{node_id!r} is not a node of one store. Give `--node store:<store>` with an item.")
        item = connection.execute(
            select(run_series).where(
                run_series.c.run_id == run.run_id,
                run_series.c.store_id == node.store_id,
                run_series.c.item_id == item_id,
            )
        ).one_or_none()
        if item is None:
            raise InputError(f"{run.run_id} has no item {item_id!r} in store {node.store_id}.")
        above = f"{AGGREGATE_LEVELS[-1].name}:{item.store_id}|{item.department_id}"
        own = select(forecasts.c.target_date, forecasts.c.mean).where(
            forecasts.c.run_id == run.run_id, forecasts.c.store_id == item.store_id, forecasts.c.item_id == item_id
        )
        whole = select(node_forecasts.c.target_date, node_forecasts.c.mean).where(
            node_forecasts.c.run_id == run.run_id, node_forecasts.c.node_id == above
        )
        mean = {row.target_date: row.mean for row in connection.execute(own)}
        node_mean = {row.target_date: row.mean for row in connection.execute(whole)}
        sold = connection.execute(
            select(func.sum(run_series.c.units_last_28)).where(
                run_series.c.run_id == run.run_id,
                run_series.c.store_id == item.store_id,
                run_series.c.department_id == item.department_id,
            )
        ).scalar_one()
    explained = explain_node(engine, run.run_id, above)
    daily = pd.Series({day: mean[day] / node_mean[day] if node_mean[day] > 0 else 0.0 for day in mean})
    total = sum(node_mean.values())
    return Explanation(
        run.run_id,
        above,
        explained.units.mul(daily.reindex(explained.units.index), axis=0),
        item.store_id,
        item_id,
        sum(mean.values()) / total if total > 0 else 0.0,
        item.units_last_28 / sold if sold > 0 else 0.0,
    )


def summary(explanation: Explanation) -> pd.DataFrame:
    """What each family moves the forecast by over the horizon.

    Returns:
        One row a family, the strongest first after the level. Columns: units_per_day; strongest_units and
        strongest_day, the day on which it moves the forecast most from its own mean; meaning.
    """
    units = explanation.units
    away = (units - units.mean()).abs()
    days = away.idxmax()
    values = units.to_numpy(dtype=np.float64)
    strongest = values[units.index.get_indexer(pd.Index(days)), np.arange(values.shape[1])]
    frame = pd.DataFrame(
        {
            "units_per_day": units.mean(),
            "strongest_units": strongest,
            "strongest_day": days,
            "meaning": [MEANINGS[str(family)] for family in units.columns],
        }
    )
    strength = units.abs().mean().where(units.columns != LEVEL, np.inf)
    return frame.loc[strength.sort_values(ascending=False, kind="stable").index]
