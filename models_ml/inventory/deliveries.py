"""When orders are placed and delivered: lead times, order weekdays and delivery weekdays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ANY_WEEKDAY = 127
"""Weekdays are bits: 1 is Monday, 64 Sunday."""

_THURSDAY = 3
"""Day 0, 1970-01-01."""

_WAITS = np.array(
    [
        [next((n for n in range(7) if bits >> (weekday + n) % 7 & 1), 0) for weekday in range(7)]
        for bits in range(ANY_WEEKDAY + 1)
    ]
)
"""Days from a weekday to the next one that is among the bits; 0 without any."""


@dataclass(frozen=True)
class Deliveries:
    """Of each series: days since 1970 of the next order, of its delivery, and of the delivery after that.

    An order is placed in the morning, `lead_time_days` before the morning from which its goods can be sold.
    """

    order: np.ndarray
    delivery: np.ndarray
    next_delivery: np.ndarray


def next_on(day: np.ndarray, weekdays: np.ndarray) -> np.ndarray:
    """The first day, from `day` on, whose weekday is among the bits; 0 bits: `day` itself."""
    return np.asarray(day + _WAITS[weekdays, (day + _THURSDAY) % 7])


def next_deliveries(
    start: np.ndarray,
    lead_time_days: np.ndarray,
    review_period_days: np.ndarray,
    order_weekdays: np.ndarray,
    delivery_weekdays: np.ndarray,
) -> Deliveries:
    """The next order that can be placed, when it arrives, and when the one after it does.

    With order weekdays, the order after it is placed on the next of them. With delivery weekdays alone, an order can be
    placed on any day, and the next delivery is on the next of them. With neither, orders are a review period apart.

    Args:
        start: first day on which an order can be placed, in days since 1970.
        lead_time_days, review_period_days: whole days.
        order_weekdays, delivery_weekdays: bits; 0: any day.
    """
    order = next_on(start, order_weekdays)
    delivery = next_on(order + lead_time_days, delivery_weekdays)
    unbound = (order_weekdays == 0) & (delivery_weekdays == 0)
    following, last = delivery, order
    while (waits := following <= delivery).any():  # an order that would come with the same delivery can wait
        later = np.where(unbound, last + review_period_days, next_on(last + 1, order_weekdays))
        last = np.where(waits, later, last)
        following = np.where(waits, next_on(last + lead_time_days, delivery_weekdays), following)
    return Deliveries(order, delivery, following)


@dataclass(frozen=True)
class Reviews:
    """Orders of a stretch of days: when they are placed, when they arrive, and how long they have to last.

    Attributes:
        day: days since the first morning, increasing; an order is placed before the sales of this day.
        arrival: the morning from which its goods can be sold, on the same count.
        length: days from the order to the morning on which the next one arrives.
    """

    day: np.ndarray
    arrival: np.ndarray
    length: np.ndarray


def reviews_of(
    first_day: int, days: int, lead_time_days: int, review_period_days: int, order_weekdays: int, delivery_weekdays: int
) -> Reviews:
    """All orders of a stretch of days. With weekdays, each delivery is ordered on the last day on which it can be.

    Args:
        first_day: since 1970.
        days: in which orders are placed.
        lead_time_days, review_period_days: whole days.
        order_weekdays, delivery_weekdays: bits; 0: any day. With neither, orders are a review period apart.
    """
    if order_weekdays == 0 and delivery_weekdays == 0:
        day = np.arange(0, days, review_period_days)
        return Reviews(day, day + lead_time_days, np.full(len(day), lead_time_days + review_period_days))
    every = np.arange(days + 15)  # beyond the last order there is one more, whatever the weekdays
    placed = every[next_on(first_day + every, np.full(len(every), order_weekdays)) == first_day + every]
    arrival = next_on(first_day + placed + lead_time_days, np.full(len(placed), delivery_weekdays)) - first_day
    last = np.append(np.diff(arrival) > 0, False)
    placed, arrival = placed[last], arrival[last]
    length, own = arrival[1:] - placed[:-1], placed[:-1] < days
    return Reviews(placed[:-1][own], arrival[:-1][own], length[own])
