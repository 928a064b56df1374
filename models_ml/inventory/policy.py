"""Periodic review: each review orders up to a level that covers demand until the next order arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models_ml.evaluation import counts

if TYPE_CHECKING:
    from models_ml.inventory.interval import IntervalSpread

FIGURES = [
    "expected_demand",
    "safety_stock",
    "reorder_point",
    "order_up_to",
    "expected_short",
    "days_of_cover",
    "mean_stock",
]
"""Figures of a policy."""

POLICY_COLUMNS = ["protection_days", "service_level", *FIGURES]


@dataclass(frozen=True)
class Target:
    """Stock that covers the demand of one interval.

    Attributes:
        level: whole units, one a series.
        expected: mean demand over the interval, as it is forecast.
        short: units expected to be asked for beyond the level.
    """

    level: np.ndarray
    expected: np.ndarray
    short: np.ndarray


def stock_target(
    expected: np.ndarray,
    spread: IntervalSpread,
    service_level: np.ndarray,
    on_sale: np.ndarray,
    shares: np.ndarray | None = None,
) -> Target:
    """The stock that covers demand over an interval with probability `service_level`.

    Stock comes in whole units, so the smallest level that reaches the service level overshoots it; for an item that
    sells a unit a week, by far. With `shares`, a series takes the level below in as many of its orders as keep the
    service level on average.

    Args:
        expected: mean demand over the interval, one value a series.
        spread: of the same series and interval.
        service_level: one value a series.
        on_sale: bool, whether a series is on sale within the interval; otherwise its stock is zero.
        shares: evenly spread numbers in [0, 1), one a series; None: each level reaches the service level.
    """
    expected = np.where(on_sale, expected, 0.0)
    # What such items sold where nothing was forecast is an error of the forecast: safety stock, not expected demand.
    held_for = np.where(on_sale, np.maximum(expected, spread.least), 0.0)
    asked = np.clip(spread.probability(held_for, service_level), 1e-6, 1 - 1e-6)
    level = np.ceil(counts.quantiles(held_for, spread.dispersion, asked[:, None])[:, 0].astype(np.float64))
    if shares is not None:
        reached = counts.cumulative(level, held_for, spread.dispersion)
        below = counts.cumulative(level - 1, held_for, spread.dispersion)
        over = (reached - asked) / np.maximum(reached - below, 1e-12)
        level = np.where((level > 0) & (shares < over), level - 1, level)
    level = np.where(on_sale, level, 0.0)
    return Target(level, expected, counts.expected_short(expected, spread.dispersion, level))


def inventory_policy(
    mean: np.ndarray, terms: pd.DataFrame, spreads: dict[int, IntervalSpread], days_to_launch: np.ndarray
) -> pd.DataFrame:
    """Policy of each series from the origin of a forecast.

    Args:
        mean: series x horizon.
        terms: one row a series (see `terms.terms_of`).
        spreads: of the same series, by length of interval, for each lead time and protection interval.
        days_to_launch: from the origin to the day a series is launched; 0 or less: it is on sale.

    Returns:
        `POLICY_COLUMNS`, one row a series on the index of `terms`. The protection interval is review period + lead
        time: an order must last until the next one has arrived. The reorder point covers the lead time alone: with
        stock below it, an order cannot wait for the next review. Days of cover: how long the order-up-to level lasts
        at the interval's mean daily demand. Mean stock: between what is expected to be on hand when an order has
        arrived and before the next one does.
    """
    protection = (terms["review_period_days"] + terms["lead_time_days"]).to_numpy()
    lead = np.maximum(terms["lead_time_days"].to_numpy(), 1)
    service = terms["service_level"].to_numpy(dtype=float)
    sums = np.concatenate([np.zeros((len(mean), 1)), np.cumsum(mean, axis=1, dtype=np.float64)], axis=1)
    table = pd.DataFrame(0.0, columns=POLICY_COLUMNS, index=terms.index)
    reorder, level, expected, short, on_arrival = (np.zeros(len(mean)) for _ in range(5))

    def target_of(days: int, own: np.ndarray) -> tuple[Target, np.ndarray]:
        spread = spreads[days].take(own)
        return stock_target(sums[own, days], spread, service[own], days_to_launch[own] <= days), spread.dispersion

    for days in np.unique(lead).tolist():
        own = np.flatnonzero(lead == days)
        reorder[own] = target_of(days, own)[0].level
    for days in np.unique(protection).tolist():
        own = np.flatnonzero(protection == days)
        target, dispersion = target_of(days, own)
        # Intervals are calibrated one by one; stock for the longer one must also cover the shorter one.
        level[own] = np.maximum(target.level, reorder[own])
        expected[own] = target.expected
        short[own] = counts.expected_short(target.expected, dispersion, level[own])
    for days in np.unique(lead).tolist():
        own = np.flatnonzero(lead == days)
        target, dispersion = target_of(days, own)
        left = level[own] - target.expected + counts.expected_short(target.expected, dispersion, level[own])
        on_arrival[own] = np.where(terms["lead_time_days"].to_numpy()[own] > 0, left, level[own])
    table["protection_days"], table["service_level"] = protection, service
    table["expected_demand"], table["reorder_point"], table["order_up_to"] = expected, reorder, level
    table["safety_stock"] = level - expected
    table["expected_short"] = short
    daily = expected / protection
    table["days_of_cover"] = np.where(daily > 0, level / np.where(daily > 0, daily, 1.0), 0.0)
    table["mean_stock"] = np.clip((on_arrival + level - expected + short) / 2, 0.0, level)
    return table.astype(dict.fromkeys(("protection_days", "reorder_point", "order_up_to"), int))


def intervals_of(terms: pd.DataFrame) -> list[int]:
    """Lengths of all intervals that the policy of these terms asks for, in days."""
    protection = terms["review_period_days"] + terms["lead_time_days"]
    return sorted({*protection.astype(int), *np.maximum(terms["lead_time_days"].astype(int), 1)})
