"""Drift of demand and of its features: the population stability index of each department's series, week by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtri

from models_ml.warehouse.connection import Warehouse

FEATURES = ("units_mean_28", "zero_share_28", "units_std_28")
"""Monitored columns of `fct_series_features`: level, intermittence and variability of sales."""

METRICS = tuple(f"psi_{feature}" for feature in FEATURES)

BINS = 10
WINDOW_DAYS = 28
REFERENCE_WINDOWS = 13
"""Windows before the newest that make its reference: a year, so that every season is in it."""

FEWEST_REFERENCE_WINDOWS = 3
CHANCE = 0.999
"""A PSI below this quantile of its distribution under no drift is not called drift."""

Floats = NDArray[np.float64]


def psi(reference: Floats, current: Floats, bins: int = BINS) -> float:
    """Population stability index: sum of (p - q) ln(p / q) over bins with equal shares of the reference.

    Equal values share a bin. Half a value is added to each bin, so that the logarithm of an empty bin exists.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    q, p = (shares(values, edges) for values in (reference, current))
    return float(np.sum((p - q) * np.log(p / q)))


def shares(values: Floats, edges: Floats) -> Floats:
    """Share of values in each bin (edges belong to the bin above them)."""
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
    result: Floats = counts / counts.sum()
    return result


def psi_of_chance(reference: int, current: int, bins: int = BINS) -> float:
    """The PSI that two samples of one distribution stay below with probability `CHANCE`.

    PSI / (1/n + 1/m) is then chi-squared with bins - 1 degrees of freedom (Yurdakul, "Statistical properties of the
    population stability index", 2018).
    """
    return float(chdtri(bins - 1, 1 - CHANCE)) * (1 / reference + 1 / current)


def weekly_drift(warehouse: Warehouse, last_day: date, weeks: int, stores: Sequence[str] = ()) -> pd.DataFrame:
    """PSI of each department and feature at the end of each of the last weeks.

    Args:
        warehouse: of the feature marts.
        last_day: last day of sales; the marts have features of it and of some whole weeks before it.
        weeks: how many.
        stores: only these; empty: all.

    Returns:
        Columns metric, subject (the department), period_end, value, and chance: the value
        that a significant PSI exceeds. No row where there are fewer than `FEWEST_REFERENCE_WINDOWS` of history.
    """
    ends = [last_day - timedelta(days=7 * week) for week in range(weeks)]
    grid = warehouse.read("features.fct_series_features", ["distinct as_of_date"], stores=stores)[
        "as_of_date"
    ].to_pylist()
    before = {end: reference_days(grid, end) for end in ends}
    days = sorted({*ends, *(day for windows in before.values() for day in windows)})
    features = warehouse.read(
        "features.fct_series_features",
        ["item_id", "store_id", "as_of_date", *FEATURES],
        stores=stores,
        date_column="as_of_date",
        dates=days,
    ).to_pandas()
    items = warehouse.read("core.dim_items", ["item_id", "department_id"]).to_pandas()
    features["department_id"] = features["item_id"].map(items.set_index("item_id")["department_id"])
    features["as_of_date"] = pd.to_datetime(features["as_of_date"])
    rows = []
    for department, own in features.groupby("department_id", sort=True):
        for end in ends:
            now = own[own["as_of_date"] == pd.Timestamp(end)]
            then = own[own["as_of_date"].isin([pd.Timestamp(day) for day in before[end]])]
            windows = then["as_of_date"].nunique()
            if now.empty or windows < FEWEST_REFERENCE_WINDOWS:
                continue
            # All windows hold the same series, so together they count as about one sample.
            chance = psi_of_chance(len(then) // windows, len(now))
            rows += [
                (f"psi_{name}", f"department:{department}", end, psi(floats(then[name]), floats(now[name])), chance)
                for name in FEATURES
            ]
    return pd.DataFrame(rows, columns=["metric", "subject", "period_end", "value", "chance"])


def reference_days(grid: Sequence[date], end: date) -> list[date]:
    """As-of days whose windows are the year before: every 28 days, or the marts' next day before that."""
    wanted = [end - timedelta(days=WINDOW_DAYS * k) for k in range(1, REFERENCE_WINDOWS + 1)]
    nearest = [max((day for day in grid if 0 <= (want - day).days < WINDOW_DAYS), default=None) for want in wanted]
    return sorted({day for day in nearest if day is not None})


def floats(values: pd.Series) -> Floats:
    """Values that are not null, as a numpy array."""
    result: Floats = values.dropna().to_numpy(dtype=np.float64)
    return result
