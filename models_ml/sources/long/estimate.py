"""What a run will cost: between the runs that were measured, by the days on sale of all series together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

RUN_COSTS = Path(__file__).with_name("run_costs.csv")
"""Written by `python -m benchmarks.run --write`: a row a measured first run."""


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes:
        cpu_seconds: of all its processes.
        gigabytes: resident memory of all its processes together, at most.
    """

    cpu_seconds: float
    gigabytes: float


def measured() -> pd.DataFrame:
    """The measured runs by size: series, series_days, cpu_seconds, peak_gigabytes."""
    return pd.read_csv(RUN_COSTS).sort_values("series_days", ignore_index=True)


def estimate(series_days: int) -> Cost:
    """Cost of `demand run` for so many days on sale of all series together.

    Linear between measured runs; below the smallest one as much as that one, and beyond the largest one as it grew up
    to there. Never less for more days.
    """
    runs = measured()
    days = runs["series_days"].tolist()
    return Cost(
        along(series_days, days, runs["cpu_seconds"].cummax().tolist()),
        along(series_days, days, runs["peak_gigabytes"].cummax().tolist()),
    )


def told(series_days: int) -> str:
    """The estimate in a line, with what it rests on."""
    cost, runs = estimate(series_days), measured()
    largest = int(runs["series_days"].iloc[-1])
    least = "at least" if series_days > largest else "about"
    minutes = cost.cpu_seconds / 60
    return (
        f"a run: {least} {minutes:.0f} CPU minutes ({minutes / 2:.0f} to {minutes:.0f} by the clock on two cores) and "
        f"{cost.gigabytes:.1f} GB of memory; measured: {len(runs)} run{'s' if len(runs) > 1 else ''} of up to "
        f"{int(runs['series'].iloc[-1]):,} series and {largest:,} days on sale; many departments take longer"
    )


def along(x: float, xs: list[float], ys: list[float]) -> float:
    """The height at `x` of a line through points that ascend in `xs`, flat before the first, straight on after it."""
    if x <= xs[0] or len(xs) == 1:
        return ys[0]
    right = next((place for place, limit in enumerate(xs) if x <= limit), len(xs) - 1)
    slope = (ys[right] - ys[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + slope * (x - xs[right - 1])
