"""Peer: mlforecast, one LightGBM over all items, rolled forward day by day. Runs in the peers' environment.

Run: python mlforecast_recursive.py FOLDER (see `benchmarks.peers`).
"""

import sys
from pathlib import Path

import lightgbm as lgb
import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean

DAYS = 400
STATIC = ["item_id", "store_id", "department_id", "category_id", "region_id"]


def main(folder: Path) -> None:
    """Fit and forecast."""
    series = pd.read_parquet(folder / "series.parquet")
    history = pd.read_parquet(folder / "history.parquet")
    history = history[history["ds"] > history["ds"].max() - pd.Timedelta(days=DAYS)]
    future = pd.read_parquet(folder / "future.parquet")
    history = history.merge(series, on="unique_id")
    history[STATIC] = history[STATIC].astype("category")
    model = lgb.LGBMRegressor(
        objective="tweedie", tweedie_variance_power=1.1, learning_rate=0.05, n_estimators=400, num_leaves=127,
        min_child_samples=100, subsample=0.6, subsample_freq=1, colsample_bytree=0.7, n_jobs=2, random_state=1,
        verbosity=-1,
    )  # fmt: skip
    forecaster = MLForecast(
        models={"mean": model},
        freq="D",
        lags=[7, 14, 21, 28],
        lag_transforms={
            1: [RollingMean(7), RollingMean(28)],
            7: [RollingMean(7), RollingMean(28)],
            28: [RollingMean(28)],
        },
        date_features=["dayofweek", "day", "week", "month"],
        num_threads=2,
    )
    forecaster.fit(history, static_features=STATIC)
    horizon = future["ds"].nunique()
    forecast = forecaster.predict(horizon, X_df=future)
    forecast["mean"] = forecast["mean"].clip(lower=0)
    forecast[["unique_id", "ds", "mean"]].to_parquet(folder / "forecast.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
