"""Day-by-day simulation of stock: orders arrive, customers buy, and demand beyond the stock is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """Simulated days of each series; all arrays are series x days.

    Attributes:
        demand: units asked for.
        sales: units sold.
        stock: units on the shelf at the close of a day.
        arrivals: units that arrived before the day's sales.
        orders: units ordered at the close of a day; the column before the first day is left out.
        wasted: units that were unsold at the close of the last day of their shelf life.
    """

    demand: np.ndarray
    sales: np.ndarray
    stock: np.ndarray
    arrivals: np.ndarray
    orders: np.ndarray
    wasted: np.ndarray

    @property
    def lost(self) -> np.ndarray:
        """Units asked for in vain."""
        return np.asarray(self.demand - self.sales)


def steady_start(level: np.ndarray, expected_review: np.ndarray) -> np.ndarray:
    """Stock on hand at a review in steady state: the order-up-to level less what a review period sells.

    Args:
        level: order-up-to level of the first review, one value a series.
        expected_review: expected demand of a review period.
    """
    return np.asarray(np.maximum(np.round(level - expected_review), 0.0))


@dataclass(frozen=True)
class Limits:
    """What bounds orders and stock; one value a series.

    Attributes:
        pack_size: units of a pack, at least 1.
        minimum_order: fewest units of an order.
        shelf_life_days: days from its arrival on which a unit can be sold; NaN: it keeps.
    """

    pack_size: np.ndarray
    minimum_order: np.ndarray
    shelf_life_days: np.ndarray


def in_lots(needed: np.ndarray, pack_size: np.ndarray, minimum_order: np.ndarray) -> np.ndarray:
    """Units to order of those that are needed: in whole packs, and at least the minimum; none where none is needed."""
    least = np.ceil(np.maximum(minimum_order, pack_size) / pack_size) * pack_size
    return np.asarray(np.where(needed > 0, np.maximum(np.ceil(needed / pack_size) * pack_size, least), 0.0))


def simulate(
    demand: np.ndarray,
    order_up_to: np.ndarray,
    reviews: np.ndarray,
    lead_time: int | np.ndarray,
    on_hand: np.ndarray,
    limits: Limits | None = None,
) -> Outcome:
    """Simulate a periodic-review policy against real demand, with lost sales.

    At the close of a review day an order raises stock and orders under way to the order-up-to level; it arrives
    `lead_time` whole days later, before the sales of the day after these. The oldest units are sold first.

    Args:
        demand: series x days, units that customers ask for.
        order_up_to: series x reviews.
        reviews: days after whose close orders are placed, increasing; 0 is the close of the day before the first.
        lead_time: days between the close at which an order is placed and the first day it can miss; 0 arrives
            before the next day's sales. One value, or one a review.
        on_hand: stock at the start, one value a series; all of it fresh.
        limits: of the series; None: orders of any size, and units that keep.
    """
    series, days = demand.shape
    leads = np.broadcast_to(lead_time, len(reviews))
    keeps = limits is None or bool(np.isnan(limits.shelf_life_days).all())
    longest = 1 if keeps else int(np.nanmax(limits.shelf_life_days))  # type: ignore[union-attr]
    ages = np.zeros((series, longest + 1))  # units by days since their arrival; the last column has all that keep
    ages[:, -1 if keeps else 0] = on_hand
    under_way = np.zeros((series, days + int(leads.max(initial=0)) + 2))
    outcome = Outcome(demand, *(np.zeros((series, days)) for _ in range(5)))
    number_of = {int(day): number for number, day in enumerate(reviews)}
    for day in range(days + 1):  # `day` days have closed
        if day > 0:
            today = day - 1
            outcome.arrivals[:, today] = under_way[:, today]
            ages[:, -1] += ages[:, -2]
            ages[:, 1:-1] = ages[:, :-2]
            ages[:, 0] = under_way[:, today]
            sold = np.minimum(ages.sum(axis=1), demand[:, today])
            older = np.cumsum(ages[:, ::-1], axis=1)[:, ::-1] - ages
            ages -= np.clip(sold[:, None] - older, 0.0, ages)
            if not keeps:
                outcome.wasted[:, today] = _spoil(ages, limits.shelf_life_days)  # type: ignore[union-attr]
            outcome.sales[:, today], outcome.stock[:, today] = sold, ages.sum(axis=1)
        if day in number_of:
            number = number_of[day]
            position = ages.sum(axis=1) + under_way[:, day:].sum(axis=1)
            order = np.maximum(order_up_to[:, number] - position, 0.0)
            if limits is not None:
                order = in_lots(order, limits.pack_size, limits.minimum_order)
            under_way[:, day + leads[number]] += order
            if day > 0:
                outcome.orders[:, day - 1] = order
    return outcome


def _spoil(ages: np.ndarray, shelf_life_days: np.ndarray) -> np.ndarray:
    """Take out what was on its last day; gives the units."""
    rows = np.flatnonzero(~np.isnan(shelf_life_days))
    column = shelf_life_days[rows].astype(int) - 1
    wasted = np.zeros(len(ages))
    wasted[rows] = ages[rows, column]
    ages[rows, column] = 0.0
    return wasted


def sold_in_shelf_life(units: np.ndarray, lead_days: int, shelf_life_days: np.ndarray) -> np.ndarray:
    """Units expected from an order until the shelf life of its goods ends; infinite where they keep.

    Args:
        units: series x days, from the order on; beyond them a day has the mean of all.
        lead_days: from the order to its arrival.
        shelf_life_days: one value a series.
    """
    known = units.shape[1]
    sums = np.concatenate([np.zeros((len(units), 1)), np.cumsum(units, axis=1, dtype=np.float64)], axis=1)
    end = lead_days + np.nan_to_num(shelf_life_days).astype(int)
    sold = sums[np.arange(len(units)), np.minimum(end, known)] + np.maximum(end - known, 0) * sums[:, -1] / max(
        known, 1
    )
    return np.where(np.isnan(shelf_life_days), np.inf, sold)
