"""Estimates the cost of a run from its size and the measured runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

RUN_COSTS = Path(__file__).with_name("run_costs.csv")
"""Written by `benchmarks.run --write` and `benchmarks.sizes --write`: one row per measured first run."""


@dataclass(frozen=True)
class Size:
    """The size of a run.

    Attributes:
        series: items in stores.
        series_days: total days on sale over all series.
        nodes: departments in stores, each of which is forecast by the node models.
        node_days: total days of history over all nodes.
    """

    series: int
    series_days: int
    nodes: int
    node_days: int


@dataclass(frozen=True)
class Cost:
    """The cost of a run.

    Attributes:
        cpu_seconds: of all its processes.
        gigabytes: peak resident memory of all its processes.
    """

    cpu_seconds: float
    gigabytes: float


SIZES = list(Size.__annotations__)


def measured() -> pd.DataFrame:
    """The measured runs by size: the fields of `Size`, cpu_seconds, peak_gigabytes."""
    return pd.read_csv(RUN_COSTS)


def estimate(size: Size) -> Cost:
    """Cost of `demand run`: linear in series, nodes and their days, plus a constant.

    Coefficients are fitted to the measured runs by non-negative least squares of relative errors, so small runs weigh
    as much as large ones and the cost never falls with size.
    """
    runs = measured()
    at = np.array([1.0, *asdict(size).values()])
    return Cost(*(float(at @ rates(runs, column)) for column in ("cpu_seconds", "peak_gigabytes")))


def rates(runs: pd.DataFrame, column: str) -> np.ndarray:
    """Coefficients: the constant, then one for each field of `Size`."""
    sizes, costs = runs[SIZES].to_numpy(np.float64), runs[column].to_numpy(np.float64)
    scale = sizes.max(axis=0)
    shares = np.column_stack([np.ones(len(runs)), sizes / scale]) / costs[:, None]
    return np.asarray(nnls(shares, np.ones(len(runs)))[0] / np.array([1.0, *scale]))


def told(size: Size) -> str:
    """The estimate in a line, with its basis."""
    cost, runs = estimate(size), measured()
    minutes = cost.cpu_seconds / 60
    beyond = [
        what
        for what, field in (("more departments", "nodes"), ("more sales", "series_days"))
        if getattr(size, field) > runs[field].max()
    ]
    return (
        f"a run: about {minutes:.0f} CPU minutes ({minutes / 2:.0f} to {minutes:.0f} wall clock on two cores) and "
        f"{cost.gigabytes:.1f} GB of memory; from {len(runs)} measured runs of up to {runs['series'].max():,} series "
        f"and {runs['nodes'].max():,} departments in stores"
        + (f"; {' and '.join(beyond)} than any of them, so it may take longer" if beyond else "")
    )
