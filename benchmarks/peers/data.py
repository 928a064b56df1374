"""The same data for every peer: plain parquet files in the long format that forecasting libraries read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from models_ml.warehouse.marts import Marts, read_daily

COLUMNS = ["item_id", "store_id", "department_id", "category_id", "region_id"]


def ids(series: pd.DataFrame) -> pd.Series:
    """Name of each series."""
    return series["store_id"] + "|" + series["item_id"]


def long_rows(marts: Marts, values: dict[str, np.ndarray], first: np.datetime64, launch: np.ndarray) -> pd.DataFrame:
    """Series x days as rows, from each series' launch on; columns unique_id, ds and those of `values`."""
    days = next(iter(values.values())).shape[1]
    on_sale = np.arange(days)[None, :] >= launch[:, None]
    row, day = np.nonzero(on_sale)
    return pd.DataFrame(
        {
            "unique_id": pd.Categorical.from_codes(row, pd.Index(ids(marts.series))),  # type: ignore[arg-type]  # an array
            "ds": (first + day).astype("datetime64[s]"),
            **{name: array[on_sale].astype(np.float32) for name, array in values.items()},
        }
    )


def export(marts: Marts, folder: Path) -> None:
    """Write `history`, `future` (prices of the days to come), `truth` and `series` of a fold into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    first = marts.first_day
    launch = (marts.series["launch_date"] - pd.Timestamp(first)).dt.days.to_numpy()
    known = {name: marts.daily(first, marts.origin, column) for name, column in (("y", "units"), ("price", "price"))}
    long_rows(marts, known, np.datetime64(first, "D"), launch).to_parquet(folder / "history.parquet")
    since, until = marts.target_dates[0], marts.target_dates[-1]
    coming = {name: read_daily(marts, since, until, column) for name, column in (("y", "units"), ("price", "price"))}
    truth = long_rows(marts, coming, np.datetime64(since, "D"), np.zeros(len(launch), dtype=int))
    truth.to_parquet(folder / "truth.parquet")
    truth.drop(columns="y").to_parquet(folder / "future.parquet")
    marts.series[COLUMNS].assign(unique_id=pd.Categorical(ids(marts.series))).to_parquet(folder / "series.parquet")


def long_forecast(marts: Marts, mean: np.ndarray) -> pd.DataFrame:
    """A forecast in the format of the peers."""
    since = np.datetime64(marts.origin + timedelta(days=1), "D")
    return long_rows(marts, {"mean": mean}, since, np.zeros(len(mean), dtype=int))


def wide_forecast(marts: Marts, forecast: pd.DataFrame) -> np.ndarray:
    """A peer's forecast as series x horizon, zero where a series is not on sale or the peer says nothing."""
    rows = pd.Index(ids(marts.series)).get_indexer(forecast["unique_id"].astype(str))
    days = (forecast["ds"] - pd.Timestamp(marts.target_dates[0])).dt.days.to_numpy()
    mean = np.zeros((len(marts.series), marts.horizon_days))
    mean[rows[rows >= 0], days[rows >= 0]] = forecast["mean"].to_numpy()[rows >= 0]
    targets = np.array(marts.target_dates, dtype="datetime64[D]")
    launched = marts.series["launch_date"].to_numpy().astype("datetime64[D]")[:, None] <= targets[None, :]
    return np.asarray(mean * launched)
