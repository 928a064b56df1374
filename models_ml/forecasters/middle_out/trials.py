"""Trials: what every member would have forecast from past origins, and the weights that follow from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models_ml.forecasters import candidates
from models_ml.forecasters.middle_out.boosting import BoostingParameters, fit_boosting
from models_ml.forecasters.middle_out.reconcile import BlendParameters, MemberWeights, prior_weights
from models_ml.forecasters.nodes.panel import MINIMUM_DAYS, NodePanel
from models_ml.forecasters.nodes.regression import RegressionParameters, fit_regression
from models_ml.forecasters.weights import learned_weights

TRIED_SEEDS = 2
"""Boosters of a trial: enough to judge the boosting by, at a third of its cost."""


def learn_member_weights(
    panel: NodePanel,
    regression: RegressionParameters,
    boosting: BoostingParameters,
    blend: BlendParameters,
    *,
    seed: int,
    threads: int,
) -> MemberWeights:
    """Weights of the members by their errors in the last horizons before the origin.

    The strong members are fitted once, as of the first of these horizons, and forecast each from what was known then:
    none of them has seen the days that it is judged by.
    """
    prior = prior_weights(blend, panel.known_days)
    count = min(blend.trials, (panel.known_days - MINIMUM_DAYS) // panel.horizon_days)
    if count < 1:
        return prior
    horizon = panel.horizon_days
    origins = panel.known_days - horizon * np.arange(count, 0, -1)
    first = panel.until(int(origins[0]))
    fitted = fit_regression(first, regression)
    boosted = fit_boosting(first, replace(boosting, seeds=min(boosting.seeds, TRIED_SEEDS)), seed=seed, threads=threads)
    said, sold, open_days = [], [], []
    for origin in origins:
        then = panel.until(int(origin))
        strong = np.stack([fitted.predict(then), boosted.predict(then)])
        open_days.append(~panel.closed[:, origin : origin + horizon])
        said.append(np.concatenate([strong, candidates.forecasts(then.units, horizon)]) * open_days[-1])
        sold.append(panel.units[:, origin : origin + horizon] * open_days[-1])
    members, actual = np.stack(said, axis=2), np.stack(sold, axis=1)
    importance = (panel.weight / panel.scale)[:, None, None] * np.stack(open_days, axis=1)
    total, came = members.sum(axis=(1, 3))[:, None, :, None], actual.sum(axis=(0, 2))[None, :, None]
    return MemberWeights(
        learned_weights(members, actual, importance, prior.nodes, blend.prior_trials),
        learned_weights(total, came, np.ones_like(came), prior.total, blend.prior_trials),
    )
