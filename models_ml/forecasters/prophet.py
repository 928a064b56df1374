"""Prophet at each store x department, with events and the regional flag, allocated to items by their recent level.

Taylor, Letham, "Forecasting at scale", The American Statistician 72(1), 2018.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from models_ml.forecasters.node_forecaster import NodeForecaster
from models_ml.forecasters.nodes.panel import NodePanel
from models_ml.warehouse.marts import Marts


class ProphetNodes(NodeForecaster):
    """One Prophet per node; several at a time, because each is fitted in a separate process (CmdStan)."""

    name = "prophet"

    def __init__(self, *, seed: int, threads: int, changepoint_prior_scale: float = 0.05) -> None:
        super().__init__()
        self.seed, self.threads = seed, threads
        self.changepoint_prior_scale = changepoint_prior_scale

    def parameters(self) -> dict[str, Any]:
        """The seed and the flexibility of the trend."""
        return {"seed": self.seed, "changepoint_prior_scale": self.changepoint_prior_scale}

    def forecast_nodes(self, marts: Marts, panel: NodePanel) -> np.ndarray:
        """Fit each node and forecast it."""
        quieten(logging.getLogger("cmdstanpy"), logging.WARNING)
        quieten(logging.getLogger("prophet.plot"), logging.CRITICAL)  # it warns of missing plotly
        days = pd.date_range(marts.first_day, periods=panel.all_days)
        events = event_table(panel, days)
        with ThreadPoolExecutor(self.threads) as pool:
            return np.stack(
                list(pool.map(lambda node: self.fit_node(panel, node, days, events), range(len(panel.nodes))))
            )

    def fit_node(self, panel: NodePanel, node: int, days: pd.DatetimeIndex, events: pd.DataFrame | None) -> np.ndarray:
        """Forecast one node; one that never sold stays at zero."""
        from prophet import Prophet

        units = panel.units[node]
        if not units.any():
            return np.zeros(panel.horizon_days)
        frame = pd.DataFrame({"ds": days, "flag": panel.regional_flag[node]})
        known = frame.iloc[: panel.known_days].assign(y=units)[~panel.closed[node, : panel.known_days]]
        model = Prophet(
            holidays=events,
            seasonality_mode="multiplicative",
            yearly_seasonality=panel.known_days >= 2 * 365,
            weekly_seasonality=True,
            daily_seasonality=False,
            changepoint_prior_scale=self.changepoint_prior_scale,
            uncertainty_samples=0,
        )
        model.add_regressor("flag", standardize=False)
        model.fit(known, seed=self.seed)
        return np.asarray(model.predict(frame.iloc[panel.known_days :])["yhat"], dtype=np.float64)


def quieten(logger: logging.Logger, level: int) -> None:
    """Suppress messages below a level. CmdStan's logger would add its own handler and report every chain."""
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.setLevel(level)


def event_table(panel: NodePanel, days: pd.DatetimeIndex) -> pd.DataFrame | None:
    """Every day of each known event's window, under a separate name; None without events."""
    rows = [
        pd.DataFrame({"ds": days[vector > 0], "holiday": f"event_{code}_{distance:+d}"})
        for (code, distance), vector in panel.calendar.event_windows.items()
        if vector[: panel.known_days].any()
    ]
    return pd.concat(rows, ignore_index=True) if rows else None
