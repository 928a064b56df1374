"""Node model 2: one LightGBM over all nodes, a week ahead at a time, each week standing on the one before.

The target is a day's units relative to the node's trailing 28-day mean, so that nodes of all sizes learn together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from models_ml.forecasters.middle_out.panel import WEEK, NodePanel

YEAR = 52 * WEEK
MONTH = 4 * WEEK
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
    seeds: int = 3
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


def boosting_forecast(panel: NodePanel, parameters: BoostingParameters, *, seed: int, threads: int) -> np.ndarray:
    """Forecast every node.

    Returns:
        float64, nodes x horizon, not negative; closed days are not yet zero.
    """
    known, horizon = panel.known_days, panel.horizon_days
    first = min(parameters.first_origin_days, max(MONTH, known - WEEK - 8 * WEEK))
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
    data = lgb.Dataset(
        matrix,
        ratio.ravel()[rows],
        weight=(weight.ravel()[rows] / weight.ravel()[rows].mean()),
        feature_name=names,
        categorical_feature=[name for name in names if name in CATEGORICAL],
        params={"verbosity": -1, "max_cat_to_onehot": 8},
        free_raw_data=False,
    )
    settings = {
        **parameters.lightgbm,
        "min_data_in_leaf": min(parameters.lightgbm["min_data_in_leaf"], max(1, len(matrix) // 50)),
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    boosters = [
        lgb.train({**settings, "seed": seed + number}, data, parameters.rounds) for number in range(parameters.seeds)
    ]
    units = panel.units
    while units.shape[1] < known + horizon:
        features, level = node_features(panel, units, np.array([units.shape[1]]))
        days = min(WEEK, known + horizon - units.shape[1])
        matrix = as_matrix(features, (len(panel.nodes), 1, WEEK))
        ratio = np.mean([booster.predict(matrix, num_threads=threads) for booster in boosters], axis=0)
        week = np.nan_to_num(ratio.reshape(len(panel.nodes), WEEK) * level)
        units = np.concatenate([units, np.maximum(week[:, :days], 0.0)], axis=1)
    return units[:, known:]


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
    for name in ("region", "store", "category", "department"):
        features[name] = pd.factorize(nodes[f"{name}_id"], sort=True)[0][:, None, None]
    return features, level
