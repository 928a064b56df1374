"""Demand classes by how often and how evenly a series sells.

Source: Syntetos, Boylan, Croston, "On the categorization of demand patterns", Journal of the Operational Research
Society 56 (2005): average demand interval against 1.32, squared coefficient of variation of sizes against 0.49.
"""

from __future__ import annotations

import numpy as np

ADI_CUT = 1.32
CV2_CUT = 0.49
CLASS_DAYS = 364
"""Recent days that a series is classed by: a whole year."""

NEW_DAYS = 56
"""Days on sale below which a series is `new`: too young for a class."""


def demand_classes(units: np.ndarray, days_on_sale: np.ndarray) -> np.ndarray:
    """Class of each series.

    Args:
        units: series x recent days, zero before launch.
        days_on_sale: days since launch, one value a series.

    Returns:
        `smooth`, `erratic`, `intermittent`, `lumpy` or `new`, one a series.
    """
    days = np.clip(days_on_sale, 1, units.shape[1])
    sold = units > 0
    count = sold.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = days / count
        mean = units.sum(axis=1, dtype=np.float64) / count
        variance = (units.astype(np.float64) ** 2).sum(axis=1) / count - mean**2
        cv2 = variance / mean**2
    seldom, uneven = interval >= ADI_CUT, cv2 >= CV2_CUT
    names = np.array([["smooth", "erratic"], ["intermittent", "lumpy"]], dtype=object)
    classes = names[seldom.astype(int), np.nan_to_num(uneven).astype(int)]
    classes[(days_on_sale < NEW_DAYS) | (count == 0)] = "new"
    return np.asarray(classes, dtype=object)
