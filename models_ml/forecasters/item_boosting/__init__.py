"""Item-level direct LightGBM: one Poisson model of all series and all lead days, measured from each series' level.

The logarithm of a series' recent level is the model's offset, so that it learns what makes a day differ from the
level (weekday, price, event, age, trend), in one unit for slow and fast sellers alike. Its shares of a store and
department are good; its totals, without the season, are not: see middle_out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.forecasters.assortment import on_sale
from models_ml.forecasters.base import Contributions, EventResponses, Forecast
from models_ml.forecasters.effects import multiplied
from models_ml.forecasters.item_boosting.bound import ItemBound
from models_ml.forecasters.item_boosting.features import CATEGORICAL, WEEK, ItemFeatures, read_item_features
from models_ml.forecasters.item_boosting.responses import Responses
from models_ml.forecasters.item_boosting.sampling import SamplingParameters, held_out, sample_rows
from models_ml.forecasters.levels import LaunchParameters
from models_ml.warehouse.marts import SERIES_KEYS, Marts

if TYPE_CHECKING:
    import lightgbm as lgb

LEADS_AT_ONCE = 4
"""Leads whose rows are made together: bounds the memory of a forecast."""

FEWEST_TRIAL_WEEKS = 8
"""As-of days before a trial, from which its model is learned."""


@dataclass(frozen=True)
class ItemBoostingParameters:
    """Choices made on folds; see benchmarks/accuracy.md."""

    rounds: int = 200
    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    launches: LaunchParameters = field(default_factory=LaunchParameters)
    lightgbm: dict[str, Any] = field(
        default_factory=lambda: {
            "objective": "poisson",
            "learning_rate": 0.07,
            "num_leaves": 127,
            "max_bin": 63,
            "min_data_in_leaf": 200,
            "feature_fraction": 0.6,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "poisson_max_delta_step": 0.2,
            # a leaf of series that leap from next to nothing would else step so far that it overshoots, and diverge
            "max_delta_step": 2.0,
            "lambda_l2": 1.0,
            "max_cat_to_onehot": 4,
            "cat_smooth": 50,
            "cat_l2": 20,
        }
    )


@dataclass(frozen=True)
class FittedItems:
    """What was learned.

    Attributes:
        features: names of the columns, in order.
        categories: of each categorical column, the names behind its codes.
        booster: None where nothing was ever sold: then every series keeps its level.
        bound: on what a series may sell, by its own history.
    """

    features: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    booster: lgb.Booster | None
    bound: ItemBound = field(default_factory=ItemBound)


class ItemBoosting:
    """Forecasts each series by itself; levels above are sums."""

    name = "item_lightgbm"

    def __init__(self, *, seed: int, threads: int, parameters: ItemBoostingParameters | None = None) -> None:
        self.seed, self.threads = seed, threads
        self.choices = parameters or ItemBoostingParameters()
        self._fitted: FittedItems | None = None
        self._features: tuple[Marts, int, ItemFeatures] | None = None

    def parameters(self) -> dict[str, Any]:
        """All choices, and the seed."""
        return {"seed": self.seed, **asdict(self.choices)}

    def fit(self, marts: Marts) -> None:
        """Learn from sampled rows of the as-of days before the origin."""
        features = self.features(marts, self.choices.sampling.weeks)
        booster = self.learn(marts, features, self.choices.sampling)
        self._fitted = FittedItems(tuple(features.names), features.categories, booster, ItemBound.learn(marts))

    def learn(self, marts: Marts, features: ItemFeatures, sampling: SamplingParameters) -> lgb.Booster | None:
        """A booster of rows sampled from the features; None where nothing was sold."""
        series, as_of, lead, weight = sample_rows(features, marts.horizon_days, sampling, seed=self.seed)
        since, until = features.as_of[0] + timedelta(days=1), features.as_of[-1]
        units = np.maximum(marts.daily(since, until), 0.0) if since <= until else np.zeros((0, 0))
        day = features.as_of_position[as_of] + lead - features.as_of_position[0] - 1
        sold = units[series, day] if len(series) else np.zeros(0)
        return self.train(features, series, as_of, lead, weight, sold) if sold.any() else None

    def train(
        self,
        features: ItemFeatures,
        series: np.ndarray,
        as_of: np.ndarray,
        lead: np.ndarray,
        weight: np.ndarray,
        sold: np.ndarray,
    ) -> lgb.Booster:
        """Train on rows whose units are `sold`."""
        import lightgbm as lgb  # at first use, for it brings scikit-learn: half of the time that `demand` starts in

        settings = {
            **self.choices.lightgbm,
            "min_data_in_leaf": min(self.choices.lightgbm["min_data_in_leaf"], max(1, len(sold) // 200)),
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        names = features.names
        data = lgb.Dataset(
            features.rows(series, as_of, lead),
            sold,
            weight=weight,
            init_score=np.log(features.level[series, as_of]),
            feature_name=names,
            categorical_feature=[name for name in names if name in CATEGORICAL],
            params=settings,
        )
        return lgb.train(settings, data, self.choices.rounds)

    def forecast(self, marts: Marts) -> Forecast:
        """Level times the learned ratio; a series without history keeps the level that stands in for one."""
        return Forecast(marts.series, self.items(marts))

    def items(self, marts: Marts) -> np.ndarray:
        """Forecast units of each series: float32, series x horizon, zero before its launch.

        Raises:
            ModelError: not fitted, or fitted on other features or categories.
        """
        fitted, features = self.fitted(), self.features(marts)
        check(fitted, features)
        level = features.level[:, -1].astype(np.float64)
        ratio = np.ones((len(level), marts.horizon_days))
        known = np.flatnonzero(features.age[:, -1] > 0)
        if fitted.booster is not None and len(known):
            for first in range(1, marts.horizon_days + 1, LEADS_AT_ONCE):
                leads = np.arange(first, min(first + LEADS_AT_ONCE, marts.horizon_days + 1))
                series, lead = np.tile(known, len(leads)), np.repeat(leads, len(known))
                rows = features.rows(series, np.full(len(series), len(features.as_of) - 1), lead)
                raw = fitted.booster.predict(rows, raw_score=True, num_threads=self.threads)
                ratio[known[:, None], leads[None, :] - 1] = np.exp(raw).reshape(len(leads), len(known)).T
        units = fitted.bound.apply(marts, level[:, None] * ratio * on_sale(marts))
        return np.asarray(units, dtype=np.float32)

    def trials(self, marts: Marts, count: int, series: np.ndarray, rows: int) -> np.ndarray | None:
        """What the model would have forecast in the last horizons before the origin, had it been fitted before them.

        Args:
            marts: as of the origin.
            count: number of horizons.
            series: rows of `Marts.series` that are forecast.
            rows: that it is fitted on, at most.

        Returns:
            float64, series x horizons (the last one first) x horizon days; None where history does not reach.
        """
        features = self.features(marts, self.choices.sampling.weeks)
        positions = features.as_of_position[-1] - marts.horizon_days * np.arange(1, count + 1)
        days = np.searchsorted(features.as_of_position, positions, side="right") - 1
        if days[-1] < FEWEST_TRIAL_WEEKS or (positions - features.as_of_position[days] >= WEEK).any():
            return None
        booster = self.learn(marts, features.until(int(days[-1]) + 1), replace(self.choices.sampling, rows=rows))
        if booster is None:
            return None
        units = np.empty((len(series), count, marts.horizon_days))
        for number, (position, day) in enumerate(zip(positions, days, strict=True)):
            leads = position - features.as_of_position[day] + np.arange(1, marts.horizon_days + 1)
            units[:, number] = self.said(booster, features, series, int(day), leads)
        return units

    def said(
        self, booster: lgb.Booster, features: ItemFeatures, series: np.ndarray, day: int, leads: np.ndarray
    ) -> np.ndarray:
        """Units of series as of an as-of day: float64, series x leads."""
        rows = features.rows(
            np.repeat(series, len(leads)), np.full(len(series) * len(leads), day), np.tile(leads, len(series))
        )
        raw = np.asarray(booster.predict(rows, raw_score=True, num_threads=self.threads))
        return np.asarray(np.exp(raw).reshape(len(series), len(leads)) * features.level[series, day][:, None])

    def tried(self, marts: Marts, horizons_ago: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Forecast series from an earlier origin, those whose horizon after it was held out when the model was fitted.

        Where the marts have no features of that day, those of up to six days before are taken.

        Args:
            marts: those it was fitted on.
            horizons_ago: how many horizons before the last one, 0 is the last one.

        Returns:
            Rows of `marts.series`, on sale for a week by then, and float64 units, rows x horizon; None where the model
            was not learned from that far back.
        """
        fitted, features = self.fitted(), self.features(marts, self.choices.sampling.weeks)
        position = features.as_of_position[-1] - marts.horizon_days * (horizons_ago + 1)
        day = int(np.searchsorted(features.as_of_position, position, side="right")) - 1
        if fitted.booster is None or day < 0 or position - features.as_of_position[day] >= WEEK:
            return None
        every = np.arange(len(features.level))
        held = held_out(every, np.full(len(every), horizons_ago), len(every))
        series = np.flatnonzero(held & (features.age[:, day] >= WEEK))
        leads = position - features.as_of_position[day] + np.arange(1, marts.horizon_days + 1)
        if not len(series):
            return series, np.zeros((0, marts.horizon_days))
        said = self.said(fitted.booster, features, series, day, leads)
        earlier = replace(marts, origin=marts.origin - timedelta(days=marts.horizon_days * (horizons_ago + 1)))
        keys = pd.MultiIndex.from_frame(marts.series[SERIES_KEYS])[series]
        rows = pd.MultiIndex.from_frame(earlier.series[SERIES_KEYS]).get_indexer(keys)
        units = np.zeros((len(earlier.series), marts.horizon_days))
        units[rows] = said
        return series, fitted.bound.apply(earlier, units)[rows]

    def item_contributions(self, marts: Marts, series: int) -> Contributions:
        """What moved one series: its level at what the model expects of all, and SHAP values of the logarithm."""
        fitted, features = self.fitted(), self.features(marts)
        check(fitted, features)
        units = np.zeros((marts.horizon_days, 1 + len(fitted.features)))
        level = features.level[:, -1].astype(np.float64)
        base = np.full(marts.horizon_days, level[series])
        if fitted.booster is not None and features.age[series, -1] > 0:
            lead = np.arange(1, marts.horizon_days + 1)
            rows = features.rows(np.full(len(lead), series), np.full(len(lead), len(features.as_of) - 1), lead)
            shap = np.asarray(fitted.booster.predict(rows, pred_contrib=True, num_threads=self.threads))
            base = base * np.exp(shap[:, -1])
            units[:, 1:] = multiplied(base, shap[:, :-1])
        units[:, 0] = base
        names = tuple(("items", name) for name in ("level", *fitted.features))
        on = on_sale(marts)[series][:, None]
        closed = np.zeros((1, marts.horizon_days), dtype=bool)  # it knows of none: nodes do
        return Contributions(marts.series.iloc[[series]], names, (units * on)[None], closed)

    def item_features(self) -> dict[str, float]:
        """See `ItemExplainable`; none where nothing was ever sold."""
        fitted = self.fitted()
        if fitted.booster is None:
            return {}
        gain = fitted.booster.feature_importance("gain")
        return dict(zip(fitted.features, (gain / max(gain.sum(), 1e-300)).tolist(), strict=True))

    def price_responses(self, marts: Marts, relative: np.ndarray) -> np.ndarray:
        """See `Responsive`."""
        responses = self.responses(marts)
        return np.full(relative.shape, np.nan) if responses is None else responses.to_prices(relative)

    def flag_responses(self, marts: Marts) -> dict[str, np.ndarray]:
        """See `Responsive`."""
        responses = self.responses(marts)
        return {} if responses is None else responses.to_flags()

    def event_responses(self, marts: Marts) -> EventResponses:
        """See `Responsive`."""
        responses, nodes = self.responses(marts), len(marts.store_departments)
        if responses is None:
            return EventResponses((), np.zeros(0, dtype=np.intp), np.zeros((nodes, 0, 0)))
        return responses.to_events(marts.node_of_series)

    def responses(self, marts: Marts) -> Responses | None:
        """What the fitted model says of changed rows; None where nothing was ever sold."""
        fitted, features = self.fitted(), self.features(marts)
        check(fitted, features)
        if fitted.booster is None:
            return None
        return Responses(fitted.booster, features, marts.horizon_days, self.threads)

    def features(self, marts: Marts, weeks: int = 0) -> ItemFeatures:
        """The features as of `marts.origin` and at least so many weeks before; read once for one view of the marts."""
        if self._features is None or self._features[0] != marts or self._features[1] < weeks:
            self._features = (marts, weeks, read_item_features(marts, weeks, self.choices.launches))
        return self._features[2]

    def fitted(self) -> FittedItems:
        """What was learned.

        Raises:
            ModelError: nothing yet.
        """
        if self._fitted is None:
            raise ModelError("item_lightgbm is not fitted; call fit first.")
        return self._fitted

    def save(self, folder: Path) -> None:
        """Write `items.json`, and `items.txt` (LightGBM's own text) if anything was learned."""
        fitted = self.fitted()
        described = {"features": fitted.features, "categories": fitted.categories, "bound": fitted.bound.most}
        (folder / "items.json").write_text(json.dumps(described, indent=1))
        if fitted.booster is not None:
            (folder / "items.txt").write_text(fitted.booster.model_to_string())

    def restore(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        import lightgbm as lgb

        described = json.loads((folder / "items.json").read_text())
        text = folder / "items.txt"
        self._fitted = FittedItems(
            features=tuple(described["features"]),
            categories={name: tuple(values) for name, values in described["categories"].items()},
            booster=lgb.Booster(model_str=text.read_text()) if text.exists() else None,
            bound=ItemBound(described["bound"]),
        )


def check(fitted: FittedItems, features: ItemFeatures) -> None:
    """Refuse marts whose columns or codes mean something else than those learned from."""
    changed = sorted(set(features.names) ^ set(fitted.features))
    if tuple(features.names) != fitted.features:
        raise ModelError(
            f"The item model was fitted on other features; they differ by {', '.join(changed[:5]) or 'order'}. "
            "Train it again on these marts."
        )
    for name, known in fitted.categories.items():
        if features.categories[name] != known:
            other = sorted(set(features.categories[name]) ^ set(known))
            raise ModelError(
                f"The item model was fitted on other categories of {name}; they differ by "
                f"{', '.join(other[:5]) or 'order'}. Train it again on these marts."
            )
