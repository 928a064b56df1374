"""Declared columns of a source, by name: what is known of coming days, what of past days only, what never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.marts import Marts, codes, day_offsets


@dataclass(frozen=True)
class Regressors:
    """Names of the declared columns by availability, each in order of name."""

    known: tuple[str, ...]
    past_only: tuple[str, ...]
    static: tuple[str, ...]


def declared(marts: Marts) -> Regressors:
    """What the source declares."""
    frame = marts.warehouse.read("core.dim_regressors", ["regressor", "availability"]).to_pandas()

    def of(availability: str) -> tuple[str, ...]:
        return tuple(sorted(frame.loc[frame["availability"] == availability, "regressor"]))

    return Regressors(of("known"), of("past_only"), of("static"))


def read_by_series(marts: Marts, names: tuple[str, ...], since: date, until: date) -> dict[str, np.ndarray]:
    """Values of columns by day, zero where the marts hold none.

    Args:
        marts: gives the series, the origin and the horizon.
        names: of columns.
        since, until: first and last day.

    Returns:
        By name float32, series x days.

    Raises:
        ModelError: days after the origin are asked of a column that is not known in advance.
    """
    if not names:
        return {}
    known = set(declared(marts).known)
    unknown = [name for name in names if name not in known]
    if unknown and until > marts.origin:
        raise ModelError(f"{', '.join(unknown)} of {until} is not known at the origin {marts.origin}.")
    shape = (len(marts.series), (until - since).days + 1)
    values = {name: np.zeros(shape, dtype=np.float32) for name in names}
    table = marts.warehouse.read(
        "core.fct_regressors",
        ["item_id", "store_id", "date", "regressor", "value"],
        stores=marts.stores,
        since=since,
        until=until,
    )
    rows = marts.series_positions(table["store_id"], table["item_id"])
    days = day_offsets(table["date"], since)
    column, value = codes(table["regressor"], pd.Index(names)), table["value"].to_numpy()
    for position, name in enumerate(names):
        own = (column == position) & (rows >= 0)
        values[name][rows[own], days[own]] = value[own]
    return values


def read_static(marts: Marts, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Values of static columns: by name float32, one a series."""
    if not names:
        return {}
    values = {name: np.zeros(len(marts.series), dtype=np.float32) for name in names}
    table = marts.warehouse.read(
        "core.dim_attributes", ["item_id", "store_id", "regressor", "value"], stores=marts.stores
    )
    rows = marts.series_positions(table["store_id"], table["item_id"])
    column, value = codes(table["regressor"], pd.Index(names)), table["value"].to_numpy()
    for position, name in enumerate(names):
        own = (column == position) & (rows >= 0)
        values[name][rows[own]] = value[own]
    return values


def read_by_node(marts: Marts, nodes: pd.DataFrame, all_days: int) -> dict[str, np.ndarray]:
    """Columns known in advance at store x department, relative to their largest value.

    Args:
        marts: gives the calendar.
        nodes: `Marts.store_departments`.
        all_days: days of the calendar, the horizon's among them.

    Returns:
        By name float64, nodes x days, mostly between 0 and 1; columns that are zero up to the origin are left out.
    """
    names = declared(marts).known
    if not names:
        return {}
    table = marts.warehouse.read(
        "features.fct_node_regressors",
        ["store_id", "department_id", "date", "regressor", "value"],
        stores=marts.stores,
        until=marts.target_dates[-1],
    )
    keys = pd.MultiIndex.from_frame(nodes[["store_id", "department_id"]])
    given = pd.MultiIndex.from_arrays([table["store_id"].to_pandas(), table["department_id"].to_pandas()])
    rows, days = keys.get_indexer(given), day_offsets(table["date"], marts.first_day)
    column, value = codes(table["regressor"], pd.Index(names)), table["value"].to_numpy()
    known_days = (marts.origin - marts.first_day).days + 1
    result = {}
    for position, name in enumerate(names):
        own = (column == position) & (rows >= 0) & (days >= 0) & (days < all_days)
        values = np.zeros((len(nodes), all_days))
        values[rows[own], days[own]] = value[own]
        largest = np.abs(values[:, :known_days]).max(initial=0.0)
        if largest > 0:  # what never moved cannot have taught anything
            result[name] = values / largest
    return result


def read_closed_days(marts: Marts, stores: pd.Index, all_days: int) -> np.ndarray:
    """Days on which the source says that a store is closed: bool, stores x days of the calendar."""
    table = marts.warehouse.read(
        "core.fct_closed_days", ["store_id", "date"], stores=marts.stores, until=marts.target_dates[-1]
    )
    closed = np.zeros((len(stores), all_days), dtype=bool)
    rows, days = codes(table["store_id"], stores), day_offsets(table["date"], marts.first_day)
    inside = (rows >= 0) & (days >= 0) & (days < all_days)
    closed[rows[inside], days[inside]] = True
    return closed
