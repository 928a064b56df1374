"""From stock and a forecast to an order: what to order of each item, when, and why.

An order has to last from the next sale until the delivery after its own (the protection interval). Stock that covers
this demand with the service level's probability follows from the run's policy: its dispersion and its calibrated
probability, moved to the interval's own demand, as overrides move it (`overridden`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from models_ml.evaluation import counts
from models_ml.inventory.deliveries import next_deliveries
from models_ml.inventory.overridden import dispersion_of, probability_reached
from models_ml.inventory.simulation import in_lots

FIGURES = (
    "order_date", "delivery_date", "next_delivery_date", "expected_demand", "safety_stock", "stock_target", "on_order",
    "needed_units", "order_units", "order_value", "days_until_stockout", "stockout_date", "expected_short",
    "shelf_life_limits",
)  # fmt: skip
TINY = 1e-9


@dataclass(frozen=True)
class Arrivals:
    """What is under way: row of the item, day since 1970, units; an array each."""

    row: np.ndarray
    day: np.ndarray
    units: np.ndarray


def propose(items: pd.DataFrame, daily: np.ndarray, arrivals: Arrivals) -> pd.DataFrame:
    """Order proposals.

    Args:
        items: one row an item in a store. first_day (days since 1970 of the first column of `daily`); start (first
            day on which an order can be placed, not before first_day); on_hand; price (NaN: unknown);
            lead_time_days, review_period_days, order_weekdays, delivery_weekdays (see `next_deliveries`); pack_size;
            minimum_order; shelf_life_days (NaN: keeps); service_level; and the policy's: policy_service_level,
            policy_expected_demand, policy_expected_short, policy_order_up_to, all for the model's forecast.
        daily: final units, items x days.
        arrivals: of the items.

    Returns:
        `FIGURES` on the index of `items`, days as days since 1970; all NaN where the forecast ends before the
        interval. `on_order` is what arrives within the protection interval. `expected_short`: units expected to be
        asked for in vain before the order arrives. `days_until_stockout`: from the start on, at the mean forecast;
        NaN where stock lasts beyond the forecast.
    """
    days = daily.shape[1]
    rows = np.arange(len(items))
    given = {str(name): items[name].to_numpy() for name in items}
    first, start = given["first_day"], given["start"]
    when = next_deliveries(
        start,
        given["lead_time_days"],
        given["review_period_days"],
        given["order_weekdays"],
        given["delivery_weekdays"],
    )
    reached = when.next_delivery - first <= days
    sums = np.concatenate([np.zeros((len(items), 1)), np.cumsum(daily, axis=1, dtype=np.float64)], axis=1)

    def until(day: np.ndarray) -> np.ndarray:
        """Demand from the start to the morning of a day."""
        return np.asarray(sums[rows, np.clip(day - first, 0, days)] - sums[rows, np.clip(start - first, 0, days)])

    expected = until(when.next_delivery)
    dispersion = dispersion_of(
        given["policy_expected_demand"],
        given["policy_order_up_to"].astype(np.float64),
        given["policy_expected_short"],
    )
    target = stock_target_of(given, expected, dispersion)
    there = _there_by(arrivals, given, days)
    on_order = there[rows, np.clip(when.next_delivery - 1 - first, 0, days)]
    needed = np.maximum(target - given["on_hand"] - on_order, 0.0)
    needed = np.where(needed > TINY, np.ceil(needed - TINY), 0.0)
    pack = np.maximum(given["pack_size"], 1)
    order = in_lots(needed, pack, given["minimum_order"])
    least = in_lots(np.ones(len(items)), pack, given["minimum_order"])
    sellable = _sellable(given, daily, sums, when.delivery)
    # One lot is bought even where a part of it will spoil: without it the item is missing altogether.
    limit = np.maximum(np.floor(np.maximum(sellable - given["on_hand"] - on_order, 0.0) / pack) * pack, least)
    limited = order > limit
    order = np.minimum(order, limit)
    before = given["on_hand"] + there[rows, np.clip(when.delivery - 1 - first, 0, days)]
    out = _runs_out(given["on_hand"], sums, there, start - first)
    table = {
        "order_date": when.order,
        "delivery_date": when.delivery,
        "next_delivery_date": when.next_delivery,
        "expected_demand": expected,
        "safety_stock": target - expected,
        "stock_target": target,
        "on_order": on_order,
        "needed_units": needed,
        "order_units": order,
        "order_value": order * given["price"],
        "days_until_stockout": out,
        "stockout_date": start + np.floor(out),
        "expected_short": counts.expected_short(until(when.delivery), dispersion, np.floor(before)),
        "shelf_life_limits": limited.astype(float),
    }
    return pd.DataFrame(table, index=items.index).astype(float).where(pd.Series(reached, index=items.index))


def stock_target_of(given: dict[str, np.ndarray], expected: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Whole units that cover the interval's demand with the service level's probability.

    At the policy's own demand and service level it is the policy's order-up-to level. Another service level moves the
    policy's calibrated probability by as much on the normal scale. More demand or a higher service level never
    lowers the target.

    Args:
        given: columns of `propose`.
        expected: mean demand over the interval.
        dispersion: of demand, one value an item.
    """
    known, level = given["policy_expected_demand"], given["policy_order_up_to"].astype(np.float64)
    own, service = given["policy_service_level"], given["service_level"]
    asked = probability_reached(level, known, dispersion, own)
    moved = np.where(service == own, asked, ndtr(ndtri(asked) + ndtri(service) - ndtri(own)))
    asked = np.clip(moved, 1e-6, 1 - 1e-6)
    target = np.ceil(counts.quantiles(expected, dispersion, asked[:, None])[:, 0].astype(np.float64))
    target = np.where((expected >= known) & (service >= own), np.maximum(target, level), target)
    return np.where((expected <= known) & (service <= own), np.minimum(target, level), target)


def _there_by(arrivals: Arrivals, given: dict[str, np.ndarray], days: int) -> np.ndarray:
    """What has arrived by each day, in time for its sales: items x (days + 1), the last column with all.

    What is late arrives on the first day.
    """
    table = np.zeros((len(given["on_hand"]), days + 1))
    day = np.maximum(arrivals.day, given["start"][arrivals.row]) - given["first_day"][arrivals.row]
    np.add.at(table, (arrivals.row, np.clip(day, 0, days)), arrivals.units)
    return np.asarray(table.cumsum(axis=1))


def _sellable(given: dict[str, np.ndarray], daily: np.ndarray, sums: np.ndarray, delivery: np.ndarray) -> np.ndarray:
    """Units expected to be sold until a delivery's shelf life ends; beyond the forecast at its mean day's demand."""
    days, rows = daily.shape[1], np.arange(len(daily))
    keeps = np.isnan(given["shelf_life_days"])
    end = delivery + np.where(keeps, 0, given["shelf_life_days"]).astype(int) - given["first_day"]
    known = sums[rows, np.clip(end, 0, days)] - sums[rows, np.clip(given["start"] - given["first_day"], 0, days)]
    return np.where(keeps, np.inf, known + np.maximum(end - days, 0) * daily.mean(axis=1))


def _runs_out(on_hand: np.ndarray, sums: np.ndarray, there: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Days from the start until the mean forecast has used up what is there; NaN where it lasts."""
    rows, days = np.arange(len(sums)), sums.shape[1] - 1
    used = sums - sums[rows, np.clip(offset, 0, days)][:, None]
    stock = on_hand[:, None] + there[:, :days]
    short = (used[:, 1:] > stock + TINY) & (np.arange(days) >= offset[:, None])
    day = short.argmax(axis=1)
    left = stock[rows, day] - used[rows, day]
    sold = np.maximum(used[rows, day + 1] - used[rows, day], TINY)
    return np.where(short.any(axis=1), day - offset + np.clip(left / sold, 0.0, 1 - TINY), np.nan)
