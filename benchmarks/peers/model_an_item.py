"""Peer: a pandas frame and a LightGBM for each item of each store, the shape of many a first project.

Its lags of the days to forecast are taken from what was truly sold, holdout included: a flaw that flatters it.

Run: python -m benchmarks.peers.model_an_item FOLDER (see `benchmarks.peers`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import lightgbm as lgb
import pandas as pd

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 28)


def main(folder: Path) -> None:
    """Fit and forecast, item after item."""
    history = pd.read_parquet(folder / "history.parquet")
    truth = pd.read_parquet(folder / "truth.parquet")
    split = history["ds"].max()
    parts = []
    for unique_id, frame in pd.concat([history, truth]).groupby("unique_id", sort=False, observed=True):
        frame = frame.sort_values("ds")
        for lag in LAGS:
            frame[f"lag_{lag}"] = frame["y"].shift(lag)
        for window in WINDOWS:
            frame[f"mean_{window}"] = frame["y"].shift(1).rolling(window).mean()
        frame["weekday"] = frame["ds"].dt.dayofweek
        frame["month"] = frame["ds"].dt.month
        features = [column for column in frame if column not in ("unique_id", "ds", "y")]
        known = frame[frame["ds"] <= split].dropna(subset=features)
        coming = frame[frame["ds"] > split]
        mean = 0.0
        if len(known) >= 2 * LAGS[-1]:
            model = lgb.LGBMRegressor(n_estimators=100, n_jobs=2, random_state=1, verbosity=-1)
            mean = model.fit(known[features], known["y"]).predict(coming[features]).clip(min=0)
        parts.append(pd.DataFrame({"unique_id": unique_id, "ds": coming["ds"], "mean": mean}))
    pd.concat(parts).to_parquet(folder / "forecast.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
