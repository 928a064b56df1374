"""What every forecaster gives: a coherent forecast of each series and of each node above them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from models_ml.evaluation.hierarchy import AGGREGATE_LEVELS, Hierarchy
from models_ml.marts import Marts


@dataclass(frozen=True)
class Forecast:
    """A forecast from one origin.

    Attributes:
        series: one row a series (see `Marts.series`).
        mean: series x horizon, expected units; zero on days before a series is launched.
        quantiles: series x horizon x probabilities (`settings.QUANTILES`), or None.
        node_quantiles: nodes of levels 1-9 x horizon x probabilities, in the order of `nodes`, or None.
        week_quantiles: nodes of levels 1-9 x weeks of the horizon x probabilities, of the weeks' sums, or None.
        details: what the fit has to tell (rounds, rows, importances), for the run's parameters.
    """

    series: pd.DataFrame
    mean: np.ndarray
    quantiles: np.ndarray | None = None
    node_quantiles: np.ndarray | None = None
    week_quantiles: np.ndarray | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def hierarchy(self) -> Hierarchy:
        """Levels 1-9 over the forecast's series."""
        return Hierarchy.of(self.series, AGGREGATE_LEVELS)

    @property
    def node_mean(self) -> np.ndarray:
        """Nodes of levels 1-9 x horizon: sums of the series, so that all levels add up."""
        return self.hierarchy.aggregate(self.mean)


@runtime_checkable
class Forecaster(Protocol):
    """Fits on the marts as of an origin and forecasts the days after it."""

    name: str

    def parameters(self) -> dict[str, Any]:
        """Every choice that changes the forecast, as JSON values; part of the run_id."""
        ...

    def fit(self, marts: Marts) -> None:
        """Learn from what was known at `marts.origin`.

        Raises:
            ModelError: too little history.
        """
        ...

    def forecast(self, marts: Marts) -> Forecast:
        """Forecast `marts.target_dates` for each series of `marts.series`."""
        ...


@runtime_checkable
class Storable(Protocol):
    """A forecaster that keeps what it learned in files (see `storage`); one that learns nothing need not be one."""

    def save(self, folder: Path) -> None:
        """Write what was learned.

        Raises:
            ModelError: nothing was learned yet.
        """
        ...

    def restore(self, folder: Path) -> None:
        """Take up what `save` wrote, instead of `fit`."""
        ...


@dataclass(frozen=True)
class Contributions:
    """How many units each feature moves the forecast of each node by.

    Attributes:
        nodes: one row a node (see `Marts.store_departments`).
        features: (part of the forecaster, feature).
        units: nodes x horizon x features; summed over the features, the forecast before it is reconciled.
    """

    nodes: pd.DataFrame
    features: tuple[tuple[str, str], ...]
    units: np.ndarray


@runtime_checkable
class Explainable(Protocol):
    """A forecaster that knows why."""

    def contributions(self, marts: Marts) -> Contributions:
        """What moved its nodes, after `fit` or `restore`."""
        ...


def on_sale(marts: Marts) -> np.ndarray:
    """0/1, series x horizon: whether a series has been launched by each target day."""
    targets = np.array(marts.target_dates, dtype="datetime64[D]")
    launched: np.ndarray = marts.series["launch_date"].to_numpy().astype("datetime64[D]")[:, None] <= targets[None, :]
    return launched.astype(np.float32)
