"""Node model 2: one LightGBM over all nodes, a week ahead at a time, each week standing on the one before.

The target is a day's units relative to the node's trailing 28-day mean, so that nodes of all sizes learn together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models_ml.errors import ModelError
from models_ml.forecasters.nodes.panel import WEEK, YEAR, NodePanel, first_origin

if TYPE_CHECKING:
    import lightgbm as lgb

MONTH = 4 * WEEK
EXPLAINED = 2
"""One booster in so many is explained: they are alike but for their seeds, and to explain one takes seconds."""
RATIO_LIMIT = 8.0
"""Days that sold more than this many times their level are no training rows: they would rule the squared error."""

CATEGORICAL = (
    "weekday",
    "event",
    "next_event",
    "last_event",
    "major_event",
    "region",
    "store",
    "category",
    "department",
)


@dataclass(frozen=True)
class BoostingParameters:
    """Choices made on folds; see benchmarks/accuracy.md."""

    rounds: int = 400
    seeds: int = 6
    origin_step_days: int = WEEK
    first_origin_days: int = 400
    lightgbm: dict[str, Any] = field(
        default_factory=lambda: {
            "objective": "l2",
            "learning_rate": 0.05,
            "num_leaves": 31,
            "min_data_in_leaf": 100,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "cat_smooth": 20,
            "lambda_l2": 1.0,
            "max_cat_to_onehot": 8,
        }
    )


@dataclass(frozen=True)
class FittedBoosting:
    """The boosters and what their columns mean; they may forecast from their own origin or from a later one.

    Attributes:
        features: names of the columns, in order.
        categories: of each categorical column, the names behind its codes.
        boosters: one a seed; their mean is the forecast.
    """

    features: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    boosters: tuple[lgb.Booster, ...]

    def predict(self, panel: NodePanel) -> np.ndarray:
        """Forecast every node from the panel's last known day.

        Returns:
            float64, nodes x horizon, not negative; closed days are not yet zero.

        Raises:
            ModelError: the panel has other features or categories than were learned.
        """
        return np.concatenate([units for _, _, units in self.weeks(panel)], axis=1)

    def contributions(self, panel: NodePanel, one_in: int = EXPLAINED) -> tuple[list[str], np.ndarray]:
        """How many units each feature moves each node's forecast by: SHAP values times the node's level.

        Args:
            panel: that is forecast.
            one_in: one booster in so many is explained and stands for the others.

        Returns:
            Names, `level` (the mean ratio to the level that the boosters expect, and what the others differ by) before
            the features'; and float64, nodes x horizon x names, adding up to the forecast.
        """
        parts, explained = [], self.boosters[::one_in]
        for matrix, level, units in self.weeks(panel):
            shap = np.mean([b.predict(matrix, pred_contrib=True, num_threads=1) for b in explained], 0)
            by_feature = np.nan_to_num(shap.reshape(len(panel.nodes), WEEK, -1) * level[:, :, None])
            by_feature = by_feature[:, : units.shape[1]]
            features = by_feature[:, :, :-1]
            base = units - features.sum(axis=2)
            parts.append(np.concatenate([base[:, :, None], features], axis=2))
        return ["level", *self.features], np.concatenate(parts, axis=1)

    def weeks(self, panel: NodePanel) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Forecast week by week, each standing on the one before: the rows of features, the level and the units."""
        known, horizon = panel.known_days, panel.horizon_days
        self.check(panel)
        units = panel.units
        while units.shape[1] < known + horizon:
            features, level = node_features(panel, units, np.array([units.shape[1]]))
            if tuple(features) != self.features:
                changed = sorted(set(features) ^ set(self.features))
                raise ModelError(
                    f"The boosting was fitted on other features; they differ by {', '.join(changed[:5]) or 'order'}. "
                    "Train it again with this version."
                )
            days = min(WEEK, known + horizon - units.shape[1])
            matrix = as_matrix(features, (len(panel.nodes), 1, WEEK))
            ratio = np.mean([b.predict(matrix, num_threads=1) for b in self.boosters], axis=0)
            week = np.maximum(np.nan_to_num(ratio.reshape(len(panel.nodes), WEEK) * level)[:, :days], 0.0)
            units = np.concatenate([units, week], axis=1)
            yield matrix, level, week

    def check(self, panel: NodePanel) -> None:
        """Refuse a panel whose codes mean something else."""
        given = categories_of(panel)
        for name, known in self.categories.items():
            if given[name] != known:
                changed = sorted(set(given[name]) ^ set(known))
                raise ModelError(
                    f"The boosting was fitted on other categories of {name}; they differ by "
                    f"{', '.join(changed[:5]) or 'order'}. Train it again on these marts."
                )

    def save(self, folder: Path) -> None:
        """Write `boosting_<n>.txt` (LightGBM's own text) and `boosting.json`."""
        for number, booster in enumerate(self.boosters):
            (folder / f"boosting_{number}.txt").write_text(booster.model_to_string())
        described = {"features": self.features, "categories": self.categories, "boosters": len(self.boosters)}
        (folder / "boosting.json").write_text(json.dumps(described, indent=1))

    @classmethod
    def load(cls, folder: Path) -> FittedBoosting:
        """Read what `save` wrote."""
        import lightgbm as lgb  # at first use, for it brings scikit-learn: half of the time that `demand` starts in

        described = json.loads((folder / "boosting.json").read_text())
        texts = [(folder / f"boosting_{number}.txt").read_text() for number in range(described["boosters"])]
        return cls(
            features=tuple(described["features"]),
            categories={name: tuple(values) for name, values in described["categories"].items()},
            boosters=tuple(lgb.Booster(model_str=text) for text in texts),
        )


def categories_of(panel: NodePanel) -> dict[str, tuple[str, ...]]:
    """The names behind the codes of each categorical feature that has names."""
    events = panel.calendar.event_names
    places = {
        name: tuple(sorted(panel.nodes[f"{name}_id"].unique()))
        for name in ("region", "store", "category", "department")
    }
    return {"event": events, "next_event": events, "last_event": events, "major_event": events, **places}


def fit_boosting(panel: NodePanel, parameters: BoostingParameters, *, seed: int, threads: int) -> FittedBoosting:
    """Learn one booster a seed, over all nodes.

    Boosters are learned side by side, each by one thread: nodes are few rows, over which threads would mostly wait
    for each other, and so the result does not depend on how many there are.
    """
    known = panel.known_days
    first = first_origin(parameters.first_origin_days, known - WEEK)
    origins = np.arange(known - WEEK, first, -parameters.origin_step_days)
    features, level = node_features(panel, panel.units, origins)
    targets = origins[:, None] + np.arange(WEEK)[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = panel.units[:, targets] / level[:, :, None]
        weight = np.broadcast_to((panel.weight / panel.scale)[:, None, None] * level[:, :, None] ** 2, ratio.shape)
    usable = np.isfinite(ratio) & np.isfinite(weight) & (ratio < RATIO_LIMIT) & ~panel.closed[:, targets]
    usable &= weight > 0
    rows = usable.ravel()
    names = list(features)
    matrix = as_matrix(features, ratio.shape)[rows]
    target, row_weight = ratio.ravel()[rows], weight.ravel()[rows]
    settings = {
        **parameters.lightgbm,
        "min_data_in_leaf": min(parameters.lightgbm["min_data_in_leaf"], max(1, len(matrix) // 50)),
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }

    import lightgbm as lgb

    def learn(number: int) -> lgb.Booster:
        data = lgb.Dataset(
            matrix,
            target,
            weight=row_weight / row_weight.mean(),
            feature_name=names,
            categorical_feature=[name for name in names if name in CATEGORICAL],
            params=settings,
        )
        return lgb.train({**settings, "seed": seed + number}, data, parameters.rounds)

    with ThreadPoolExecutor(threads) as pool:
        boosters = tuple(pool.map(learn, range(parameters.seeds)))
    return FittedBoosting(tuple(names), categories_of(panel), boosters)


def as_matrix(features: dict[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Features broadcast to nodes x origins x leads, as rows x features."""
    matrix = np.empty((int(np.prod(shape)), len(features)), dtype=np.float32)
    for position, values in enumerate(features.values()):
        matrix[:, position] = np.broadcast_to(values, shape).reshape(-1)
    matrix[np.isinf(matrix)] = np.nan
    return matrix


@np.errstate(divide="ignore", invalid="ignore")  # a level of zero gives NaN, which LightGBM reads as missing
def node_features(panel: NodePanel, units: np.ndarray, origins: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features of the week after each origin.

    Args:
        panel: the nodes.
        units: nodes x days, known days and then weeks forecast before.
        origins: number of days known at each.

    Returns:
        Arrays that broadcast to nodes x origins x 7, by name; and the level, nodes x origins.
    """
    calendar, nodes = panel.calendar, panel.nodes
    last = panel.all_days - 1
    targets = np.minimum(origins[:, None] + np.arange(WEEK)[None, :], last)
    sums = np.concatenate([np.zeros((len(units), 1)), units.cumsum(axis=1)], axis=1)

    def mean(end: np.ndarray, width: int) -> np.ndarray:
        """Mean of the `width` days before `end`; NaN where history does not reach."""
        start = end - width
        values = (sums[:, np.maximum(end, 0)] - sums[:, np.maximum(start, 0)]) / width
        values[:, start < 0] = np.nan
        return np.asarray(values)

    def at(days: np.ndarray) -> np.ndarray:
        """Units of days; NaN before history."""
        values = units[:, np.maximum(days, 0)].copy()
        values[:, days < 0] = np.nan
        return values

    level = mean(origins, MONTH)
    level[level <= 0] = np.nan
    base = level[:, :, None]
    flag = panel.regional_flag
    flag_sums = np.concatenate([np.zeros((len(flag), 1)), flag.cumsum(axis=1)], axis=1)
    features: dict[str, np.ndarray] = {
        "lead": np.arange(1, WEEK + 1)[None, None, :],
        "weekday": calendar.weekday[targets][None],
        "day_of_month": calendar.day_of_month[targets][None],
        "day_of_year": calendar.day_of_year[targets][None],
        "month": calendar.month[targets][None],
        "week_of_month": ((calendar.day_of_month[targets] - 1) // WEEK)[None],
        "event": calendar.event[targets][None],
        "next_event": calendar.event[np.minimum(targets + 1, last)][None],
        "last_event": calendar.event[targets - 1][None],
        "major_event": calendar.major_event[targets][None],
        "major_distance": calendar.major_distance[targets][None],
        "flag": flag[:, targets],
        "flag_before": flag[:, targets - 1],
        "flag_after": flag[:, np.minimum(targets + 1, last)],
        "flag_28": ((flag_sums[:, origins] - flag_sums[:, np.maximum(origins - MONTH, 0)]) / MONTH)[:, :, None],
        "ratio_28_before": (level / mean(origins - MONTH, MONTH))[:, :, None],
        "growth_28": (level / mean(origins - YEAR, MONTH))[:, :, None],
        "growth_91": (mean(origins, 91) / mean(origins - YEAR, 91))[:, :, None],
        "time": (origins / 365.0)[None, :, None],
    }
    for width in (1, 7, 14, 56, 91, 182, 364):
        features[f"ratio_{width}"] = (mean(origins, width) / level)[:, :, None]
    for years in (1, 2):
        shift = years * YEAR
        then = mean(origins - shift, MONTH)[:, :, None]
        analogue = targets - shift
        features[f"day_{years}_years_ago"] = at(analogue) / then
        for width in (7, 28):
            end = np.minimum(analogue + width // 2 + 1, origins[:, None])
            features[f"mean_{width}_{years}_years_ago"] = mean(end, width) / then
        was = flag[:, np.maximum(analogue, 0)].copy()
        was[:, analogue < 0] = np.nan
        features[f"flag_{years}_years_ago"] = was
        distance = calendar.major_distance[np.maximum(analogue, 0)].copy()
        distance[analogue < 0] = np.nan
        features[f"major_distance_{years}_years_ago"] = distance[None]
    weeks_back = [at(targets - WEEK * back) for back in range(1, 53)]
    for weeks in (1, 4, 8, 26, 52):
        total = np.sum(weeks_back[:weeks], axis=0) / weeks
        scale = base if weeks <= 8 else mean(origins, WEEK * weeks)[:, :, None]
        features[f"same_weekday_{weeks}_weeks"] = total / scale
    active = np.maximum(panel.on_sale, 1.0)
    features["on_sale_change"] = panel.on_sale[:, targets] / active[:, origins - 1][:, :, None]
    features["on_sale_change_28"] = (panel.on_sale[:, origins - 1] / active[:, np.maximum(origins - MONTH, 0)])[
        :, :, None
    ]
    for name, values in panel.known.items():
        past = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
        features[f"known_{name}"] = values[:, targets]
        features[f"known_{name}_28"] = ((past[:, origins] - past[:, np.maximum(origins - MONTH, 0)]) / MONTH)[
            :, :, None
        ]
    for name in ("region", "store", "category", "department"):
        features[name] = pd.factorize(nodes[f"{name}_id"], sort=True)[0][:, None, None]
    return features, level
