"""Explanations of forecasts: contribution of each feature family, in units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Engine, select

from models_ml.errors import InputError, ModelError
from models_ml.forecasters.base import Contributions, Explainable, Forecast, Forecaster, ItemExplainable
from models_ml.forecasters.storage import FittedModel
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, BOTTOM_AGGREGATE, Hierarchy, node_ids
from models_ml.hierarchy.steps import step_sums
from models_ml.prediction_store import read, runs
from models_ml.prediction_store.schema import run_nodes
from models_ml.prediction_store.transactions import reading
from models_ml.runs import artifact
from models_ml.runs.artifact import RunArtifact
from models_ml.runs.feature_families import CLOSED, LEVEL, MEANINGS, RECONCILIATION, STORE_DEPARTMENT, family_of
from models_ml.settings import Settings
from models_ml.warehouse.connection import warehouse_of
from models_ml.warehouse.identity import built_marts
from models_ml.warehouse.marts import Marts


def by_family(contributions: Contributions, step_days: int = 1) -> tuple[list[str], np.ndarray]:
    """Contributions summed by family and by step of the source's grain.

    Returns:
        The occurring families in the order of `MEANINGS`, closed days last; and float64, rows x steps x families.
    """
    of = [family_of(name) for _, name in contributions.features]
    families = [family for family in MEANINGS if family in of]
    sums = [
        step_sums(contributions.units[:, :, [f == family for f in of]].sum(axis=2), step_days) for family in families
    ]
    if contributions.closed.any():
        families, sums = [*families, CLOSED], [*sums, step_sums(contributions.taken_off, step_days)]
    return families, np.stack(sums, axis=2)


def contributions_of(forecaster: Forecaster, marts: Marts) -> Contributions | None:
    """Contributions to each store x department; None for a forecaster without explanations."""
    return forecaster.contributions(marts) if isinstance(forecaster, Explainable) else None


def feature_rows(forecaster: Forecaster, given: Contributions | None) -> pa.Table:
    """Rows of `run_features`: the fitted model's features with their importance.

    Args:
        forecaster: fitted.
        given: from `contributions_of`; importance of its features is the mean of their absolute units.
    """
    rows = []
    if given is not None:
        weight = np.abs(given.units).mean(axis=(0, 1))
        rows += [(*name, float(units)) for name, units in zip(given.features, weight, strict=True)]
    if isinstance(forecaster, ItemExplainable):
        rows += [("items", name, gain) for name, gain in forecaster.item_features().items()]
    parts, names, importance = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "part": pa.array(parts, pa.string()),
            "feature": pa.array(names, pa.string()),
            "family": pa.array([family_of(name) for name in names], pa.string()),
            "importance": pa.array(importance, pa.float64()),
        }
    )


def contribution_rows(given: Contributions | None, marts: Marts, forecast: Forecast) -> pa.Table:
    """Contributions to each node of levels 1-9 in each target step.

    Args:
        given: from `contributions_of`.
        marts, forecast: it was made from, and is of.

    Returns:
        Columns node_id, target_date, family, units, adding up to the node's mean in each step; no rows where nothing
        is given.
    """
    if given is None:
        return pa.table({n: pa.array([], t) for n, t in COLUMNS.items()})
    families, units = by_family(given, marts.step_days)
    hierarchy = Hierarchy.of(given.rows, AGGREGATE_LEVELS)
    summing = hierarchy.summing.astype(np.float64)
    count, days = units.shape[:2]
    summed = np.asarray(summing @ units.reshape(count, -1)).reshape(-1, days, len(families))
    mean = pd.DataFrame(forecast.node_mean, index=forecast.hierarchy.nodes["node_id"])
    final = mean.loc[hierarchy.nodes["node_id"]].to_numpy(dtype=np.float64)
    whole = np.concatenate([summed, (final - summed.sum(axis=2))[:, :, None]], axis=2)
    names = [*families, RECONCILIATION]
    nodes, targets = len(hierarchy.nodes), np.array(marts.step_dates, dtype="datetime64[D]")
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
    """Explanation of the forecast of a node, or of an item below it.

    Attributes:
        run_id: the run.
        node_id: the node, or the item's store x department.
        units: target step x family; a step's sum is the forecast of the node, or of the item.
        store_id, item_id: of the item, None for a node.
        share: the item's share of its node's forecast, None for a node.
        recent_share: its share of the node's sales in the last 28 days.
    """

    run_id: str
    node_id: str
    units: pd.DataFrame
    store_id: str | None = None
    item_id: str | None = None
    share: float | None = None
    recent_share: float | None = None


def explain_node(engine: Engine, run_id: str, node_id: str) -> Explanation:
    """Read the explanation of a node's forecast.

    Raises:
        InputError: the run or node does not exist, or the run has no explanations.
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
        raise InputError(f"{run.run_id} ({run.model}) has no explanations: its model does not support them.")
    units = table.to_pandas().pivot_table(index="target_date", columns="family", values="units")
    return Explanation(run.run_id, node_id, units[[family for family in MEANINGS if family in units]])


def explain_item(model: FittedModel, marts: Marts, run: RunArtifact, store_id: str, item_id: str) -> Explanation:
    """Explanation of an item's forecast: its own contributions, then those of its store x department.

    Args:
        model: the run's.
        marts: as of the run's origin, of its stores.
        run: as it was published.
        store_id, item_id: the item.

    Raises:
        InputError: the run does not have the item, or its model has no explanations.
        ModelError: the marts have other features or categories than the model was fitted with.
    """
    forecaster = model.forecaster
    if not isinstance(forecaster, ItemExplainable):
        raise InputError(
            f"{run.run_id} ({forecaster.name}) has no explanations of items: its model does not support them."
        )
    model.quantiles.check(marts.series)  # rows of the run are rows of the marts
    own = (marts.series["store_id"] == store_id) & (marts.series["item_id"] == item_id)
    if not own.any():
        raise unknown_item(run.run_id, store_id, item_id)
    row = int(np.flatnonzero(own)[0])
    families, units = by_family(forecaster.item_contributions(marts, row), marts.step_days)
    frame = pd.DataFrame(units[0], index=pd.Index(marts.step_dates, name="target_date"), columns=families)
    mean = np.asarray(run.tables["forecasts"]["mean"]).reshape(len(marts.series), -1)
    frame[STORE_DEPARTMENT] = mean[row] - frame.to_numpy().sum(axis=1)
    node = node_ids(marts.series, BOTTOM_AGGREGATE)
    kin = (node == node[row]).to_numpy()
    recent = np.asarray(run.tables["run_series"]["units_last_28"])
    return Explanation(
        run.run_id,
        str(node[row]),
        frame,
        store_id,
        item_id,
        share(mean[row].sum(), mean[kin].sum()),
        share(recent[row], recent[kin].sum()),
    )


def unknown_item(run_id: str, store_id: str, item_id: str) -> InputError:
    """The message for an item that a run does not forecast."""
    return InputError(f"{run_id} has no item {item_id!r} in store {store_id!r}.")


def explain_trained_item(settings: Settings, run_id: str, store_id: str, item_id: str) -> Explanation:
    """Explanation of an item's forecast, computed by the run's stored model on the marts that it was fitted on.

    Raises:
        InputError: the home does not have the run or item, or its model has no explanations.
        ModelError: the marts hold other data than the run was fitted on.
    """
    folder = settings.home / "models" / run_id
    run = artifact.load(folder, ("forecasts", "run_series"))
    series = run.tables["run_series"].select(["store_id", "item_id"]).to_pylist()
    if {"store_id": store_id, "item_id": item_id} not in series:  # said before a model is loaded
        raise unknown_item(run_id, store_id, item_id)
    record = artifact.record_of(run)
    warehouse = warehouse_of(settings)
    if built_marts(settings, warehouse)[0] != record.data_fingerprint:
        raise ModelError(
            f"The warehouse holds other data than {run_id} was fitted on, so its items cannot be explained. "
            "Explain a run fitted on the current data, or a node (`--node`), whose explanation is stored."
        )
    model = FittedModel.load(folder / artifact.MODEL, threads=settings.threads)
    marts = Marts(warehouse, record.origin, record.horizon_days, record.scope)
    return explain_item(model, marts, run, store_id, item_id)


def share(part: float, whole: float) -> float:
    """A share; 0 / 0 is 0."""
    return part / whole if whole > 0 else 0.0


def summary(explanation: Explanation) -> pd.DataFrame:
    """Contribution of each family over the horizon.

    Returns:
        One row per family; the level first, then by strength. Columns: units_per_step; strongest_units and
        strongest_day, the day on which its contribution differs most from its mean; meaning.
    """
    units = explanation.units
    away = (units - units.mean()).abs()
    days = away.idxmax()
    values = units.to_numpy(dtype=np.float64)
    strongest = values[units.index.get_indexer(pd.Index(days)), np.arange(values.shape[1])]
    frame = pd.DataFrame(
        {
            "units_per_step": units.mean(),
            "strongest_units": strongest,
            "strongest_day": days,
            "meaning": [MEANINGS[str(family)] for family in units.columns],
        }
    )
    strength = units.abs().mean().where(units.columns != LEVEL, np.inf)
    return frame.loc[strength.sort_values(ascending=False, kind="stable").index]
