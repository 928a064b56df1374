"""Own-price elasticities from weekly sales: a Poisson regression with series and week effects.

Sales of series s in week w are expected to be exp(a_s + g_nw + e x_sw), x the logarithm of the price and n the
series' store and department. The series effect absorbs the level of a series. The week effect absorbs what
moves the whole department of the store (season, events, growth). An elasticity is therefore identified by prices that
moved relative to the rest of the department. The Poisson score is consistent whatever the variance, and weeks without
sales need no special case (Santos Silva and Tenreyro, The Log of Gravity, Review of Economics and Statistics 88(4),
2006).

Week effects exclude substitution: when all prices of a department move together, the department responds less than
the elasticities of its items suggest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, special

BLOCK_WEEKS = 13
"""Weeks of a cluster: residuals of one item are correlated within it."""
LEAST_CHANGES = 2
"""Price changes that an item needs for an estimate of its own."""
LEAST_MOVE = 0.01
"""Smallest relative price move that counts."""
LEAST_ALONE = 0.01
"""Least share of a price's variance that neither its department nor promotions explain."""
CONFIDENCE = 0.95
TOLERANCE, ROUNDS, SWEEPS = 1e-5, 60, 3
LARGEST_STEP, LARGEST_ITEM = 1.0, 20.0
"""Bounds of one Newton step, and of an item's own estimate before shrinkage to its department."""
FAR, FEWEST_TO_COMPARE = 3.5, 10
"""Standard deviations beyond which an item's own estimate is no longer believed, and items that such are told among."""
MIDDLE_HALF = 1.349
"""Standard deviations of a normal distribution between its quartiles."""


@dataclass(frozen=True)
class Panel:
    """Weeks of series of one department.

    Attributes:
        units: float64, series x weeks. Lives of one series may be rows of their own.
        log_price: float64, series x weeks; NaN in weeks that do not count (not on sale, no price, a clearance).
        controls: float64, columns x series x weeks: what else moved sales (promotion flags), may be empty.
        group: of each series, code of its store and department, which has a week effect.
        item: of each series, code of its item.
    """

    units: np.ndarray
    log_price: np.ndarray
    controls: np.ndarray
    group: np.ndarray
    item: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """An elasticity, or several, with their uncertainty.

    Attributes:
        value: percent of units for a percent of price.
        error: standard error.
        low, high: bounds of the 95 % interval.
    """

    value: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Elasticities:
    """Elasticity estimates of a department.

    Attributes:
        department: of the department: one value; NaN where no price moved.
        spread: standard deviation of items around it, beyond their estimates' errors.
        items: one a code of `Panel.item`: the item's own estimate drawn towards the department's.
        own: bool, one an item: whether it has an estimate of its own.
        changes: one an item, price changes seen in all its series.
        clusters: items that the department's standard error rests on.
    """

    department: Estimate
    spread: float
    items: Estimate
    own: np.ndarray
    changes: np.ndarray
    clusters: int


def estimate(panel: Panel, count: int | None = None) -> Elasticities:
    """Elasticities of a department and of its items, `count` of them (those in the panel, if it is not given).

    The department's standard error is clustered by item, and its interval is Student's with as many degrees of freedom
    as the items that tell it are worth. An item's own error is clustered by blocks of weeks and, since those are few,
    not smaller than quasi-Poisson's. Items are drawn towards their mean in proportion to their errors relative to
    their dispersion (DerSimonian and Laird, Controlled Clinical Trials 7(3), 1986); intervals count both.
    """
    count = int(panel.item.max(initial=-1)) + 1 if count is None else count
    changes = np.bincount(panel.item, price_changes(panel.log_price), count).astype(np.int64)
    fit = fit_poisson(panel)
    if fit is None:
        nothing = np.full(count, np.nan)
        none = Estimate(*(np.array([np.nan]),) * 4)
        return Elasticities(none, np.nan, Estimate(*(nothing,) * 4), np.zeros(count, bool), changes, 0)
    reach = special.stdtrit(fit.freedom, (1 + CONFIDENCE) / 2)
    value, error = np.array([fit.value]), np.array([fit.error])
    department = Estimate(value, error, value - reach * error, value + reach * error)
    own_value, own_variance = of_items(panel, fit, count)
    own = (changes >= LEAST_CHANGES) & np.isfinite(own_variance)
    own_value[own] = without_outliers(own_value[own])
    mean, mean_variance, spread, wider = spread_of(own_value[own], own_variance[own], fit)
    weight = np.zeros(count)  # of the item's own estimate
    weight[own] = wider**2 / (wider**2 + own_variance[own])
    drawn = weight * np.where(own, own_value, 0.0) + (1 - weight) * mean
    variance = (1 - weight) * wider**2 + (1 - weight) ** 2 * mean_variance
    wide = special.ndtri((1 + CONFIDENCE) / 2) * np.sqrt(variance)
    items = Estimate(drawn, np.sqrt(variance), drawn - wide, drawn + wide)
    return Elasticities(department, spread, items, own, changes, fit.clusters)


def price_changes(log_price: np.ndarray) -> np.ndarray:
    """Changes of at least `LEAST_MOVE` from one week with a price to the next: one a series."""
    last = np.full(len(log_price), np.nan)
    changes = np.zeros(len(log_price))
    for week in log_price.T:
        there = np.isfinite(week)
        changes += there & np.isfinite(last) & (np.abs(week - np.nan_to_num(last)) >= LEAST_MOVE)
        last = np.where(there, week, last)
    return changes


@dataclass(frozen=True)
class Fit:
    """A department's regression: elasticity, its error, and what its items' regressions start from."""

    value: float
    error: float
    freedom: float
    clusters: int
    valid: np.ndarray
    offset: np.ndarray


def fit_poisson(panel: Panel) -> Fit | None:
    """Poisson maximum likelihood with series and group x week effects; None where no price moved by itself.

    Effects have closed forms given the coefficients, and are swept in turn; the coefficients take Newton steps on
    columns from which the effects are swept out with the expected units as weights.
    """
    membership = sparse.csr_array(
        (np.ones(len(panel.group)), (panel.group, np.arange(len(panel.group)))),
        shape=(int(panel.group.max(initial=-1)) + 1, len(panel.group)),
    )
    valid = counted(panel, membership)
    if not valid.any():
        return None
    units = np.where(valid, panel.units, 0.0)
    columns = [np.where(valid, panel.log_price, 0.0), *(np.where(valid, control, 0.0) for control in panel.controls)]
    columns = [column - centre(column, valid) for column in columns]
    moving = [column for column in columns[1:] if np.abs(column).max() > 0]
    if np.abs(columns[0]).max() < LEAST_MOVE / 10:
        return None
    x = np.stack([columns[0], *moving]) * valid
    effects = Effects(membership, valid, units)
    coefficients, swept = np.zeros(len(x)), np.zeros_like(x)
    rows, cells = np.zeros((len(x), len(units))), np.zeros((len(x), membership.shape[0], units.shape[1]))
    for _ in range(ROUNDS):
        expected = effects.expected(np.exp(np.tensordot(coefficients, x, 1)) * valid)
        for number, column in enumerate(x):
            swept[number] = effects.swept(column, expected, rows[number], cells[number])
        score = np.array([(column * (units - expected)).sum() for column in swept])
        information = np.array([[(a * b * expected).sum() for b in swept] for a in swept])
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return None
        coefficients = coefficients + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < TOLERANCE:
            break
    else:
        return None
    # Of the price alone: the column from which the controls, too, are swept out.
    alone = swept[0]
    if len(swept) > 1:
        alone = alone - np.tensordot(np.linalg.solve(information[1:, 1:], information[1:, 0]), swept[1:], 1)
    score_of = np.bincount(panel.item, (alone * (units - expected)).sum(axis=1))
    told_by = np.bincount(panel.item, (alone**2 * expected).sum(axis=1))
    clusters = int((told_by > 0).sum())
    if told_by.sum() < LEAST_ALONE * (x[0] ** 2 * expected).sum():
        return None  # the price moved only with the controls or with the whole department: not identified
    if clusters < 2 or not np.isfinite(coefficients).all():
        return None
    error = np.sqrt(clustered_variance(score_of[:, None], told_by[:, None]).sum())
    freedom = max(1.0, told_by.sum() ** 2 / (told_by**2).sum() - 1)
    offset = np.log(np.maximum(effects.week[panel.group], 1e-300)) + np.tensordot(coefficients[1:], x[1:], 1)
    return Fit(float(coefficients[0]), float(error), float(freedom), clusters, valid, offset)


def clustered_variance(score: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Variance of estimates from the scores of their clusters, each estimate a column.

    A cluster's score is divided by what is left without it of the information (CR3, close to a jackknife: MacKinnon,
    Nielsen and Webb, Journal of Econometrics 232(2), 2023), so that few large clusters do not look certain.

    Args:
        score, information: clusters x estimates, at the estimates.
    """
    whole = information.sum(axis=0)
    count = (information > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.maximum(1 - information / whole, 1e-6)
        parts = (score / left) ** 2 / whole**2 * (count - 1) / count
    return np.asarray(parts.sum(axis=0))


def counted(panel: Panel, membership: sparse.csr_array) -> np.ndarray:
    """Informative cells: priced, in a series and a week of its group with sales."""
    valid = np.isfinite(panel.log_price)
    before = -1
    while before != valid.sum():
        before = valid.sum()
        units = np.where(valid, panel.units, 0.0)
        valid &= (units.sum(axis=1) > 0)[:, None]
        valid &= (membership @ units > 0)[panel.group]
    return np.asarray(valid)


def centre(column: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean of each series over its cells."""
    return np.asarray((column.sum(axis=1) / np.maximum(valid.sum(axis=1), 1))[:, None])


class Effects:
    """Series and group x week effects, swept in turn from where they were."""

    def __init__(self, membership: sparse.csr_array, valid: np.ndarray, units: np.ndarray) -> None:
        self.membership, self.valid = membership, valid
        self.group = np.asarray(membership.tocsc().indices)
        self.of_series, self.of_week = units.sum(axis=1), membership @ units
        self.week = np.ones_like(self.of_week)

    def expected(self, base: np.ndarray) -> np.ndarray:
        """Expected units: `base` times effects under which each series and each week has the units it had."""
        for _ in range(SWEEPS):
            series = ratio(self.of_series, (base * self.week[self.group]).sum(axis=1))
            scaled = base * series[:, None]
            self.week = ratio(self.of_week, self.membership @ scaled)
        return np.asarray(scaled * self.week[self.group])

    def swept(self, column: np.ndarray, weight: np.ndarray, rows: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """A column without its weighted means by series and by group and week; `rows` and `cells` are updated."""
        per_series, per_week = weight.sum(axis=1), self.membership @ weight
        for _ in range(SWEEPS):
            rows[:] = ratio(((column - cells[self.group]) * weight).sum(axis=1), per_series)
            cells[:] = ratio(self.membership @ ((column - rows[:, None]) * weight), per_week)
        return np.asarray((column - rows[:, None] - cells[self.group]) * self.valid)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where there is no whole."""
    return np.asarray(np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0))


def of_items(panel: Panel, fit: Fit, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each item's own elasticity given the department's week effects, and its variance (infinite if not known)."""
    valid, units = fit.valid, np.where(fit.valid, panel.units, 0.0)
    x = np.where(valid, panel.log_price, 0.0)
    x = (x - centre(x, valid)) * valid
    base, sold = np.exp(fit.offset) * valid, units.sum(axis=1)
    value = np.full(count, fit.value)

    def at(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        expected = base * np.exp(np.clip(value[panel.item][:, None] * x, -50, 50))
        expected *= ratio(sold, expected.sum(axis=1))[:, None]
        return expected, (x - ratio((x * expected).sum(axis=1), sold)[:, None]) * valid

    for _ in range(ROUNDS):
        expected, swept = at(value)
        score = np.bincount(panel.item, (swept * (units - expected)).sum(axis=1), count)
        information = np.bincount(panel.item, (swept**2 * expected).sum(axis=1), count)
        step = np.clip(ratio(score, information), -LARGEST_STEP, LARGEST_STEP)
        value = np.clip(value + step, -LARGEST_ITEM, LARGEST_ITEM)
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    expected, swept = at(value)
    information = np.bincount(panel.item, (swept**2 * expected).sum(axis=1), count)
    starts = np.arange(0, units.shape[1], BLOCK_WEEKS)
    blocks = np.add.reduceat(swept * (units - expected), starts, axis=1)
    told = np.add.reduceat(swept**2 * expected, starts, axis=1)
    score_of, told_by = (
        np.stack([np.bincount(panel.item, values[:, block], count) for block in range(len(starts))])
        for values in (blocks, told)
    )
    number = (told_by > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        clustered = clustered_variance(score_of, told_by)
        pearson = np.bincount(panel.item, ratio((units - expected) ** 2, expected).sum(axis=1), count)
        freedom = np.bincount(panel.item, valid.sum(axis=1) - 1, count) - 1
        variance = np.maximum(clustered, np.maximum(pearson / freedom, 1.0) / information)
    known = (information > 0) & (number > 1) & (freedom > 0) & (np.abs(value) < LARGEST_ITEM)
    return value, np.where(known, variance, np.inf)


def without_outliers(value: np.ndarray) -> np.ndarray:
    """Estimates clipped to `FAR` spreads around their median.

    Sales of some items move with their price for other reasons, such as the end of a season, which standard errors do
    not reflect. The spread is the interquartile range, which outliers do not move.
    """
    if len(value) < FEWEST_TO_COMPARE:
        return value
    low, middle, high = np.quantile(value, (0.25, 0.5, 0.75))
    reach = FAR * (high - low) / MIDDLE_HALF
    clipped: np.ndarray = np.clip(value, middle - reach, middle + reach)
    return clipped


def spread_of(value: np.ndarray, variance: np.ndarray, fit: Fit) -> tuple[float, float, float, float]:
    """Dispersion of items around their mean beyond their errors, by the method of moments.

    Returns:
        Their mean and its variance (the department's where fewer than two items have an estimate), their standard
        deviation, and the same with one standard error added to the variance, for the intervals of items.
    """
    if len(value) < 2:
        return fit.value, fit.error**2, 0.0, 0.0
    weight = 1 / variance
    centre = (weight * value).sum() / weight.sum()
    freedom = len(value) - 1
    distance = (weight * (value - centre) ** 2).sum()
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    square = max(0.0, (distance - freedom) / scale)
    wider = square + np.sqrt(2 * freedom) * max(1.0, distance / freedom) / scale
    weight = 1 / (variance + wider)
    mean = (weight * value).sum() / weight.sum()
    return float(mean), float(1 / weight.sum()), float(np.sqrt(square)), float(np.sqrt(wider))
