"""One store's fit and forecast as a function of plain values, and its two ways over many stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models_ml.forecasters.registry import make_forecaster
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MODEL = "item_lightgbm"

SCHEMA = "store_id string, item_id string, target_date date, mean double"
"""Of a forecast, in Spark's words."""


@dataclass(frozen=True)
class StoreWork:
    """What is done for each store; plain values, so that a worker elsewhere gets all of it.

    Attributes:
        warehouse_url: of the marts, which every worker reads by itself, its own store only.
        origin: the last known day.
        horizon_days: days to forecast.
        seed: of the model.
        threads: of one fit.
        model: forecaster.
        memory_limit_gb: of a worker's reads, where the warehouse is a DuckDB file.
    """

    warehouse_url: str
    origin: date
    horizon_days: int
    seed: int
    threads: int
    model: str = MODEL
    memory_limit_gb: float = 4.0


def forecast_store(work: StoreWork, store: str) -> pd.DataFrame:
    """Fit on one store and forecast it.

    Returns:
        Columns of `SCHEMA`, one row an item and target day, by item and day.

    Raises:
        InputError: the marts have no such store.
        ModelError: too little history.
    """
    warehouse = open_warehouse(work.warehouse_url, threads=work.threads, memory_limit_gb=work.memory_limit_gb)
    marts = Marts(warehouse, work.origin, work.horizon_days, (store,))
    forecaster = make_forecaster(work.model, seed=work.seed, threads=work.threads)
    forecaster.fit(marts)
    forecast = forecaster.forecast(marts).in_steps(marts.step_days)
    days = len(marts.step_dates)
    return pd.DataFrame(
        {
            "store_id": np.repeat(forecast.series["store_id"].to_numpy(), days),
            "item_id": np.repeat(forecast.series["item_id"].to_numpy(), days),
            "target_date": np.tile(np.array(marts.step_dates, dtype=object), len(forecast.series)),
            "mean": forecast.mean.ravel().astype(np.float64),
        }
    )


def forecast_stores(work: StoreWork, stores: Sequence[str]) -> pd.DataFrame:
    """Each store by itself, one after the other, on this machine."""
    return pd.concat([forecast_store(work, store) for store in sorted(stores)], ignore_index=True)


def store_function(work: StoreWork) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """`forecast_store` as `applyInPandas` calls it, with the rows of one group."""

    def forecast_group(group: pd.DataFrame) -> pd.DataFrame:
        [store] = group["store_id"].unique()
        return forecast_store(work, str(store))

    return forecast_group


def forecast_stores_on_spark(spark: SparkSession, work: StoreWork, stores: Sequence[str]) -> DataFrame:
    """Each store by itself, side by side: a Spark task a store.

    Args:
        spark: whose workers have this package and can reach the warehouse.
        work: see `StoreWork`.
        stores: which.

    Returns:
        A frame of `SCHEMA`, computed when it is read.
    """
    names = spark.createDataFrame([(store,) for store in sorted(stores)], "store_id string")
    groups = names.repartition(len(stores), "store_id").groupBy("store_id")
    return groups.applyInPandas(store_function(work), SCHEMA)
