"""Exponential smoothing of each store x department, shared out to items by their recent level.

Knows levels, trends and weekdays, and neither events nor flags: what a forecast gains from these shows against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models_ml.errors import ModelError
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.middle_out.panel import NodePanel, read_panel
from models_ml.forecasters.top_down import share_out_by_level
from models_ml.marts import Marts


class ETS:
    """AutoETS (statsforecast) at the nodes: the model of each by AICc."""

    name = "ets"

    def __init__(self, *, seed: int = 0, threads: int = 1, history_days: int = 728) -> None:
        self.history_days = history_days
        self._nodes: np.ndarray | None = None

    def parameters(self) -> dict[str, Any]:
        """The history."""
        return {"history_days": self.history_days}

    def fit(self, marts: Marts) -> None:
        """Smooth each node; its forecast is made at once, since it knows only this origin."""
        panel = read_panel(marts)
        nodes = np.stack([smooth(units[-self.history_days :], panel.horizon_days) for units in panel.units])
        self._nodes = open_days(panel, nodes)

    def forecast(self, marts: Marts) -> Forecast:
        """Share the nodes out to items."""
        if self._nodes is None:
            raise ModelError("ets is not fitted; call fit first.")
        return Forecast(marts.series, share_out_by_level(marts, self._nodes))


def smooth(units: np.ndarray, horizon_days: int) -> np.ndarray:
    """Forecast one node from its daily units; a node that never moves stays as it is."""
    from statsforecast.models import AutoETS

    if np.ptp(units) == 0:
        return np.full(horizon_days, units[-1])
    forecast = AutoETS(season_length=7).forecast(y=units.astype(np.float64), h=horizon_days)
    return np.asarray(forecast["mean"], dtype=np.float64)


def open_days(panel: NodePanel, nodes: np.ndarray) -> np.ndarray:
    """Node forecasts that are not negative, and zero on closed days."""
    return np.where(panel.closed[:, panel.known_days :], 0.0, np.maximum(np.nan_to_num(nodes), 0.0))
