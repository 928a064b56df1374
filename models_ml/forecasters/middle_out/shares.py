"""How much of its store x department an item sells: its recent level, from the series features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.marts import Marts

LEVEL_WEIGHTS: dict[str, float] = {
    "units_mean_7": 0.2,
    "units_mean_28": 0.4,
    "units_mean_56": 0.2,
    "units_mean_91": 0.2,
}
"""Weights of trailing means in an item's level: close to exponential smoothing, and one row a series."""


def item_levels(marts: Marts) -> np.ndarray:
    """Recent units a day of each series.

    A series without history takes the median of its store and department: it will sell, and nothing else is known.

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
        raise ModelError(
            f"There are no series features as of {marts.origin}: they are made for every seventh day back from the "
            "last day of sales. Choose such a day."
        )
    rows = marts.series_positions(table["store_id"], table["item_id"])
    levels = np.full(len(marts.series), np.nan)
    weighed = np.sum([weight * table[name].to_numpy() for name, weight in LEVEL_WEIGHTS.items()], axis=0)
    levels[rows[rows >= 0]] = weighed[rows >= 0]
    known = pd.Series(levels)
    typical = known.groupby([marts.series["store_id"], marts.series["department_id"]]).transform("median")
    return known.fillna(typical).fillna(0.0).to_numpy()
