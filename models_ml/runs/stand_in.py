"""Replaces a model that is worse than seasonal naive in its own backtest."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from models_ml.forecasters.registry import BASELINE, make_forecaster
from models_ml.runs.backtest import wrmsse_by_model
from models_ml.runs.plan import Plan
from models_ml.settings import Settings

CANDIDATES = ("recent_weeks", "moving_average")
"""Simple forecasters to backtest beside the baseline if the model is worse than it."""


def is_beaten(metrics: pd.DataFrame, model: str) -> bool:
    """Whether a model is worse than seasonal naive; False if either was not scored."""
    found = wrmsse_by_model(metrics)
    return model in found and BASELINE in found and found[model] > found[BASELINE]


def standing_in(plan: Plan, metrics: pd.DataFrame, settings: Settings) -> Plan:
    """The plan with the best of the baseline and the simple forecasters, and the reason.

    The run keeps its id, because the same data and settings lead to the same decision.

    Args:
        plan: the plan to change.
        metrics: of a backtest of that model, the baseline and `CANDIDATES`.
        settings: seed and threads.
    """
    found = wrmsse_by_model(metrics)
    best = min((BASELINE, *CANDIDATES), key=lambda name: found.get(name, float("inf")))
    note = (
        f"{plan.model} was worse than {BASELINE} in its own backtest (WRMSSE {found[plan.model]:.3f} against "
        f"{found[BASELINE]:.3f}), so {best} ({found[best]:.3f}) is used instead."
    )
    parameters = make_forecaster(best, seed=settings.seed, threads=settings.threads).parameters()
    return replace(plan, model=best, parameters=parameters, note=note)
