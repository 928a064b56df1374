"""The mean of the last weeks for every forecast day: a strong baseline for single items."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from models_ml.forecasters.assortment import on_sale
from models_ml.forecasters.base import Forecast
from models_ml.warehouse.marts import Marts


class MovingAverage:
    """Forecasts each day as the mean of the last `window_days` days on sale."""

    name = "moving_average"

    def __init__(self, window_days: int = 28, *, seed: int = 0, threads: int = 1) -> None:
        self.window_days = window_days

    def parameters(self) -> dict[str, Any]:
        """The window."""
        return {"window_days": self.window_days}

    def fit(self, marts: Marts) -> None:
        """Nothing to learn."""

    def forecast(self, marts: Marts) -> Forecast:
        """Repeat the mean."""
        units = marts.daily(marts.origin - timedelta(days=self.window_days - 1), marts.origin)
        mean = units.sum(axis=1) / np.clip(marts.days_on_sale, 1, self.window_days)
        return Forecast(marts.series, mean[:, None].astype(np.float32) * on_sale(marts))
