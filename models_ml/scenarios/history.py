"""Weekly prices and units: the data behind elasticities and trusted price ranges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from models_ml.warehouse.marts import Marts
from models_ml.warehouse.regressors import declared, read_by_series

WEEKS = 104
"""Weeks of history that are used; older price responses may no longer hold."""


@dataclass(frozen=True)
class PriceHistory:
    """Whole weeks up to the origin, oldest first, and the planned price.

    Attributes:
        units: float64, series x weeks.
        price: float64, series x weeks; NaN in weeks that the series was not on sale from the first day, or unpriced.
        controls: name -> float64, series x weeks: mean of each declared 0/1 column known in advance.
        planned: float64, one a series: mean price over the horizon, the last one seen where none is planned; NaN
            without any.
    """

    units: np.ndarray
    price: np.ndarray
    controls: dict[str, np.ndarray]
    planned: np.ndarray


def read_price_history(marts: Marts) -> PriceHistory | None:
    """Read it from the marts; None where no series has a price."""
    week = marts.calendar["week_number"].to_numpy().astype(np.intp)
    origin = (marts.origin - marts.first_day).days
    last = week[origin] if origin + 1 == len(week) or week[origin + 1] != week[origin] else week[origin] - 1
    first = max(int(week[0]) + 1, int(last) - WEEKS + 1)  # the calendar may begin within a week
    if last < first:
        return None
    price = read_prices(marts, first, int(week[-1]))
    if not np.isfinite(price).any():
        return None
    days = np.flatnonzero((week >= first) & (week <= last))
    starts = np.flatnonzero(np.diff(week[days], prepend=-1))
    since, until = (marts.first_day + timedelta(days=int(day)) for day in (days[0], days[-1]))
    units = read_units(marts, since, until, week[days] - first)
    count = units.shape[1]
    week_starts = np.datetime64(since) + starts.astype("timedelta64[D]")
    on_sale = marts.series["launch_date"].to_numpy()[:, None] <= week_starts[None, :]
    past = np.where(on_sale & (price[:, :count] > 0), price[:, :count], np.nan)
    return PriceHistory(
        np.maximum(units, 0.0),
        past,
        read_controls(marts, since, until, starts),
        planned_price(marts, week, price, first),
    )


def planned_price(marts: Marts, week: np.ndarray, price: np.ndarray, first: int) -> np.ndarray:
    """Mean over the horizon's days; the last price seen where no day of it has one."""
    ahead = price[:, week[-marts.horizon_days :] - first]
    known = np.isfinite(ahead)
    mean = np.where(known, ahead, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    last = pd.DataFrame(price).ffill(axis=1).to_numpy()[:, -1]
    return np.where(known.any(axis=1), mean, last)


def read_units(marts: Marts, since: date, until: date, week_of_day: np.ndarray) -> np.ndarray:
    """Units of each series and week: float64.

    Args:
        marts: gives the series.
        since, until: first and last day, at most the origin.
        week_of_day: of each of these days, its column.
    """
    daily = marts.daily(since, until).astype(np.float64)
    return np.asarray(np.add.reduceat(daily, np.flatnonzero(np.diff(week_of_day, prepend=-1)), axis=1))


def read_prices(marts: Marts, first_week: int, last_week: int) -> np.ndarray:
    """Price of each series and week: float64, NaN where there is none."""
    prices = np.full((len(marts.series), last_week - first_week + 1), np.nan)
    for table in marts.warehouse.batches(
        "core.fct_prices", ["store_id", "item_id", "week_number", "price"], stores=marts.stores
    ):
        rows = marts.series_positions(table["store_id"], table["item_id"])
        weeks = table["week_number"].to_numpy() - first_week
        inside = (rows >= 0) & (weeks >= 0) & (weeks < prices.shape[1])
        prices[rows[inside], weeks[inside]] = table["price"].to_numpy()[inside]
    return prices


def read_controls(marts: Marts, since: date, until: date, starts: np.ndarray) -> dict[str, np.ndarray]:
    """Weekly means of declared flags; promotions often coincide with lower prices."""
    daily = read_by_series(marts, declared(marts).known, since, until)
    length = np.diff(np.append(starts, (until - since).days + 1))
    return {
        name: np.add.reduceat(values, starts, axis=1, dtype=np.float64) / length
        for name, values in daily.items()
        if np.isin(values, (0.0, 1.0)).all() and values.any()
    }
