"""Finals of many series at once: the model's means with the overrides that are served on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from api.active import Active, ActiveRun
from models_ml.prediction_store.finals import SeriesBelow, apply_effects


def finals(
    active: Active, run: ActiveRun, series: pd.DataFrame, means: np.ndarray, dates: Sequence[date]
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Apply the overrides on a run.

    Args:
        active: what is served.
        run: it forecast the series.
        series: one row a series: store, item and its groups.
        means: series x dates; NaN where a series is not forecast, or a day does not matter.
        dates: of the columns.

    Returns:
        Finals like `means`, and, by override in order of creation, the rows on which it acted (bool).
    """
    served = np.array([active.by_store.get(store) is run for store in series["store_id"]], dtype=bool)
    rows_below = SeriesBelow({str(name): series[name].to_numpy() for name in series})
    return apply_effects(active.effects.get(run.run_id, ()), rows_below, means, dates, served)
