"""Forecasts of many series as blocks of numbers, for the API's bulk answers and for exports.

A published run has every step of its horizon once for each of its series (`verify`), so a series' rows in order of date
need no key: the values are read alone, straight from the driver, and their keys follow from `run_series`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from models_ml.errors import StoreError
from models_ml.prediction_store.finals import Effect, Floats, SeriesBelow
from models_ml.prediction_store.override_effects import SERIES_ATTRIBUTES
from models_ml.prediction_store.schema import forecasts, run_series
from models_ml.prediction_store.text import one_of


@dataclass(frozen=True)
class Block:
    """Forecasts of series of one store, in order of item and date.

    Attributes:
        run_id, store_id: whose they are.
        series: each of `SERIES_ATTRIBUTES`, a value a series.
        dates: of the steps.
        mean: series x steps.
        quantiles: series x steps x quantiles, of the final; NaN where unknown.
        final: series x steps, the mean after overrides.
    """

    run_id: str
    store_id: str
    series: dict[str, NDArray[np.object_]]
    dates: list[date]
    mean: Floats
    quantiles: Floats
    final: Floats

    @property
    def items(self) -> list[str]:
        """Items in order."""
        names: list[str] = self.series["item_id"].tolist()
        return names

    @property
    def numbers(self) -> Floats:
        """Mean, quantiles and final side by side, a row a series and step."""
        parts = (self.mean[..., None], self.quantiles, self.final[..., None])
        return np.ascontiguousarray(np.concatenate(parts, axis=2).reshape(self.mean.size, -1))


def step_dates(origin: date, horizon_days: int, step_days: int) -> list[date]:
    """Dates of a run's steps; a week is named by its first day."""
    return [origin + timedelta(days=day) for day in range(1, horizon_days + 1, step_days)]


def read_block(
    connection: Connection,
    run_id: str,
    store_id: str,
    items: Sequence[str],
    dates: list[date],
    quantiles: Sequence[str],
    effects: Sequence[Effect] = (),
) -> Block:
    """Forecasts of some items of a store; items that the run has not are left out.

    Args:
        dates: of the run's steps.
        quantiles: their columns.
        effects: overrides on the run, in order of creation; none if the store is not served from it.

    Raises:
        StoreError: the store does not hold each step of the series once.
    """
    attributes = (
        select(*(run_series.c[name] for name in SERIES_ATTRIBUTES))
        .where(run_series.c.run_id == run_id, run_series.c.store_id == store_id, one_of(run_series.c.item_id, items))
        .order_by(run_series.c.item_id)
    )
    known = connection.execute(attributes).all()
    series = {
        name: np.array(column, dtype=object)
        for name, column in zip(
            SERIES_ATTRIBUTES, zip(*known, strict=True) if known else [()] * len(SERIES_ATTRIBUTES), strict=True
        )
    }
    columns = ["mean", *quantiles]
    values = (
        select(*(forecasts.c[name] for name in columns))
        .where(forecasts.c.run_id == run_id, forecasts.c.store_id == store_id, one_of(forecasts.c.item_id, items))
        .order_by(forecasts.c.item_id, forecasts.c.target_date)
    )
    cursor: Any = connection.execute(values).cursor  # the driver's: SQLAlchemy's rows would take as long again
    rows = cursor.fetchall()
    if len(rows) != len(known) * len(dates):
        raise StoreError(
            f"{run_id} has {len(rows)} forecasts of {len(known)} series in {store_id}, not {len(dates)} of each. "
            "Publish the run again."
        )
    try:
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(columns))
    except TypeError:  # a run without quantiles
        flat = np.array(rows, dtype=np.float64)
    numbers = flat.reshape(len(known), len(dates), len(columns))
    mean = numbers[..., 0]
    final, of_final = _finals(series, dates, mean, numbers[..., 1:], effects)
    return Block(run_id, store_id, series, dates, mean, of_final, final)


def _finals(
    series: dict[str, NDArray[np.object_]],
    dates: Sequence[date],
    mean: Floats,
    quantiles: Floats,
    effects: Sequence[Effect],
) -> tuple[Floats, Floats]:
    """Means after overrides, and the quantiles that go with them."""
    if not effects:
        return mean, quantiles
    final, rows_below = mean.copy(), SeriesBelow(series)
    positions = {day.isoformat(): position for position, day in enumerate(dates)}
    for effect in effects:
        own = rows_below.keys(effect.keys)
        if not len(own):
            continue
        for day, change in effect.days.items():
            at = own, positions[day]
            final[at] = final[at] * change.factor if change.factor is not None else change.units_each
    moved = final != mean
    scale = np.divide(final, mean, out=np.full_like(mean, np.nan), where=mean > 0)
    return final, np.where(moved[..., None], quantiles * scale[..., None], quantiles)


def portions(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Items, so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
