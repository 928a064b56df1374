"""Weeks that elasticities are estimated from: without clearances and what follows them.

An item that is being discontinued is marked down because it no longer sells. Its lowest prices then coincide with its
lowest sales, and an elasticity estimated from them has the wrong sign. Three marks identify such weeks:

- an absence: weeks without a sale in which the series, at its mean rate, would have sold `LEAST_MISSED` units. It was
  not available: delisted, out of season or out of stock. Sales after an absence are a new life with its own level;
- a run-out: up to `RUN_OUT_WEEKS` before an absence, or before the newest week, since a price cut that was
  not reversed. An offer ends and the price returns; a clearance lasts to the last unit;
- a price further than `ORDINARY` from the usual one of its series, without a declared flag that explains it.

The second and third mark depend on prices alone, never on sales: leaving out a lasting price cut costs information but
adds no bias.
"""

from __future__ import annotations

import numpy as np

LEAST_MISSED = 10.0
"""Units that a series would have sold at its mean rate in an absence; the probability by chance is exp(-10)."""
RUN_OUT_WEEKS = 26
"""A cut that lasts longer is the new regular price."""
ORDINARY = 0.15
"""Logarithm of the largest ratio between a price and the median of its series."""


def lives_of(units: np.ndarray, priced: np.ndarray) -> np.ndarray:
    """Number of each week's life, from 0 on; -1 in absences: int64, series x weeks.

    Args:
        units: of a week, series x weeks.
        priced: bool, series x weeks: the series had a price.
    """
    absent = absences(units, priced)
    begun = ~absent & np.pad(absent, ((0, 0), (1, 0)), constant_values=True)[:, :-1]
    return np.where(absent, -1, np.cumsum(begun, axis=1) - 1)


def ordinary_weeks(log_price: np.ndarray, lives: np.ndarray, explained: np.ndarray, least_move: float) -> np.ndarray:
    """Weeks that elasticities are learned from: bool, series x weeks.

    Args:
        log_price: logarithm of the price, series x weeks; NaN in weeks without one.
        lives: see `lives_of`.
        explained: bool, series x weeks: a declared flag explains the price.
        least_move: smaller moves of `log_price` are ignored.
    """
    alive = np.isfinite(log_price) & (lives >= 0) & ~run_outs(log_price, lives, least_move)
    in_order = np.sort(np.where(alive, log_price, np.inf), axis=1)
    middle = np.maximum(alive.sum(axis=1, keepdims=True) - 1, 0) // 2
    usual = np.take_along_axis(in_order, middle, axis=1)  # the median; infinite where no week is alive
    return np.asarray(alive & ((np.abs(np.where(alive, log_price, 0.0) - usual) <= ORDINARY) | explained))


def run_outs(log_price: np.ndarray, lives: np.ndarray, least_move: float) -> np.ndarray:
    """Weeks since a cut that was not taken back before the end of its life: bool, series x weeks."""
    count, weeks = log_price.shape
    cut_after = np.zeros(log_price.shape, dtype=bool)
    highest, age = np.full(count, -np.inf), np.zeros(count)  # of the weeks from here to the end of this life
    for week in reversed(range(weeks)):
        ended = lives[:, week] < 0
        price = np.where(np.isfinite(log_price[:, week]) & ~ended, log_price[:, week], -np.inf)
        cut_after[:, week] = np.isfinite(highest) & (price > highest + least_move) & (age <= RUN_OUT_WEEKS)
        highest = np.where(ended, -np.inf, np.maximum(highest, price))
        age = np.where(ended, 0, age + 1)
    found, running = np.zeros(log_price.shape, dtype=bool), np.zeros(count, dtype=bool)
    for week in range(weeks):
        found[:, week] = running & (lives[:, week] >= 0)
        running = (running | cut_after[:, week]) & (lives[:, week] >= 0)
    return found


def absences(units: np.ndarray, priced: np.ndarray) -> np.ndarray:
    """Weeks of stretches without a sale (or a price) that are no chance: bool, series x weeks."""
    sold = priced & (units > 0)
    weeks = units.shape[1]
    number = np.arange(weeks)[None, :]
    first, last = sold.argmax(axis=1)[:, None], weeks - 1 - sold[:, ::-1].argmax(axis=1)[:, None]
    mean = (units * sold).sum(axis=1) / np.maximum((priced & (number >= first) & (number <= last)).sum(axis=1), 1)
    # The stretch around each week: from the sale before it to the sale after it. Weeks before a launch are not missed.
    missed = np.pad(np.cumsum(priced | (number > first), axis=1), ((0, 0), (1, 0)))
    since = np.maximum.accumulate(np.where(sold, number + 1, 0), axis=1)
    until = np.minimum.accumulate(np.where(sold, number, weeks)[:, ::-1], axis=1)[:, ::-1]
    length = np.take_along_axis(missed, until, axis=1) - np.take_along_axis(missed, since, axis=1)
    return np.asarray(~sold & (mean[:, None] * length >= LEAST_MISSED))
