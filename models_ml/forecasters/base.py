"""The interface of forecasters: coherent forecasts of series and the nodes above them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from models_ml.forecasters.replays import Replays
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, Hierarchy
from models_ml.hierarchy.steps import step_sums
from models_ml.warehouse.marts import Marts


@dataclass(frozen=True)
class Forecast:
    """A forecast from one origin.

    Attributes:
        series: one row per series (see `Marts.series`).
        mean: series x horizon, expected units; zero on days before a series is launched. Days in a forecaster's output;
            after `in_steps`, steps of the source's grain (days or weeks).
        quantiles: series x steps x probabilities (`settings.QUANTILES`), or None.
        node_quantiles: nodes of levels 1-9 x steps x probabilities, in the order of `nodes`, or None.
        week_quantiles: nodes of levels 1-9 x weeks of the horizon x probabilities, of the weeks' sums, or None.
        horizon_quantiles: nodes of levels 1-9 x 1 x probabilities, of the sum of the horizon, or None.
        details: statistics of the fit (rounds, rows, importances), recorded with the run's parameters.
    """

    series: pd.DataFrame
    mean: np.ndarray
    quantiles: np.ndarray | None = None
    node_quantiles: np.ndarray | None = None
    week_quantiles: np.ndarray | None = None
    horizon_quantiles: np.ndarray | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def in_steps(self, step_days: int) -> Forecast:
        """The mean summed to steps of the source's grain; call before quantiles are added."""
        return self if step_days == 1 else replace(self, mean=step_sums(self.mean, step_days))

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
        """Fit on the data known at `marts.origin`.

        Raises:
            ModelError: too little history.
        """
        ...

    def forecast(self, marts: Marts) -> Forecast:
        """Forecast `marts.target_dates` for each series of `marts.series`."""
        ...


@runtime_checkable
class Storable(Protocol):
    """A forecaster with a fitted state that can be saved (see `storage`)."""

    def save(self, folder: Path) -> None:
        """Write the fitted state.

        Raises:
            ModelError: not fitted.
        """
        ...

    def restore(self, folder: Path) -> None:
        """Load what `save` wrote, instead of `fit`."""
        ...


@runtime_checkable
class SelfTrying(Protocol):
    """A forecaster that can report out-of-sample errors from held-out days."""

    def own_replays(self, marts: Marts, replays: Replays) -> Replays:
        """Its own replayed forecasts, after `fit` on the same marts.

        Args:
            marts: those it was fitted on.
            replays: of a similar forecaster.

        Returns:
            The same shape; `usable` where it has forecasts.
        """
        ...


@dataclass(frozen=True)
class Contributions:
    """How many units each feature moves forecasts by.

    Attributes:
        rows: nodes (see `Marts.store_departments`) or series (see `Marts.series`).
        features: (part of the forecaster, feature).
        units: rows x horizon x features; summed over the features, the forecast before it is reconciled, of open days.
        closed: bool, rows x horizon: days on which the store is closed, so that the forecast is zero whatever the
            features.
    """

    rows: pd.DataFrame
    features: tuple[tuple[str, str], ...]
    units: np.ndarray
    closed: np.ndarray

    @property
    def taken_off(self) -> np.ndarray:
        """Contribution of closed days, rows x horizon: minus the sum of the features' contributions."""
        return np.where(self.closed, -self.units.sum(axis=2), 0.0)


@runtime_checkable
class Explainable(Protocol):
    """A forecaster that can explain its nodes."""

    def contributions(self, marts: Marts) -> Contributions:
        """Contributions to each store x department, after `fit` or `restore`."""
        ...


@runtime_checkable
class ItemExplainable(Protocol):
    """A forecaster that can explain items."""

    def item_features(self) -> dict[str, float]:
        """Features of the item model -> share of the total split gain, after `fit` or `restore`."""
        ...

    def item_contributions(self, marts: Marts, series: int) -> Contributions:
        """Contributions to one series, a row of `Marts.series`, after `fit` or `restore`."""
        ...


@dataclass(frozen=True)
class EventResponses:
    """Units on days around events over units without.

    Attributes:
        names: of events in the history.
        offsets: days after the event (before it, if negative).
        ratio: store x departments (see `Marts.store_departments`) x names x offsets; NaN outside the event's window.
    """

    names: tuple[str, ...]
    offsets: np.ndarray
    ratio: np.ndarray


@runtime_checkable
class Responsive(Protocol):
    """A forecaster that can evaluate other prices, events and flags, after `fit` or `restore`."""

    def price_responses(self, marts: Marts, relative: np.ndarray) -> np.ndarray:
        """Units over the horizon at prices times `relative` (series x points; NaN: skip), relative to units at the
        current prices.

        Not scaled to any total. NaN where skipped or unknown.
        """
        ...

    def flag_responses(self, marts: Marts) -> dict[str, np.ndarray]:
        """For declared 0/1 columns known in advance: ratio of units on a day with the flag to one without, per
        series."""
        ...

    def event_responses(self, marts: Marts) -> EventResponses:
        """Units on days around each event over days without any."""
        ...
