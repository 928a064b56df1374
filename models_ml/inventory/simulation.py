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
    """

    demand: np.ndarray
    sales: np.ndarray
    stock: np.ndarray
    arrivals: np.ndarray
    orders: np.ndarray

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


def simulate(
    demand: np.ndarray, order_up_to: np.ndarray, reviews: np.ndarray, lead_time: int, on_hand: np.ndarray
) -> Outcome:
    """Simulate a periodic-review policy against real demand, with lost sales.

    At the close of a review day an order raises stock and orders under way to the order-up-to level; it arrives
    `lead_time` whole days later, before the sales of the day after these.

    Args:
        demand: series x days, units that customers ask for.
        order_up_to: series x reviews.
        reviews: days after whose close orders are placed, increasing; 0 is the close of the day before the first.
        lead_time: days between the close at which an order is placed and the first day it can miss; 0 arrives
            before the next day's sales.
        on_hand: stock at the start, one value a series.
    """
    series, days = demand.shape
    stock = on_hand.astype(np.float64)
    under_way = np.zeros((series, days + lead_time + 2))
    outcome = Outcome(demand, *(np.zeros((series, days)) for _ in range(4)))
    level_at = {int(day): number for number, day in enumerate(reviews)}
    for day in range(days + 1):  # `day` days have closed
        if day > 0:
            today = day - 1
            outcome.arrivals[:, today] = under_way[:, today]
            stock = stock + under_way[:, today]
            sold = np.minimum(stock, demand[:, today])
            stock = stock - sold
            outcome.sales[:, today], outcome.stock[:, today] = sold, stock
        if day in level_at:
            position = stock + under_way[:, day:].sum(axis=1)
            order = np.maximum(order_up_to[:, level_at[day]] - position, 0.0)
            under_way[:, day + lead_time] += order
            if day > 0:
                outcome.orders[:, day - 1] = order
    return outcome
