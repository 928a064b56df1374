"""Forecasters by name; modules are imported lazily."""

from __future__ import annotations

from importlib import import_module

from models_ml.errors import InputError
from models_ml.forecasters.base import Forecaster

BASELINE = "seasonal_naive"

CLASSES: dict[str, str] = {
    "ets": "models_ml.forecasters.ets:ETS",
    "item_lightgbm": "models_ml.forecasters.item_boosting:ItemBoosting",
    "middle_out": "models_ml.forecasters.middle_out:MiddleOut",
    "moving_average": "models_ml.forecasters.moving_average:MovingAverage",
    "prophet": "models_ml.forecasters.prophet:ProphetNodes",
    "recent_weeks": "models_ml.forecasters.recent_weeks:RecentWeeks",
    BASELINE: "models_ml.forecasters.seasonal_naive:SeasonalNaive",
}
"""Where each forecaster is, `module:class`; the class takes the keywords `seed` and `threads`."""


def check_name(name: str) -> None:
    """Reject an unknown name early.

    Raises:
        InputError: there is no forecaster of that name.
    """
    if name not in CLASSES:
        raise InputError(f"Unknown model {name!r}; there are {', '.join(CLASSES)}.")


def make_forecaster(name: str, *, seed: int, threads: int) -> Forecaster:
    """A new forecaster.

    Raises:
        InputError: there is none of that name.
    """
    check_name(name)
    module, _, cls = CLASSES[name].partition(":")
    forecaster: Forecaster = getattr(import_module(module), cls)(seed=seed, threads=threads)
    return forecaster
