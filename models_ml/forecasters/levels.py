"""The recent level of each series, with a prior for series without history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.warehouse.marts import Marts

LEVEL_SPANS = {7: 0.2, 28: 0.4, 56: 0.2, 91: 0.2}
"""Trailing spans in days and the weights of their means in a level: close to exponential smoothing."""

LEVEL_WEIGHTS = {f"units_mean_{days}": weight for days, weight in LEVEL_SPANS.items()}
"""The same by column of the marts."""

NEW_DAYS = 28
"""Days on sale from which a series speaks for itself."""


@dataclass(frozen=True)
class LaunchParameters:
    """Parameters of the prior for new series, tuned on M5's launches; see benchmarks/cold_start.md.

    Attributes:
        expected_days: days on sale at which a new series' own level has the same weight as its prior.
        stores_of_department: number of stores selling an item that have the same weight as the department's median, for
            a new series.
    """

    expected_days: float = 7.0
    stores_of_department: float = 4.0


def weighed_level(means: Mapping[str, np.ndarray]) -> np.ndarray:
    """The level from trailing means (columns of `features.fct_series_features`); NaN without history."""
    level: np.ndarray = np.sum([weight * means[name] for name, weight in LEVEL_WEIGHTS.items()], axis=0)
    return level


def expected_levels(
    series: pd.DataFrame, levels: np.ndarray, age: np.ndarray, parameters: LaunchParameters
) -> np.ndarray:
    """The prior level of each series, regardless of its own sales.

    The median of its store and department, shrunk towards its item's sales in other stores: the mean of its levels
    there relative to their departments' means, times the mean of its own department. Only series on sale for at least
    `NEW_DAYS` are used or, if a store and department has none, all that have sold.

    Args:
        series: `Marts.series`.
        levels: series x as-of days, NaN without history.
        age: the same shape, days on sale; not positive before the launch.
        parameters: strength of the shrinkage.

    Returns:
        float64, series x as-of days: zero where a whole store and department has no history.
    """
    node = pd.factorize(pd.MultiIndex.from_frame(series[["store_id", "department_id"]]))[0]
    item = pd.factorize(series["item_id"])[0]
    known = pd.DataFrame(levels.astype(np.float64))
    usual = known.where(age >= NEW_DAYS)
    medians = usual.groupby(node).median().fillna(known.groupby(node).median()).fillna(0.0)
    typical = medians.to_numpy()[node]
    mean = usual.groupby(node).mean().to_numpy()[node]
    relative = usual.div(np.where(mean > 0, mean, np.nan)).groupby(item)
    stores = relative.count().to_numpy()[item]
    elsewhere = np.nan_to_num(relative.mean().to_numpy()[item] * mean)
    weight = np.where(np.isfinite(mean), stores / (stores + parameters.stores_of_department), 0.0)
    return np.asarray(weight * elsewhere + (1 - weight) * typical)


def with_launches(
    series: pd.DataFrame, levels: np.ndarray, age: np.ndarray, parameters: LaunchParameters
) -> np.ndarray:
    """Levels of all series; those of new series are shrunk towards their prior.

    The weight of a series' own level grows with its days on sale.

    Args:
        series, levels, age, parameters: see `expected_levels`.

    Returns:
        float64, series x as-of days, no NaN.
    """
    known = (age > 0) & np.isfinite(levels)
    own = np.where(known, age / (np.maximum(age, 1) + parameters.expected_days), 0.0)
    own = np.where(known & (age >= NEW_DAYS), 1.0, own)
    expected = expected_levels(series, levels, age, parameters)
    return np.asarray(own * np.where(known, levels, 0.0) + (1 - own) * expected)


def item_levels(marts: Marts) -> np.ndarray:
    """Recent units per day of each series, including new ones.

    Returns:
        float64, one per series of `marts.series`.

    Raises:
        ModelError: the marts have no features as of the origin.
    """
    columns = list(LEVEL_WEIGHTS)
    table = marts.warehouse.read(
        "features.fct_series_features",
        ["store_id", "item_id", *columns],
        stores=marts.stores,
        date_column="as_of_date",
        dates=[marts.origin],
    )
    if table.num_rows == 0:
        raise no_features(marts)
    rows = marts.series_positions(table["store_id"], table["item_id"])
    levels = np.full(len(marts.series), np.nan)
    levels[rows[rows >= 0]] = weighed_level({name: table[name].to_numpy() for name in columns})[rows >= 0]
    return with_launches(marts.series, levels[:, None], marts.days_on_sale[:, None], LaunchParameters())[:, 0]


def no_features(marts: Marts) -> ModelError:
    """The error for an origin that is not an as-of day of the marts."""
    return ModelError(
        f"There are no series features as of {marts.origin}. They exist for every Sunday, for the last day of sales, "
        f"and for the eight days at whole weeks before it. Choose one of these days."
    )
