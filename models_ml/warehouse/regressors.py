"""Declared columns of a source: known in advance, known for past days only, or static.

An unknown value (blank in the source, or outside the days that the column covers) is replaced by the mean of the values
that are known at the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.warehouse.marts import Marts, codes, day_offsets


@dataclass(frozen=True)
class Regressors:
    """Names of the declared columns by availability, each in order of name.

    `given`: by name, the first and last day for which a daily column has values.
    """

    known: tuple[str, ...]
    past_only: tuple[str, ...]
    static: tuple[str, ...]
    given: dict[str, tuple[date, date]]


def declared(marts: Marts) -> Regressors:
    """What the source declares."""
    frame = marts.warehouse.read(
        "core.dim_regressors", ["regressor", "availability", "given_from", "given_until"]
    ).to_pandas()

    def of(availability: str) -> tuple[str, ...]:
        return tuple(sorted(frame.loc[frame["availability"] == availability, "regressor"]))

    given = {
        row.regressor: (pd.Timestamp(row.given_from).date(), pd.Timestamp(row.given_until).date())
        for row in frame.dropna(subset=["given_from"]).itertuples()
    }
    return Regressors(of("known"), of("past_only"), of("static"), given)


def days_not_given(of: Regressors, name: str, since: date, days: int) -> np.ndarray:
    """Days from `since` on that a column does not cover: bool, one a day."""
    if name not in of.given:
        return np.ones(days, dtype=bool)
    first, last = ((day - since).days for day in of.given[name])
    at = np.arange(days)
    return np.asarray((at < first) | (at > last))


def with_usual(values: np.ndarray, known_days: int) -> np.ndarray:
    """Values by row and day; NaN is replaced by the mean of the row's first `known_days` days.

    A row without any takes the mean of all rows; without that it is 0.
    """
    unknown = np.isnan(values)
    if not unknown.any():
        return values
    past = values[:, :known_days]
    count = (~unknown[:, :known_days]).sum(axis=1)
    total = np.nansum(past, axis=1, dtype=np.float64)
    overall = total.sum() / max(count.sum(), 1)
    usual = np.where(count > 0, total / np.maximum(count, 1), overall)
    return np.where(unknown, usual[:, None], values).astype(values.dtype)


def read_by_series(marts: Marts, names: tuple[str, ...], since: date, until: date) -> dict[str, np.ndarray]:
    """Values of columns by day: zero where the marts hold none, the known mean where unknown.

    Args:
        marts: gives the series, the origin and the horizon.
        names: of columns.
        since, until: first and last day.

    Returns:
        By name float32, series x days.

    Raises:
        ModelError: days after the origin are requested for a column that is not known in advance.
    """
    if not names:
        return {}
    columns = declared(marts)
    unknown = [name for name in names if name not in columns.known]
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
        values[name][:, days_not_given(columns, name, since, shape[1])] = np.nan
    known_days = (min(until, marts.origin) - since).days + 1
    return {name: with_usual(of, known_days) for name, of in values.items()}


def read_static(marts: Marts, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Values of static columns: by name float32, one a series; unknown values are the mean of the known ones."""
    if not names:
        return {}
    values = {name: np.zeros(len(marts.series), dtype=np.float32) for name in names}
    table = marts.warehouse.read(
        "core.fct_static_regressors", ["item_id", "store_id", "regressor", "value"], stores=marts.stores
    )
    rows = marts.series_positions(table["store_id"], table["item_id"])
    column, value = codes(table["regressor"], pd.Index(names)), table["value"].to_numpy()
    for position, name in enumerate(names):
        own = (column == position) & (rows >= 0)
        values[name][rows[own]] = value[own]
    return {name: with_usual(of[None, :], len(of))[0] for name, of in values.items()}


def read_by_node(marts: Marts, nodes: pd.DataFrame, all_days: int) -> dict[str, np.ndarray]:
    """Columns known in advance at store x department, relative to their largest value.

    Args:
        marts: gives the calendar.
        nodes: `Marts.store_departments`.
        all_days: days of the calendar, the horizon's among them.

    Returns:
        By name float64, nodes x days, mostly between 0 and 1; columns that are zero up to the origin are left out.
    """
    columns = declared(marts)
    names = columns.known
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
        values[:, days_not_given(columns, name, marts.first_day, all_days)] = np.nan
        values = with_usual(values, known_days)
        largest = np.abs(values[:, :known_days]).max(initial=0.0)
        if largest > 0:  # a constant column has no effect to learn
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
