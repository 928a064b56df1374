"""Vectorised simple forecasts of daily units: candidates that a strong model must beat."""

from __future__ import annotations

import numpy as np

WEEK, MONTH, YEAR = 7, 28, 364
PROFILE_WEEKS = 13
"""Weeks that the shape of a week is taken from."""

SMOOTHING = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Candidates for the constant of exponential smoothing; each row takes the one that forecast its past best."""

QUARTER = 13 * WEEK
FEW_UNITS, MOST_GROWTH = 5.0, 2.0
"""Units below which a quarter says little of growth, and the most growth in a year that is believed."""

SMOOTHED_DAYS = 2 * YEAR
"""Days that are smoothed."""


def last_week(units: np.ndarray, horizon: int) -> np.ndarray:
    """The last week repeated."""
    return repeated(units[:, -WEEK:], horizon)


def recent_mean(units: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the last four weeks for every day."""
    return np.repeat(units[:, -MONTH:].mean(axis=1, keepdims=True), horizon, axis=1)


def recent_weeks(units: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the last four weeks times a weekday profile."""
    return repeated(week_profile(units) * units[:, -MONTH:].mean(axis=1, keepdims=True), horizon)


def last_year(units: np.ndarray, horizon: int) -> np.ndarray:
    """The same days of last year, times the growth of the last quarter over the same quarter a year before.

    Discontinued rows stay at zero, and seasonal rows come back. Without a year of history, recent weeks are used.
    """
    days = units.shape[1]
    start = days - YEAR
    if start < 0:
        return recent_weeks(units, horizon)
    return np.asarray(units[:, start : start + horizon] * growth(units)[:, None])


def growth(units: np.ndarray) -> np.ndarray:
    """Growth of each row: units of the last quarter over the same quarter a year before; 1 if both are near zero.

    Args:
        units: rows x known days, of a year or more.
    """
    start = units.shape[1] - YEAR
    quarter = min(QUARTER, start)
    now, then = units[:, units.shape[1] - quarter :], units[:, start - quarter : start]
    ratio = (now.sum(axis=1, dtype=np.float64) + FEW_UNITS) / (then.sum(axis=1, dtype=np.float64) + FEW_UNITS)
    return np.asarray(np.minimum(ratio, MOST_GROWTH))


def smoothed(units: np.ndarray, horizon: int) -> np.ndarray:
    """Simple exponential smoothing of units without their weekday profile, times that profile.

    Source: Hyndman, Koehler, Ord, Snyder, "Forecasting with exponential smoothing", 2008, ETS(A,N,N). Each row's
    smoothing constant is the one whose levels best predicted the mean of the following two weeks.
    """
    from scipy.signal import lfilter  # imported lazily: it loads much of scipy

    units = units[:, -SMOOTHED_DAYS:].astype(np.float64)
    days, ahead = units.shape[1], 2 * WEEK
    profile = week_profile(units)
    adjusted = units / np.maximum(np.tile(profile, (1, days // WEEK + 1))[:, -days:], 0.05)
    sums = np.concatenate([np.zeros((len(units), 1)), adjusted.cumsum(axis=1)], axis=1)
    ends = np.arange(days - ahead, max(days - ahead - YEAR, WEEK - 1), -WEEK)
    level, least = adjusted[:, -MONTH:].mean(axis=1), np.full(len(units), np.inf)
    for constant in SMOOTHING if len(ends) else ():
        start = adjusted[:, :MONTH].mean(axis=1, keepdims=True) * (1 - constant)
        levels = lfilter([constant], [1, constant - 1], adjusted, axis=1, zi=start)[0]
        came = (sums[:, ends + ahead] - sums[:, ends]) / ahead
        error = ((levels[:, ends - 1] - came) ** 2).mean(axis=1)
        better = error < least
        level, least = np.where(better, levels[:, -1], level), np.where(better, error, least)
    return repeated(profile * level[:, None], horizon)


CANDIDATES = {function.__name__: function for function in (last_week, recent_mean, recent_weeks, last_year, smoothed)}
"""Every candidate, a function of units (rows x known days) and a horizon in days, to rows x horizon."""


def forecasts(units: np.ndarray, horizon: int) -> np.ndarray:
    """All candidates: float64, candidates x rows x horizon."""
    return np.stack([candidate(units, horizon).astype(np.float64) for candidate in CANDIDATES.values()])


def week_profile(units: np.ndarray) -> np.ndarray:
    """Weekday profile, rows x 7, mean 1 (0 without sales); the first weekday is that of the first forecast day."""
    weeks = max(1, min(PROFILE_WEEKS, units.shape[1] // WEEK))
    mean = units[:, -WEEK * weeks :].reshape(len(units), weeks, -1).mean(axis=1)
    return np.asarray(mean / np.maximum(mean.mean(axis=1, keepdims=True), 1e-9))


def repeated(week: np.ndarray, horizon: int) -> np.ndarray:
    """A week repeated through the horizon."""
    return np.tile(week, (1, -(-horizon // WEEK)))[:, :horizon]
