"""The recent level of each store x department times its weekday profile: for histories of a few months.

It replaces middle_out if the history is too short. The level is the average of a four-week mean and an exponentially
smoothed level, which follows trends.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from models_ml.forecasters import candidates
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.top_down import share_out_by_level
from models_ml.warehouse.marts import Marts
from models_ml.warehouse.regressors import read_closed_days

FEWEST_DAYS = 28
"""History that it needs: four weeks, of which each weekday has its mean."""

HISTORY_DAYS = 26 * 7
"""History that it knows."""


class RecentWeeks:
    """Forecasts store x departments by level x weekday, and allocates them to items by their recent level."""

    name = "recent_weeks"

    def __init__(self, *, seed: int = 0, threads: int = 1) -> None:
        """Neither a seed nor threads matter here."""

    def parameters(self) -> dict[str, Any]:
        """The days of history used."""
        return {"history_days": HISTORY_DAYS}

    def fit(self, marts: Marts) -> None:
        """Nothing to learn."""

    def forecast(self, marts: Marts) -> Forecast:
        """Level x weekday; zero on days on which the store is closed."""
        since = max(marts.first_day, marts.origin - timedelta(days=HISTORY_DAYS - 1))
        nodes, units = marts.store_department_daily(since, marts.origin)
        known = (marts.origin - marts.first_day).days + 1
        stores = pd.Index(sorted(nodes["store_id"].unique()))
        closed = read_closed_days(marts, stores, known + marts.horizon_days)[:, known:]
        open_days = ~closed[stores.get_indexer(pd.Index(nodes["store_id"]))].astype(bool)
        both = (candidates.recent_weeks, candidates.smoothed)
        expected = np.mean([candidate(units, marts.horizon_days) for candidate in both], axis=0)
        return Forecast(marts.series, share_out_by_level(marts, expected * open_days))
