"""One of our forecasters, from the marts, measured like its peers.

Run: python -m benchmarks.peers.ours FOLDER MODEL FOLD STORES (see `benchmarks.peers`).
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.peers.data import long_forecast
from models_ml.forecasters.registry import make_forecaster
from models_ml.settings import get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts


def main(folder: Path, model: str, fold: str, stores: str) -> None:
    """Fit and forecast."""
    settings = get_settings()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    scope = tuple(store for store in stores.split(",") if store)
    marts = Marts(warehouse, date.fromisoformat(fold), settings.horizon_days, scope)
    forecaster = make_forecaster(model, seed=settings.seed, threads=settings.threads)
    forecaster.fit(marts)
    forecast: pd.DataFrame = long_forecast(marts, forecaster.forecast(marts).mean)
    forecast.to_parquet(folder / "forecast.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
