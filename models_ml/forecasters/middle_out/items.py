"""Items before they share out their node: the item model and simple candidates, weighed by class of demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from models_ml.evaluation.demand_class import CLASS_DAYS, demand_classes
from models_ml.forecasters import candidates
from models_ml.forecasters.assortment import on_sale
from models_ml.forecasters.candidates import CANDIDATES, SMOOTHED_DAYS
from models_ml.forecasters.item_boosting import ItemBoosting
from models_ml.forecasters.levels import NEW_DAYS
from models_ml.forecasters.middle_out.reconcile import BlendParameters, strong_share
from models_ml.forecasters.top_down import scale_to_nodes
from models_ml.forecasters.weights import learned_weights
from models_ml.warehouse.marts import Marts

CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new")
SIMPLE = {"recent_mean": 0.4, "smoothed": 0.4, "last_year": 0.2}
"""What the simple candidates weigh among themselves before anything is learned."""

HISTORY_DAYS = candidates.YEAR + candidates.QUARTER
"""Days before a trial that candidates know."""

TRIED_SERIES, TRIED_ROWS = 3_000, 250_000
"""Series that trials forecast, and rows that they learn from, at most."""

MOST_TRIALS = 4
CLASS_SERIES = 50
"""Series of a class that count as much as the weights of all classes together."""


@dataclass(frozen=True)
class ItemWeights:
    """Weights of the item model and the candidates: `CLASSES` x members, each row summing to one."""

    by_class: np.ndarray


def weighed_items(marts: Marts, items: ItemBoosting, weights: ItemWeights) -> np.ndarray:
    """Units of each series before its node is shared out: float64, series x horizon, within the series' bounds."""
    units = recent_units(marts, HISTORY_DAYS)
    strong = items.items(marts).astype(np.float64)
    simple = candidates.forecasts(units, marts.horizon_days) * on_sale(marts)
    new = marts.days_on_sale < NEW_DAYS  # candidates know of no other series: theirs says nothing of a new one
    simple[:, new] = strong[None, new]
    of_series = class_codes(units, marts.days_on_sale)
    mean = np.einsum("sm,msh->sh", weights.by_class[of_series], np.concatenate([strong[None], simple]))
    return items.fitted().bound.apply(marts, mean)


def learn_item_weights(marts: Marts, items: ItemBoosting, blend: BlendParameters) -> ItemWeights:
    """Weights by the errors in the last horizons before the origin, of items whose node's total is given.

    Args:
        marts: those that `items` was fitted on.
        items: the item model, which is fitted once more without those horizons.
        blend: how many horizons, and what the prior counts as.
    """
    known, horizon = (marts.origin - marts.first_day).days + 1, marts.horizon_days
    strong = strong_share(known)
    prior = np.array([strong, *((1 - strong) * SIMPLE.get(name, 0.0) for name in CANDIDATES)])
    count = min(blend.trials, MOST_TRIALS)
    series = tried_series(marts)
    said = None
    while count and said is None:
        said = items.trials(marts, count, series, TRIED_ROWS)
        count -= said is None
    if said is None:
        return ItemWeights(np.tile(prior, (len(CLASSES), 1)))
    units = recent_units(marts, HISTORY_DAYS + horizon * count)[series]
    age, node = marts.days_on_sale[series], np.unique(marts.node_of_series[series], return_inverse=True)[1]
    members, actual = np.empty((1 + len(CANDIDATES), len(series), count, horizon)), np.empty(said.shape)
    usable, of_series = np.zeros(said.shape), np.empty((len(series), count), dtype=np.intp)
    for number in range(count):
        ago = horizon * (number + 1)
        end = units.shape[1] - ago
        actual[:, number] = units[:, end : end + horizon]
        total = np.zeros((node.max() + 1, horizon))
        np.add.at(total, node, actual[:, number])
        each = np.concatenate([said[None, :, number], candidates.forecasts(units[:, :end], horizon)])
        members[:, :, number] = [scale_to_nodes(member, node, total) for member in each]
        usable[:, number] = (age - ago >= NEW_DAYS)[:, None]
        of_series[:, number] = class_codes(units[:, :end], age - ago)
    importance = usable * importance_of(units)[:, None, None]
    pooled = learned_weights(members, actual, importance, prior, blend.prior_trials)
    by_class = []
    for number in range(len(CLASSES)):
        inside = importance * (of_series == number)[:, :, None]
        share = (inside > 0).any(axis=(1, 2)).sum() / CLASS_SERIES
        trials_of_prior = blend.prior_trials * (1 + 1 / max(share, 1e-9))
        by_class.append(learned_weights(members, actual, inside, pooled, trials_of_prior) if share else pooled)
    return ItemWeights(np.array(by_class))


def recent_units(marts: Marts, days: int) -> np.ndarray:
    """Units of the last days, as many as there are: float32, series x days, not negative."""
    since = max(marts.first_day, marts.origin - timedelta(days=min(days, SMOOTHED_DAYS) - 1))
    return np.asarray(np.maximum(marts.daily(since, marts.origin), 0.0))


def tried_series(marts: Marts) -> np.ndarray:
    """Rows of `Marts.series` of about every n-th node, so that `TRIED_SERIES` are tried, and nodes are whole."""
    node = marts.node_of_series
    one_in = max(1, round(len(node) / TRIED_SERIES))
    return np.flatnonzero(node % one_in == 0)


def class_codes(units: np.ndarray, days_on_sale: np.ndarray) -> np.ndarray:
    """Position in `CLASSES` of each series."""
    found = demand_classes(units[:, -CLASS_DAYS:], days_on_sale)
    return np.asarray([CLASSES.index(name) for name in found], dtype=np.intp)


def importance_of(units: np.ndarray) -> np.ndarray:
    """Of a squared error of each series, as in WRMSSE: its recent share of units over its mean squared daily step."""
    steps = (np.diff(units.astype(np.float64), axis=1) ** 2).mean(axis=1)
    recent = units[:, -candidates.MONTH :].sum(axis=1, dtype=np.float64)
    recent = recent + units.sum(axis=1, dtype=np.float64) * candidates.MONTH / units.shape[1]
    return np.asarray(np.where(steps > 0, recent / np.maximum(steps, 1e-9), 0.0) / max(recent.sum(), 1e-9))
