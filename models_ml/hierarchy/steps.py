"""Steps of a source's grain: a day, or a week of a weekly source, whose rows stand for seven days each.

Marts and forecasters count days. A day of a weekly source is one seventh of its week and carries no information of its
own, so weekly sums are forecast, scored and published.
"""

from __future__ import annotations

import numpy as np

from models_ml.hierarchy import WEEK_DAYS as WEEK_DAYS

FLOAT32_PRECISION = 2.0**-22


def step_sums(days: np.ndarray, step_days: int) -> np.ndarray:
    """Sums of whole steps along the last axis; the last day must end a step.

    Args:
        days: ... x days; days before the first whole step are ignored.
        step_days: days of a step.

    Returns:
        ... x steps; the days themselves where a step is a day. Sums within float32 precision of a whole number are
        rounded to it: seven float32 sevenths of 5 add up to 5.0000005.
    """
    if step_days == 1:
        return days
    steps = days.shape[-1] // step_days
    whole = days[..., days.shape[-1] - steps * step_days :]
    sums = whole.reshape(*days.shape[:-1], steps, step_days).sum(axis=-1, dtype=np.float64)
    nearest = np.rint(sums)
    is_whole = np.abs(sums - nearest) <= FLOAT32_PRECISION * np.abs(sums)
    return np.asarray(np.where(is_whole, nearest, sums).astype(days.dtype))


def even_days(steps: np.ndarray, step_days: int) -> np.ndarray:
    """Split steps evenly into days: the inverse of `step_sums`, for day-based quantities such as lead times."""
    return steps if step_days == 1 else np.repeat(steps / step_days, step_days, axis=-1)
