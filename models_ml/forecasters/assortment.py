"""Which series are on sale on the forecast days."""

from __future__ import annotations

import numpy as np

from models_ml.warehouse.marts import Marts


def on_sale(marts: Marts) -> np.ndarray:
    """0/1, series x horizon: whether a series has been launched by each target day."""
    targets = np.array(marts.target_dates, dtype="datetime64[D]")
    launched: np.ndarray = marts.series["launch_date"].to_numpy().astype("datetime64[D]")[:, None] <= targets[None, :]
    return launched.astype(np.float32)
