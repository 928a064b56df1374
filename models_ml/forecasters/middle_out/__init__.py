"""Middle-out: two node models forecast store x department, items share it out, and every level adds up.

The aggregates decide both WRMSSE and a retailer's plan, and are where there is something to learn; below them the
noise of single items rules. So the nodes are forecast with all that is known, twice in different ways, and items
only have to be forecast relative to each other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from models_ml.errors import ModelError
from models_ml.forecasters import candidates
from models_ml.forecasters.base import Contributions, EventResponses, Forecast
from models_ml.forecasters.item_boosting import ItemBoosting, ItemBoostingParameters
from models_ml.forecasters.middle_out.boosting import BoostingParameters, FittedBoosting, fit_boosting
from models_ml.forecasters.middle_out.items import ItemWeights, learn_item_weights, weighed_items
from models_ml.forecasters.middle_out.reconcile import BlendParameters, MemberWeights, combine
from models_ml.forecasters.middle_out.trials import learn_member_weights
from models_ml.forecasters.nodes.panel import NodePanel, read_panel
from models_ml.forecasters.nodes.regression import FittedRegression, RegressionParameters, fit_regression
from models_ml.forecasters.replays import Replays
from models_ml.forecasters.top_down import scale_to_nodes, share_out
from models_ml.warehouse.marts import Marts


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
        self._weights: MemberWeights | None = None
        self._item_weights: ItemWeights | None = None
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
        choices = self.choices.regression, self.choices.boosting, self.choices.blend
        self._weights = learn_member_weights(panel, *choices, seed=self.seed, threads=self.threads)
        self._items.fit(marts)
        self._item_weights = learn_item_weights(marts, self._items, self.choices.blend)

    def forecast(self, marts: Marts) -> Forecast:
        """Forecast the nodes, and share them out to items."""
        panel = self.panel(marts)
        regression, boosting, weights = self.fitted()
        strong = np.stack([regression.predict(panel), boosting.predict(panel)])
        members = np.concatenate([strong, candidates.forecasts(panel.units, panel.horizon_days)])
        nodes = combine(panel, members, weights)
        items = weighed_items(marts, self._items, self.item_weights())
        return Forecast(marts.series, share_out(marts, items, nodes), details={"weights": weights.described()})

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
        """What moved each store x department: the members' contributions, weighted as they are combined."""
        panel = self.panel(marts)
        regression, boosting, weights = self.fitted()
        (names, regressed), (features, boosted) = regression.contributions(panel), boosting.contributions(panel)
        simple = candidates.forecasts(panel.units, panel.horizon_days)
        sources = [*(("regression", name) for name in names), *(("boosting", name) for name in features)]
        sources += [("simple", name) for name in candidates.CANDIDATES]
        parts = [regressed * weights.nodes[0], boosted * weights.nodes[1]]
        parts.append((simple * weights.nodes[2:, None, None]).transpose(1, 2, 0))
        units = np.concatenate(parts, axis=2)
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

    def fitted(self) -> tuple[FittedRegression, FittedBoosting, MemberWeights]:
        """Both node models, and the weights of all members.

        Raises:
            ModelError: they are not fitted.
        """
        if self._regression is None or self._boosting is None or self._weights is None:
            raise ModelError("middle_out is not fitted; call fit first.")
        return self._regression, self._boosting, self._weights

    def item_weights(self) -> ItemWeights:
        """Weights of the items' members.

        Raises:
            ModelError: they are not learned.
        """
        if self._item_weights is None:
            raise ModelError("middle_out is not fitted; call fit first.")
        return self._item_weights

    def save(self, folder: Path) -> None:
        """Write what was learned; each part writes its own files."""
        regression, boosting, weights = self.fitted()
        regression.save(folder)
        boosting.save(folder)
        np.savez(folder / "weights.npz", **asdict(weights), items=self.item_weights().by_class)
        self._items.save(folder)

    def restore(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        self._regression = FittedRegression.load(folder, self.choices.regression)
        self._boosting = FittedBoosting.load(folder)
        with np.load(folder / "weights.npz") as arrays:
            self._weights = MemberWeights(arrays["nodes"], arrays["total"])
            self._item_weights = ItemWeights(arrays["items"])
        self._items.restore(folder)
