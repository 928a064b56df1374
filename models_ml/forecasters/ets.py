"""Exponential smoothing of each store x department, allocated to items by their recent level.

It models levels, trends and weekdays but no events or flags, so it serves to measure their value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models_ml.forecasters.node_forecaster import NodeForecaster
from models_ml.forecasters.nodes.panel import NodePanel
from models_ml.warehouse.marts import Marts


class ETS(NodeForecaster):
    """AutoETS (statsforecast) at the nodes, selected by AICc."""

    name = "ets"

    def __init__(self, *, seed: int = 0, threads: int = 1, history_days: int = 728) -> None:
        super().__init__()
        self.history_days = history_days

    def parameters(self) -> dict[str, Any]:
        """The history."""
        return {"history_days": self.history_days}

    def forecast_nodes(self, marts: Marts, panel: NodePanel) -> np.ndarray:
        """Smooth each node."""
        return np.stack([smooth(units[-self.history_days :], panel.horizon_days) for units in panel.units])


def smooth(units: np.ndarray, horizon_days: int) -> np.ndarray:
    """Forecast one node from its daily units; a constant node stays constant."""
    from statsforecast.models import AutoETS

    if np.ptp(units) == 0:
        return np.full(horizon_days, units[-1])
    forecast = AutoETS(season_length=7).forecast(y=units.astype(np.float64), h=horizon_days)
    return np.asarray(forecast["mean"], dtype=np.float64)
