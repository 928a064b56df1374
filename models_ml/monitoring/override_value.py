"""Forecast value added of overrides: errors of the final forecasts against errors of the model's own means.

The logs tell what was served on a day: the run of each store, and the overrides in force. Dates are sales dates, and
wall-clock time is mapped to them at each new origin: a run is served from the day after its origin, and an action three
days after its publication counts three days later. A replay of history is therefore measured like daily operation, and
an override of past days earns no credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from models_ml.prediction_store.finals import Adjustment, Floats, adjust, below
from models_ml.prediction_store.override_effects import means_of, series_of_runs
from models_ml.prediction_store.schema import OVERRIDE_METRICS, activations, model_runs, overrides
from models_ml.warehouse.connection import Warehouse

COLUMNS = ["metric", "subject", "period_end", "value"]


@dataclass(frozen=True)
class Served:
    """Which run each store served on each day.

    Attributes:
        runs: days (datetime64) x stores, run_id.
        step_days: of each run that is in the store still.
    """

    runs: pd.DataFrame
    step_days: dict[str, int]


def override_errors(connection: Connection, warehouse: Warehouse, last_day: date) -> pd.DataFrame:
    """Absolute errors of each override's node, and summed over its series, on each day it was in force and is sold.

    All overrides in force make the final; overlapping overrides share one result. A day on which a store served a run
    that has since been pruned is left out.

    Returns:
        Columns metric (of `OVERRIDE_METRICS`), subject (`override:<id>`), period_end (the day) and value (units).
    """
    moves = _moves(connection)
    asked = _in_force(connection, moves)
    wanted = {
        day
        for one in asked
        for day in pd.date_range(one.valid_from, min(one.valid_to, last_day)).date  # empty where it ends before
    }
    if not wanted:
        return pd.DataFrame(columns=COLUMNS)
    served = _served(moves, sorted(wanted))
    parts = [
        part
        for _, own in served.runs.groupby(list(served.runs.columns), dropna=False, sort=False)
        for part in _errors(connection, warehouse, own, served.step_days, asked, last_day)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _moves(connection: Connection) -> pd.DataFrame:
    """Every activation and the day of sales it was made on (`day`; NaT before any run that is known)."""
    rows = connection.execute(
        select(
            activations.c.store_id,
            activations.c.run_id,
            activations.c.activated_at,
            model_runs.c.origin,
            model_runs.c.step_days,
            model_runs.c.status,
        )
        .outerjoin(model_runs, model_runs.c.run_id == activations.c.run_id)
        .order_by(activations.c.id)
    )
    moves = pd.DataFrame(rows.all(), columns=list(rows.keys()))
    origin = pd.to_datetime(moves["origin"])
    newest = origin.cummax().ffill()
    newer = newest.notna() & (newest != newest.shift())
    moves["at"] = pd.to_datetime(moves["activated_at"]).cummax()
    midnight = moves["at"].dt.normalize()
    since = midnight - midnight.where(newer).ffill()
    moves["day"] = (newest + pd.Timedelta(days=1) + since).cummax()
    return moves


def _in_force(connection: Connection, moves: pd.DataFrame) -> list[Adjustment]:
    """Every override, in order of creation, its validity cut to the days of sales on which it was in force."""
    rows = connection.execute(select(overrides).order_by(overrides.c.override_id)).all()
    days = moves.dropna(subset=["day"])

    def day_of(moments: Sequence[Any]) -> list[date | None]:
        at = pd.DataFrame({"at": pd.to_datetime(pd.Series(moments, dtype=object)).astype(days["at"].dtype)})
        known = at.dropna().sort_values("at")
        last = pd.merge_asof(known, days.assign(moved=days["at"])[["at", "moved", "day"]], on="at").set_axis(
            known.index
        )
        found = (last["day"] + (last["at"].dt.normalize() - last["moved"].dt.normalize())).reindex(at.index)
        return [None if pd.isna(day) else day.date() for day in found]

    asked = []
    made, revoked = day_of([row.created_at for row in rows]), day_of([row.revoked_at for row in rows])
    for row, first, end in zip(rows, made, revoked, strict=True):
        begin = max(row.valid_from, first or row.valid_from)
        last = row.valid_to if row.revoked_at is None else min(row.valid_to, (end or begin) - timedelta(days=1))
        if begin <= last:
            asked.append(Adjustment(row.override_id, row.node_id, row.kind, row.value, begin, last))
    return asked


def _served(moves: pd.DataFrame, days: Sequence[date]) -> Served:
    """Runs by day and store, without the days on which one of them is not in the store any more."""
    known = moves.dropna(subset=["day"]).drop_duplicates(["store_id", "day"], keep="last")
    table = known.pivot(index="day", columns="store_id", values="run_id")
    index = pd.DatetimeIndex(list(days))
    runs = table.reindex(table.index.union(index)).ffill().reindex(index)
    kept = moves[moves["status"] == "published"].drop_duplicates("run_id")
    step_days = dict(zip(kept["run_id"], kept["step_days"].astype(int), strict=True))
    return Served(runs[(runs.isna() | runs.isin(list(step_days))).all(axis=1)], step_days)


def _errors(
    connection: Connection,
    warehouse: Warehouse,
    served: pd.DataFrame,
    step_days: dict[str, int],
    asked: Sequence[Adjustment],
    last_day: date,
) -> list[pd.DataFrame]:
    """A frame an override of `override_errors`, of days on which every store served one run (of `Served.runs`)."""
    days = [day.date() for day in served.index]
    pairs = [(str(run_id), str(store)) for store, run_id in served.iloc[0].dropna().items()]
    inside = [replace(one, valid_to=min(one.valid_to, days[-1])) for one in asked if one.valid_from <= days[-1]]
    series = series_of_runs(connection, pairs, [one.node_id for one in inside if one.valid_to >= days[0]])
    if not len(series["item_id"]):
        return []
    means = means_of(connection, series, days)
    # A weekly forecast is dated by its first day, spread evenly, and measured once the week is over.
    steps = np.array([step_days[run_id] for run_id in series["run_id"]])
    over = np.array([(last_day - day).days + 1 for day in days])
    means[over[np.newaxis, :] < steps[:, np.newaxis]] = np.nan
    finals, done = adjust(series, means, days, inside)
    sold = _sold(warehouse, series, days) * steps[:, np.newaxis]
    parts = []
    for one in inside:
        columns = np.array([n for n, day in enumerate(days) if day in done[one.override_id]], dtype=int)
        if not len(columns):
            continue
        cells = np.ix_(below(series, one.node_id), columns)
        by_metric = dict(zip(OVERRIDE_METRICS, _four(means[cells], finals[cells], sold[cells]), strict=True))
        own = pd.DataFrame(by_metric).assign(
            subject=f"override:{one.override_id}", period_end=[days[column] for column in columns]
        )
        parts.append(own.melt(["subject", "period_end"], var_name="metric")[COLUMNS])
    return parts


def _four(means: Floats, finals: Floats, sold: Floats) -> tuple[Floats, ...]:
    """By day, in the order of `OVERRIDE_METRICS`; series that were not forecast (NaN) are left out."""
    missed, missed_finally = means - sold, finals - sold
    return (
        np.abs(np.nansum(missed, axis=0)),
        np.abs(np.nansum(missed_finally, axis=0)),
        np.nansum(np.abs(missed), axis=0),
        np.nansum(np.abs(missed_finally), axis=0),
    )


def _sold(warehouse: Warehouse, series: dict[str, NDArray[Any]], days: Sequence[date]) -> Floats:
    """Units sold of series x days; 0 where there is no row."""
    table = warehouse.read(
        "core.fct_daily_sales",
        ["store_id", "item_id", "date", "cast(units as double) as units"],
        stores=sorted(set(series["store_id"])),
        since=days[0],
        until=days[-1],
    )
    sales = table.to_pandas()
    sales["date"] = pd.to_datetime(sales["date"])
    rows = pd.MultiIndex.from_arrays([series["store_id"], series["item_id"]])
    wide = sales.pivot(index=["store_id", "item_id"], columns="date", values="units")
    return np.asarray(wide.reindex(index=rows, columns=pd.DatetimeIndex(list(days))).fillna(0.0), dtype=np.float64)
