"""The recent level of each series, and what stands in for it where there is no history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.marts import Marts

LEVEL_SPANS = {7: 0.2, 28: 0.4, 56: 0.2, 91: 0.2}
"""Trailing spans in days and the weights of their means in a level: close to exponential smoothing."""

LEVEL_WEIGHTS = {f"units_mean_{days}": weight for days, weight in LEVEL_SPANS.items()}
"""The same by column of the marts."""


def weighed_level(means: Mapping[str, np.ndarray]) -> np.ndarray:
    """The level that trailing means (columns of `features.fct_series_features`) make; NaN without history."""
    level: np.ndarray = np.sum([weight * means[name] for name, weight in LEVEL_WEIGHTS.items()], axis=0)
    return level


def with_cold_starts(series: pd.DataFrame, levels: np.ndarray) -> np.ndarray:
    """Levels with those of series without history (NaN) filled in.

    Such a series takes the median of its store and department: it will sell, and nothing else is known.

    Args:
        series: `Marts.series`.
        levels: one a series.

    Returns:
        float64, one a series, no NaN: zero where a whole store and department has no history.
    """
    known = pd.Series(levels.astype(np.float64))
    typical = known.groupby([series["store_id"], series["department_id"]]).transform("median")
    return known.fillna(typical).fillna(0.0).to_numpy()


def item_levels(marts: Marts) -> np.ndarray:
    """Recent units a day of each series, cold starts included.

    Returns:
        float64, one a series of `marts.series`.

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
    return with_cold_starts(marts.series, levels)


def no_features(marts: Marts) -> ModelError:
    """The error for an origin that is no as-of day of the marts."""
    return ModelError(
        f"There are no series features as of {marts.origin}: they are made for every Sunday, and for the last day of "
        "sales and the eight days whole weeks before it. Choose such a day."
    )
