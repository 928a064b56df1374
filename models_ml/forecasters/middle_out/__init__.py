"""Middle-out: two node models forecast store x department, items share it out, and every level adds up.

The aggregates decide both WRMSSE and a retailer's plan, and are where there is something to learn; below them the
noise of single items rules. So the nodes are forecast with all that is known, twice in different ways, and items
only have to be forecast relative to each other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.errors import ModelError
from models_ml.forecasters.base import Contributions, EventResponses, Forecast
from models_ml.forecasters.item_boosting import ItemBoosting, ItemBoostingParameters
from models_ml.forecasters.middle_out.boosting import BoostingParameters, FittedBoosting, fit_boosting
from models_ml.forecasters.middle_out.panel import NodePanel, read_panel
from models_ml.forecasters.middle_out.reconcile import BlendParameters, blend
from models_ml.forecasters.middle_out.regression import FittedRegression, RegressionParameters, fit_regression
from models_ml.forecasters.top_down import scale_to_nodes, share_out
from models_ml.warehouse.marts import Marts

if TYPE_CHECKING:
    from models_ml.forecasters.quantiles.replay import Replays  # which replays a twin of this model


@dataclass(frozen=True)
class MiddleOutParameters:
    """All choices of the method."""

    regression: RegressionParameters = field(default_factory=RegressionParameters)
    boosting: BoostingParameters = field(default_factory=BoostingParameters)
    blend: BlendParameters = field(default_factory=BlendParameters)
    items: ItemBoostingParameters = field(default_factory=ItemBoostingParameters)


class MiddleOut:
    """The default forecaster."""

    name = "middle_out"

    def __init__(self, *, seed: int, threads: int, parameters: MiddleOutParameters | None = None) -> None:
        self.seed, self.threads = seed, threads
        self.choices = parameters or MiddleOutParameters()
        self._regression: FittedRegression | None = None
        self._boosting: FittedBoosting | None = None
        self._items = ItemBoosting(seed=seed, threads=threads, parameters=self.choices.items)
        self._panel: tuple[Marts, NodePanel] | None = None

    def parameters(self) -> dict[str, Any]:
        """All choices, and the seed."""
        return {"seed": self.seed, **asdict(self.choices)}

    def fit(self, marts: Marts) -> None:
        """Learn the node models and the items' shares."""
        panel = read_panel(marts)
        self._panel = (marts, panel)
        self._regression = fit_regression(panel, self.choices.regression)
        self._boosting = fit_boosting(panel, self.choices.boosting, seed=self.seed, threads=self.threads)
        self._items.fit(marts)

    def forecast(self, marts: Marts) -> Forecast:
        """Forecast the nodes, and share them out to items."""
        panel = self.panel(marts)
        regression, boosting = self.fitted()
        nodes = blend(panel, regression.predict(panel), boosting.predict(panel), self.choices.blend)
        return Forecast(marts.series, share_out(marts, self._items.items(marts), nodes))

    def own_replays(self, marts: Marts, replays: Replays) -> Replays:
        """Replays of the item model on horizons that it did not learn from; a day's total is that of `replays`.

        The node models are not replayed: of an item's error, that of its node is the smallest part.
        """
        mean, usable = np.zeros_like(replays.mean), np.zeros_like(replays.usable)
        for number in range(replays.count):
            tried = self._items.tried(marts, number)
            if tried is None:
                continue
            series, units = tried
            total = replays.mean[series, number].sum(axis=0, dtype=np.float64)
            mean[series, number] = scale_to_nodes(units, np.zeros(len(series), dtype=np.intp), total[None, :])
            usable[series, number] = replays.usable[series, number]
        return replace(replays, mean=mean, usable=usable, method=self.name)

    def contributions(self, marts: Marts) -> Contributions:
        """What moved each store x department: both node models' contributions, weighted as they are blended."""
        panel = self.panel(marts)
        regression, boosting = self.fitted()
        (names, regressed), (features, boosted) = regression.contributions(panel), boosting.contributions(panel)
        weight = self.choices.blend.regression_weight
        sources = [*(("regression", name) for name in names), *(("boosting", name) for name in features)]
        units = np.concatenate([regressed * weight, boosted * (1 - weight)], axis=2)
        return Contributions(panel.nodes, tuple(sources), units, panel.closed[:, panel.known_days :])

    def item_contributions(self, marts: Marts, series: int) -> Contributions:
        """What moved one series before it was scaled to its store x department."""
        panel = self.panel(marts)
        closed = panel.closed[[marts.node_of_series[series]], panel.known_days :]
        return replace(self._items.item_contributions(marts, series), closed=closed)

    def item_features(self) -> dict[str, float]:
        """Those of the item model."""
        return self._items.item_features()

    def price_responses(self, marts: Marts, relative: np.ndarray) -> np.ndarray:
        """Those of the items, before they share out their department."""
        return self._items.price_responses(marts, relative)

    def flag_responses(self, marts: Marts) -> dict[str, np.ndarray]:
        """Those of the items."""
        return self._items.flag_responses(marts)

    def event_responses(self, marts: Marts) -> EventResponses:
        """Those of the items."""
        return self._items.event_responses(marts)

    def panel(self, marts: Marts) -> NodePanel:
        """The nodes as of `marts.origin`; read once for one view of the marts."""
        if self._panel is None or self._panel[0] != marts:
            self._panel = (marts, read_panel(marts))
        return self._panel[1]

    def fitted(self) -> tuple[FittedRegression, FittedBoosting]:
        """Both node models.

        Raises:
            ModelError: they are not fitted.
        """
        if self._regression is None or self._boosting is None:
            raise ModelError("middle_out is not fitted; call fit first.")
        return self._regression, self._boosting

    def save(self, folder: Path) -> None:
        """Write what was learned; each part writes its own files."""
        for part in self.fitted():
            part.save(folder)
        self._items.save(folder)

    def restore(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        self._regression = FittedRegression.load(folder, self.choices.regression)
        self._boosting = FittedBoosting.load(folder)
        self._items.restore(folder)
