"""Middle-out: two node models forecast store x department, items share it out, and every level adds up.

The aggregates decide both WRMSSE and a retailer's plan, and are where there is something to learn; below them the
noise of single items rules. So the nodes are forecast with all that is known, twice in different ways, and items
only have to be forecast relative to each other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.forecasters.base import Forecast, on_sale
from models_ml.forecasters.middle_out.boosting import BoostingParameters, boosting_forecast
from models_ml.forecasters.middle_out.panel import NodePanel, read_panel
from models_ml.forecasters.middle_out.reconcile import BlendParameters, blend, scale_to_nodes
from models_ml.forecasters.middle_out.regression import RegressionParameters, regression_forecast
from models_ml.forecasters.middle_out.shares import item_levels
from models_ml.marts import Marts


@dataclass(frozen=True)
class MiddleOutParameters:
    """All choices of the method."""

    regression: RegressionParameters = field(default_factory=RegressionParameters)
    boosting: BoostingParameters = field(default_factory=BoostingParameters)
    blend: BlendParameters = field(default_factory=BlendParameters)


class MiddleOut:
    """The default forecaster."""

    name = "middle_out"

    def __init__(self, *, seed: int, threads: int, parameters: MiddleOutParameters | None = None) -> None:
        self.seed, self.threads = seed, threads
        self.choices = parameters or MiddleOutParameters()
        self._nodes: np.ndarray | None = None
        self._panel: NodePanel | None = None

    def parameters(self) -> dict[str, Any]:
        """All choices, and the seed."""
        return {"seed": self.seed, **asdict(self.choices)}

    def fit(self, marts: Marts) -> None:
        """Learn the node models; their forecast is made at once, since they know only this origin."""
        panel = read_panel(marts)
        regression = regression_forecast(panel, self.choices.regression)
        boosting = boosting_forecast(panel, self.choices.boosting, seed=self.seed, threads=self.threads)
        self._panel, self._nodes = panel, blend(panel, regression, boosting, self.choices.blend)

    def forecast(self, marts: Marts) -> Forecast:
        """Share the nodes out to items."""
        if self._panel is None or self._nodes is None:
            raise ModelError("middle_out is not fitted; call fit first.")
        series = marts.series
        items = item_levels(marts)[:, None] * on_sale(marts)
        keys = ["store_id", "department_id"]
        node = pd.MultiIndex.from_frame(self._panel.nodes[keys]).get_indexer(pd.MultiIndex.from_frame(series[keys]))
        return Forecast(series, scale_to_nodes(items, node, self._nodes))
