"""Forecasts replayed from past origins, each with what was known then: how far off would they have been?

Refitting a forecaster a dozen times is dear. Instead a near twin of middle-out is replayed: the pooled regression at
store x department, whose sums of squares over training days only have to be cut off earlier, shared out to items by
their recent levels. Histories too short for it are replayed by recent level x weekday, unless columns that are known in
advance move the sales, of which that knows nothing: then fewer horizons are replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models_ml.errors import ModelError
from models_ml.forecasters.levels import LEVEL_SPANS
from models_ml.forecasters.nodes.panel import WEEK, YEAR, NodePanel, read_panel
from models_ml.forecasters.nodes.regression import LOG_OFFSET, Design, RegressionParameters, pooled_ridge
from models_ml.forecasters.replays import Replays
from models_ml.forecasters.top_down import scale_to_nodes
from models_ml.warehouse.marts import Marts
from models_ml.warehouse.regressors import declared

MOST_REPLAYS = 13
"""Replays at most: with a horizon of four weeks, a year, so that every season's mistakes are among them."""

LONGEST_SPAN = max(LEVEL_SPANS)
PROFILE_DAYS = 8 * WEEK
FEWEST_KNOWN_DAYS = 4 * WEEK
FEWEST_TRAINING_ORIGINS = 6

FEWEST_REGRESSIONS = 2
"""Horizons that the regression has to be replayed over where recent levels cannot stand in for it."""


def replay(marts: Marts) -> Replays:
    """Replay the horizons before the origin, as many as history allows, at most `MOST_REPLAYS`."""
    horizon = marts.horizon_days
    known = (marts.origin - marts.first_day).days + 1
    count = min(MOST_REPLAYS, (known - FEWEST_KNOWN_DAYS) // horizon)
    if count < 1:
        nothing = np.zeros((len(marts.series), 0, horizon), dtype=np.float32)
        return Replays(nothing, nothing, nothing.astype(bool), "none")
    regressions = most_regressions(known, horizon)
    panel = None
    if regressions == MOST_REPLAYS or (regressions >= FEWEST_REGRESSIONS and declared(marts).known):
        panel, count = read_panel(marts), regressions
    days = min(known, count * horizon + LONGEST_SPAN)
    units = marts.daily(marts.origin - timedelta(days=days - 1), marts.origin)
    launch = (marts.series["launch_date"] - pd.Timestamp(marts.origin - timedelta(days=days - 1))).dt.days.to_numpy()
    node = marts.node_of_series
    node_units = np.zeros((node.max() + 1, days))
    np.add.at(node_units, node, units)
    regression = None
    if panel is not None:
        with threadpool_limits(1, "blas"):  # a thousand small systems: threads would mostly wait for each other
            regression = replay_regression(panel, count, RegressionParameters(origin_step_days=horizon))
    mean = np.empty((len(units), count, horizon), dtype=np.float32)
    actual, usable = np.empty_like(mean), np.empty(mean.shape, dtype=bool)
    for number in range(count):
        end = days - horizon * (number + 1)
        targets = slice(end, end + horizon)
        sold = launch[:, None] <= np.arange(end, end + horizon)[None, :]
        nodes = trailing_nodes(node_units[:, :end], horizon) if regression is None else regression[:, number]
        mean[:, number] = scale_to_nodes(item_levels(units[:, :end], launch)[:, None] * sold, node, nodes)
        actual[:, number] = units[:, targets]
        usable[:, number] = sold & (launch[:, None] <= end - WEEK)
        if panel is not None:
            at = panel.known_days - horizon * (number + 1)
            usable[:, number] &= ~panel.closed[:, at : at + horizon][node]
    return Replays(mean, actual, usable, "trailing" if regression is None else "regression")


def most_regressions(known: int, horizon: int) -> int:
    """Horizons that the regression can be replayed over, of `MOST_REPLAYS`, with days of history enough to learn from.

    Args:
        known: days of history.
        horizon: days.
    """
    origins = regression_origins(known, horizon, RegressionParameters().first_origin_days)
    return min(MOST_REPLAYS, len(origins) - FEWEST_TRAINING_ORIGINS)


def regression_origins(known: int, horizon: int, first: int) -> np.ndarray:
    """Origins a horizon apart whose horizon has come, as days of history before them; the latest first."""
    return np.arange(known - horizon, first, -horizon)


def item_levels(units: np.ndarray, launch: np.ndarray) -> np.ndarray:
    """Recent units a day of each series, over the days it was on sale; 0 without any.

    Args:
        units: series x days known at the replay's origin.
        launch: each series' first day on sale, as a column of `units`; may lie before or after them.
    """
    known = units.shape[1]
    on_sale = np.maximum(known - np.maximum(launch, 0), 0)
    level = np.zeros(len(units))
    for span, weight in LEVEL_SPANS.items():
        width = np.clip(on_sale, 1, min(span, known))
        level += weight * units[:, -min(span, known) :].sum(axis=1, dtype=np.float64) / width
    return level


def trailing_nodes(units: np.ndarray, horizon: int) -> np.ndarray:
    """Recent level x weekday, for every node: nodes x horizon."""
    recent = units[:, -PROFILE_DAYS:]
    recent = recent[:, recent.shape[1] % WEEK :]
    weekday = recent.reshape(len(units), -1, WEEK).mean(axis=1)
    profile = weekday / np.maximum(weekday.mean(axis=1, keepdims=True), 1e-9)
    level = units[:, -4 * WEEK :].mean(axis=1, keepdims=True)
    return np.asarray(np.tile(profile * level, (1, -(-horizon // WEEK)))[:, :horizon])


def replay_regression(panel: NodePanel, count: int, parameters: RegressionParameters) -> np.ndarray:
    """The pooled regression (`middle_out.regression`) as it would have been at earlier origins.

    Returns:
        float64, nodes x replays x horizon.

    Raises:
        ModelError: history does not hold so many replays.
    """
    known, horizon = panel.known_days, panel.horizon_days
    origins = regression_origins(known, horizon, parameters.first_origin_days)
    if len(origins) < count + FEWEST_TRAINING_ORIGINS:
        raise ModelError(f"{known} days of history are too few to replay {count} forecasts.")
    leads = np.arange(1, horizon + 1)
    targets = origins[:, None] + leads[None, :] - 1
    design = Design(panel, parameters, origins, targets, leads)
    weight = 0.5 ** ((known - targets) / parameters.half_life_days)
    grams, moments, designs = [], [], []
    for node in range(len(panel.nodes)):
        x = design.of(node)
        y = design.log_units[node, targets] - design.level[node, origins - 1][:, None]
        gram, moment = cumulative_products(x, y, weight * ~panel.closed[node, targets], count)
        grams.append(gram)
        moments.append(moment)
        designs.append(x)
    forecasts = np.empty((len(panel.nodes), count, horizon))
    recent = max(2, YEAR // horizon)
    for number, known_then in enumerate(origins[:count]):
        fresh = 2.0 ** ((known - known_then) / parameters.half_life_days)  # a day's weight counts from the origin
        coefficients = pooled_ridge(
            panel,
            np.array([gram[number] for gram in grams]) * fresh,
            np.array([moment[number] for moment in moments]) * fresh,
            design.penalty,
            parameters.pool_penalties,
        )
        past = slice(number + 1, number + 1 + recent)
        for node, x in enumerate(designs):
            said = np.exp(
                x[number : past.stop] @ coefficients[node] + design.level[node, origins[number : past.stop] - 1, None]
            )
            said -= LOG_OFFSET
            w = weight[past] * ~panel.closed[node, targets[past]]
            scale = (panel.units[node, targets[past]] * w).sum() / max((said[1:] * w).sum(), 1e-9)
            forecasts[node, number] = np.maximum(said[0] * scale, 0.0)
        forecasts[:, number] *= ~panel.closed[:, known_then : known_then + horizon]
    return forecasts


def cumulative_products(x: np.ndarray, y: np.ndarray, weight: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Weighted X'X and X'y over all origins older than each of the first `count` (the latest come first).

    Args:
        x: origins x leads x regressors.
        y, weight: origins x leads.

    Returns:
        Arrays count x regressors x regressors, and count x regressors.
    """
    weighted = x * weight[:, :, None]
    old, old_weighted = x[count:].reshape(-1, x.shape[2]), weighted[count:].reshape(-1, x.shape[2])
    gram, moment = old_weighted.T @ old, old_weighted.T @ y[count:].ravel()
    grams, moments = np.empty((count, *gram.shape)), np.empty((count, *moment.shape))
    for number in range(count - 1, -1, -1):
        grams[number], moments[number] = gram, moment
        gram, moment = gram + weighted[number].T @ x[number], moment + weighted[number].T @ y[number]
    return iter((grams, moments))
