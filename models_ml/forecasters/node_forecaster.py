"""Forecasters of store x department nodes, tied to the origin of their fit, and allocated to items."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from models_ml.errors import ModelError
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.nodes.panel import NodePanel, read_panel
from models_ml.forecasters.top_down import share_out_by_level
from models_ml.warehouse.marts import Marts


@dataclass(frozen=True)
class NodeForecast:
    """A forecast of nodes from one origin.

    Attributes:
        origin: the last known day.
        nodes: ids of the nodes.
        units: float64, nodes x horizon, not negative, zero on closed days.
    """

    origin: date
    nodes: tuple[str, ...]
    units: np.ndarray

    def check(self, marts: Marts) -> None:
        """Reject marts with another origin, horizon or other nodes.

        Raises:
            ModelError: the marts are not those of the fit.
        """
        if (marts.origin, marts.horizon_days) != (self.origin, self.units.shape[1]):
            raise ModelError(
                f"Fitted to forecast {self.units.shape[1]} days from {self.origin}, not {marts.horizon_days} days from "
                f"{marts.origin}; this model is valid only for its own origin. Train it again."
            )
        other = sorted(set(self.nodes) ^ set(marts.store_departments["node_id"]))
        if other:
            raise ModelError(f"Fitted on other nodes; they differ by {', '.join(other[:5])}. Train it on these stores.")


class NodeForecaster(ABC):
    """Base of ETS and Prophet: nodes are forecast when fitted, and allocated to items."""

    name: str

    def __init__(self) -> None:
        self._fitted: NodeForecast | None = None

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Every choice that changes the forecast."""

    @abstractmethod
    def forecast_nodes(self, marts: Marts, panel: NodePanel) -> np.ndarray:
        """Forecast each node: nodes x horizon, not yet clipped."""

    def fit(self, marts: Marts) -> None:
        """Fit and forecast each node, because its model is valid only for this origin."""
        panel = read_panel(marts)
        nodes = np.maximum(np.nan_to_num(self.forecast_nodes(marts, panel)), 0.0)
        open_only = np.where(panel.closed[:, panel.known_days :], 0.0, nodes)
        self._fitted = NodeForecast(marts.origin, tuple(panel.nodes["node_id"]), open_only)

    def forecast(self, marts: Marts) -> Forecast:
        """Allocate the nodes to items by their recent level.

        Raises:
            ModelError: not fitted, or fitted at another origin or on other nodes.
        """
        fitted = self.fitted()
        fitted.check(marts)
        return Forecast(marts.series, share_out_by_level(marts, fitted.units))

    def fitted(self) -> NodeForecast:
        """The nodes' forecast.

        Raises:
            ModelError: not fitted.
        """
        if self._fitted is None:
            raise ModelError(f"{self.name} is not fitted; call fit first.")
        return self._fitted

    def save(self, folder: Path) -> None:
        """Write `nodes.json` and `nodes.npz`."""
        fitted = self.fitted()
        described = {"origin": fitted.origin.isoformat(), "nodes": fitted.nodes}
        (folder / "nodes.json").write_text(json.dumps(described, indent=1))
        np.savez(folder / "nodes.npz", units=fitted.units)

    def restore(self, folder: Path) -> None:
        """Load what `save` wrote."""
        described = json.loads((folder / "nodes.json").read_text())
        with np.load(folder / "nodes.npz") as arrays:
            units = arrays["units"]
        self._fitted = NodeForecast(date.fromisoformat(described["origin"]), tuple(described["nodes"]), units)
