"""What was measured on one machine, carried to a retailer of ten million series; scale.md states the assumptions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

SERIES, SERIES_OF_A_TASK = 10_000_000, 10_000
WORKER_CORES, TASK_CORES = 16, 2
WORKER_GIGABYTES, USABLE_MEMORY = 64.0, 0.75
WINDOW_HOURS, USABLE_WINDOW = 2.0, 0.75


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of the size with which the cost grows: the slope of logarithms by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def at(size: float, sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The cost at a size, on the line of `exponent`."""
    slope, level = np.polyfit(np.log(sizes), np.log(costs), 1)
    return float(np.exp(level + slope * math.log(size)))


def plan(series: Sequence[float], cpu_seconds: Sequence[float], peak_gigabytes: Sequence[float]) -> str:
    """The machines that `SERIES` need, in a table.

    Args:
        series: of each measured training.
        cpu_seconds: what it took.
        peak_gigabytes: what it held.
    """
    seconds = at(SERIES_OF_A_TASK, series, cpu_seconds)
    memory = at(SERIES_OF_A_TASK, series, peak_gigabytes)
    tasks = math.ceil(SERIES / SERIES_OF_A_TASK)
    side_by_side = min(WORKER_CORES // TASK_CORES, int(WORKER_GIGABYTES * USABLE_MEMORY / memory))
    if side_by_side < 1:
        raise ValueError(f"A task of {SERIES_OF_A_TASK:,} series holds {memory:.0f} GB: more than a worker has.")
    core_hours = tasks * seconds / 3600
    workers = math.ceil(core_hours / (side_by_side * TASK_CORES) / (WINDOW_HOURS * USABLE_WINDOW))
    rows = {
        "CPU seconds grow as": f"series^{exponent(series, cpu_seconds):.2f}",
        "memory grows as": f"series^{exponent(series, peak_gigabytes):.2f}",
        f"a task of {SERIES_OF_A_TASK:,} series": f"{seconds:.0f} CPU seconds, {memory:.1f} GB",
        f"{tasks:,} tasks": f"{core_hours:,.0f} core hours a night",
        f"tasks side by side on a worker of {WORKER_CORES} cores": f"{side_by_side}",
        f"workers for a night of {WINDOW_HOURS:g} hours": f"{workers}",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])
