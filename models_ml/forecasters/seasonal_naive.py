"""Repeats the last week over the horizon: the baseline that a forecast must beat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from models_ml.forecasters.assortment import on_sale
from models_ml.forecasters.base import Forecast
from models_ml.warehouse.marts import Marts

SEASON_DAYS = 7


class SeasonalNaive:
    """Forecasts each day as the same weekday of the last known week."""

    name = "seasonal_naive"

    def __init__(self, *, seed: int = 0, threads: int = 1) -> None:
        """Neither a seed nor threads matter here."""

    def parameters(self) -> dict[str, Any]:
        """The season's length."""
        return {"season_days": SEASON_DAYS}

    def fit(self, marts: Marts) -> None:
        """Nothing to learn."""

    def forecast(self, marts: Marts) -> Forecast:
        """Repeat the last week."""
        week = marts.daily(marts.origin - timedelta(days=SEASON_DAYS - 1), marts.origin)
        repeats = -(-marts.horizon_days // SEASON_DAYS)
        return Forecast(marts.series, np.tile(week, repeats)[:, : marts.horizon_days] * on_sale(marts))
