"""The demand that `simulate` writes down: seeded arrays of prices and units, one store at a time.

A unit sale is drawn from a gamma-Poisson (negative binomial) law whose mean is a product of effects that
a forecaster can learn: weekday, season, SNAP days, events and the days before them, price, launch and a slow
trend. Shocks that all items of a store and department share give the aggregates a life of their own;
stock-outs, gates and a drift of each item give the series the zeros and the over-dispersion of real ones.

Every random array is drawn day after day (or week after week) from a stream of its own, so a longer
simulation begins with the days of a shorter one, and another store never changes the first ones.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_ml.sources.m5.events import Event

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TYPICAL_SPAN_DAYS = 1941
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Department:
    """What the items of one department have in common; sizes are those of a mid-sized store."""

    name: str
    category: str
    share: int  # of 3,049 items
    median_units: float  # a day
    spread: float  # standard deviation of an item's log size
    median_price: float
    price_spread: float
    weekdays: tuple[float, ...]  # Saturday .. Friday
    season: float  # log amplitude over the year
    season_peak: int  # day of the year
    snap_lift: float
    yearly_growth: float
    slow_shock: float  # standard deviation of the log level


DEPARTMENTS = (  # in the order of M5's rows
    Department("HOBBIES_1", "HOBBIES", 416, 0.62, 1.15, 4.9, 0.9,
               (1.25, 1.10, 0.95, 0.89, 0.88, 0.89, 1.04), 0.04, 140, 1.02, 0.03, 0.10),
    Department("HOBBIES_2", "HOBBIES", 149, 0.15, 0.80, 2.5, 0.7,
               (1.18, 1.20, 0.90, 0.90, 0.90, 0.92, 1.00), 0.20, 325, 1.00, 0.06, 0.15),
    Department("HOUSEHOLD_1", "HOUSEHOLD", 532, 0.82, 0.95, 4.0, 0.6,
               (1.27, 1.34, 0.99, 0.84, 0.81, 0.81, 0.94), 0.06, 240, 1.06, 0.05, 0.08),
    Department("HOUSEHOLD_2", "HOUSEHOLD", 515, 0.26, 0.90, 5.6, 0.55,
               (1.30, 1.27, 0.92, 0.83, 0.82, 0.84, 1.02), 0.12, 165, 1.03, 0.03, 0.09),
    Department("FOODS_1", "FOODS", 216, 0.80, 1.05, 2.7, 0.5,
               (1.26, 1.11, 0.89, 0.87, 0.87, 0.91, 1.09), 0.10, 205, 1.04, 0.01, 0.15),
    Department("FOODS_2", "FOODS", 398, 0.70, 1.05, 3.0, 0.5,
               (1.20, 1.27, 1.03, 0.88, 0.84, 0.82, 0.96), 0.04, 350, 1.24, 0.02, 0.09),
    Department("FOODS_3", "FOODS", 823, 1.45, 1.15, 2.5, 0.5,
               (1.25, 1.30, 0.95, 0.84, 0.83, 0.83, 1.00), 0.06, 215, 1.15, 0.01, 0.08),
)  # fmt: skip

# Factors on the days around an event, for foods, household, hobbies; an event not named here moves nothing.
_EVENT_FACTORS: dict[str, dict[int, tuple[float, float, float]]] = {
    "Thanksgiving": {-3: (1.08, 1.02, 1.0), -2: (1.25, 1.08, 1.0), -1: (1.40, 1.10, 1.0),
                     0: (0.70, 0.60, 0.60), 1: (0.72, 0.85, 0.95), 2: (0.80, 0.90, 0.95)},
    "Christmas": {-4: (1.08, 1.04, 1.10), -3: (1.14, 1.08, 1.20), -2: (1.22, 1.10, 1.25),
                  -1: (1.02, 0.92, 1.0), 1: (0.92, 0.95, 0.95), 2: (0.94, 0.98, 1.0)},
    "NewYear": {-1: (1.10, 0.95, 0.95), 0: (0.80, 0.80, 0.80)},
    "Easter": {-2: (1.06, 1.02, 1.02), -1: (1.20, 1.05, 1.06), 0: (0.82, 0.75, 0.75)},
    "SuperBowl": {-1: (1.10, 1.0, 1.0), 0: (1.02, 0.90, 0.90)},
    "LaborDay": {-1: (1.08, 1.04, 1.04), 0: (1.26, 1.22, 1.20)},
    "MemorialDay": {-1: (1.05, 1.04, 1.0), 0: (1.12, 1.10, 1.06)},
    "IndependenceDay": {-2: (1.06, 1.02, 1.0), -1: (1.16, 1.06, 1.02), 0: (0.95, 0.90, 0.90)},
    "MartinLutherKingDay": {0: (1.08, 1.08, 1.06)},
    "PresidentsDay": {0: (1.06, 1.07, 1.05)},
    "ColumbusDay": {0: (1.06, 1.06, 1.05)},
    "VeteransDay": {0: (1.06, 1.07, 1.05)},
    "Halloween": {-1: (1.02, 1.0, 1.12), 0: (0.86, 0.82, 0.90)},
    "ValentinesDay": {-1: (1.02, 1.0, 1.06), 0: (0.90, 0.86, 0.90)},
    "Mother's day": {-1: (1.04, 1.02, 1.04), 0: (0.86, 0.82, 0.82)},
    "Father's day": {-1: (1.03, 1.02, 1.02), 0: (0.85, 0.82, 0.84)},
    "Cinco De Mayo": {0: (1.04, 1.0, 1.0)},
}  # fmt: skip
_FACTOR_CATEGORIES = ("FOODS", "HOUSEHOLD", "HOBBIES")
_CLOSED_ON = "Christmas"

# One stream of random numbers a purpose, so that no array shifts when another grows.
_CATALOGUE, _PRICES, _CHAIN, _STORE, _LEVELS, _DRIFT, _GAMMA, _POISSON, _GATE, _STOCK_OUT = range(10)
_CHAIN_WIDE = 0  # the stream index of stores begins at 1


@dataclass(frozen=True)
class Calendar:
    """The days to simulate, those ahead included; arrays are by day."""

    dates: list[dt.date]
    weekday: IntArray  # 0 is Saturday
    week: IntArray  # 0, 1, ... from the first day on
    events: dict[dt.date, list[Event]]


@dataclass(frozen=True)
class Catalogue:
    """The items of the chain, in M5's row order; arrays are by item, prices by week and item."""

    item_ids: list[str]
    department: IntArray  # index into DEPARTMENTS
    log_size: FloatArray
    launch_week: IntArray
    launched_later: npt.NDArray[np.bool_]
    dispersion: FloatArray
    elasticity: FloatArray
    weekday_strength: FloatArray
    snap_strength: FloatArray
    event_strength: FloatArray
    season: FloatArray
    season_peak: FloatArray
    gate: FloatArray  # share of days on which the item may sell at all
    base_price: FloatArray
    promotion: FloatArray  # share of the base price asked, 1 where there is no promotion


@dataclass(frozen=True)
class StoreSales:
    """One store: units by day and item; price by week and item, nan before the launch."""

    units: IntArray
    prices: FloatArray


def department_counts(items: int) -> list[int]:
    """How many of `items` each department gets: M5's proportions, largest remainders first."""
    shares = np.array([department.share for department in DEPARTMENTS], dtype=float)
    exact = items * shares / shares.sum()
    counts = np.floor(exact).astype(int)
    for index in np.argsort(-(exact - counts), kind="stable")[: items - int(counts.sum())]:
        counts[index] += 1
    return [int(count) for count in counts]


def draw_catalogue(calendar: Calendar, items: int, days: int, seed: int) -> Catalogue:
    """Items, their traits and the chain's prices.

    Args:
        calendar: the `days` of sales and the days ahead.
        items: number of items.
        days: days of sales; a launch falls inside them.
        seed: seed of the simulation.
    """
    rng = np.random.default_rng([seed, _CHAIN_WIDE, _CATALOGUE])
    counts = department_counts(items)
    department = np.repeat(np.arange(len(DEPARTMENTS)), counts)
    item_ids = [
        f"{dep.name}_{number:03d}"
        for dep, count in zip(DEPARTMENTS, counts, strict=True)
        for number in range(1, count + 1)
    ]
    spread = _by_department("spread")[department]
    size_shock = np.clip(rng.standard_normal(items), -2.4, 2.4)
    launch_share = _launch_share(rng.random(items))
    launch_week = (launch_share * _launch_span(days)).astype(np.int64) // 7
    seasonal = rng.random(items) < 0.3
    gated = rng.random(items) < 0.2
    base_price, promotion = _chain_prices(calendar, department, seed)
    return Catalogue(
        item_ids=item_ids,
        department=department,
        log_size=np.log(_by_department("median_units")[department]) + spread * size_shock,
        launch_week=launch_week,
        launched_later=launch_share > 0,
        dispersion=np.exp(rng.normal(np.log(2.2), 0.35, items) + 0.2 * spread * size_shock),
        elasticity=np.clip(rng.normal(1.9, 0.6, items), 0.3, 4.0),
        weekday_strength=np.clip(rng.normal(1.0, 0.35, items), 0.0, 2.5),
        snap_strength=np.clip(rng.normal(1.0, 0.6, items), 0.0, 3.0),
        event_strength=np.clip(rng.normal(1.0, 0.3, items), 0.0, 2.0),
        season=np.where(seasonal, rng.gamma(2.0, 0.2, items), 0.0),
        season_peak=rng.uniform(0, _DAYS_A_YEAR, items),
        gate=np.where(gated, rng.uniform(0.4, 0.9, items), 1.0),
        base_price=base_price,
        promotion=promotion,
    )


def draw_store(
    calendar: Calendar,
    catalogue: Catalogue,
    snap: IntArray,
    *,
    days: int,
    store: int,
    state: int,
    seed: int,
) -> StoreSales:
    """Sales and prices of one store.

    Args:
        calendar: the days of sales and the days ahead.
        catalogue: the chain's items.
        snap: 0/1 by day of the calendar, for the store's state.
        days: days of sales.
        store: index of the store, which seeds it.
        state: index of the state, whose stores share a daily shock.
        seed: seed of the simulation.
    """
    items = len(catalogue.item_ids)
    rng = np.random.default_rng([seed, store + 1, _STORE])
    delayed = catalogue.launched_later & (rng.random(items) < 0.3)
    delay = np.where(delayed, rng.geometric(0.3, items), 0)
    last_week = int(calendar.week[max(_launch_span(days) - 1, 0)])
    launch_week = np.minimum(catalogue.launch_week + delay, last_week)
    own_price = np.where(rng.random(items) < 0.15, np.exp(rng.normal(0, 0.04, items)), 1.0)
    takes_part = rng.random(items) < 0.85
    store_size = float(np.exp(rng.normal(0, 0.25)))
    department_taste = rng.normal(0, 0.12, len(DEPARTMENTS))
    item_taste = np.clip(rng.normal(0, 0.4, items), -1.0, 1.0)

    promotion = np.where(takes_part, catalogue.promotion, 1.0)
    prices = _charm(catalogue.base_price * own_price * promotion)
    weeks = np.arange(prices.shape[0])[:, None]
    prices = np.where(weeks >= launch_week, prices, np.nan)

    log_mean = catalogue.log_size + np.log(store_size) + department_taste[catalogue.department] + item_taste
    log_mean = log_mean + _known_effects(calendar, catalogue, snap, days)
    log_mean += _shared_levels(days, store, state, seed)[:, catalogue.department]
    log_mean += _price_effect(catalogue, promotion)[calendar.week[:days]]
    log_mean += _drift(items, calendar, days, store, seed)
    age = np.arange(days)[:, None] - 7 * launch_week
    ramp = np.where(catalogue.launched_later, 1 - 0.6 * np.exp(-np.maximum(age, 0) / 18.0), 1.0)
    mean = np.minimum(np.exp(log_mean) * ramp, 3_000.0)
    sells = (age >= 0) & _on_the_shelf(items, days, store, seed) & _open(calendar, days)[:, None]
    units = _draw_units(np.where(sells, mean, 0.0), catalogue, store, seed)
    return StoreSales(units=units, prices=prices)


def _launch_span(days: int) -> int:
    """Days within which items are launched: whole years (or weeks), so that one more day moves no launch."""
    step = 364 if days >= 364 else 28 if days >= 28 else 7
    return max(days // step * step * 9 // 10, 1)


def _launch_share(uniform: FloatArray) -> FloatArray:
    """When in the span an item comes: two in five from the start, the rest earlier rather than later."""
    late = np.maximum(uniform - 0.39, 0) / 0.61
    return 0.85 * late**1.35


def _by_department(field: str) -> FloatArray:
    return np.array([getattr(department, field) for department in DEPARTMENTS], dtype=float)


def _chain_prices(calendar: Calendar, department: IntArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Base prices, which change every two years or so, and promotions of 1-4 weeks; by week and item."""
    rng = np.random.default_rng([seed, _CHAIN_WIDE, _PRICES])
    items, weeks = len(department), int(calendar.week[-1]) + 1
    start = np.exp(rng.normal(0, 1, items) * _by_department("price_spread")[department])
    start *= _by_department("median_price")[department]
    promoted = rng.random(items) < 0.35
    draws = rng.random((weeks, 5, items))
    changes = np.where(draws[:, 0] < 1 / 110, 0.02 + 0.28 * (draws[:, 1] - 0.45), 0.0)
    changes[0] = 0.0
    base = np.clip(start, 0.3, 60.0) * np.exp(np.cumsum(changes, axis=0))
    promotion = np.ones((weeks, items))
    begins = promoted & (draws[:, 2] < 1 / 22)
    depth = 1 - (0.10 + 0.22 * draws[:, 3])
    length = 1 + (draws[:, 4] * 4).astype(int)
    for offset in range(4):
        active = begins[: weeks - offset] & (length[: weeks - offset] > offset)
        window = promotion[offset:]
        window[active] = np.minimum(window[active], depth[: weeks - offset][active])
    return base, promotion


def _charm(prices: FloatArray) -> FloatArray:
    """Prices as shops write them: 2.98, 4.48, 0.58."""
    step = np.where(prices < 1.5, 0.1, 0.5)
    return np.round(np.maximum(np.round(prices / step) * step, 0.2) - 0.02, 2)


def _known_effects(calendar: Calendar, catalogue: Catalogue, snap: IntArray, days: int) -> FloatArray:
    """Log effects of weekday, season, SNAP, events and trend; by day and item."""
    department = catalogue.department
    weekdays = np.log(np.array([dep.weekdays for dep in DEPARTMENTS]))
    effects: FloatArray = weekdays[:, calendar.weekday[:days]].T[:, department] * catalogue.weekday_strength
    day_of_year = np.array([date.timetuple().tm_yday for date in calendar.dates[:days]], dtype=float)
    turn = 2 * np.pi / _DAYS_A_YEAR
    by_department = _by_department("season") * np.cos(turn * (day_of_year[:, None] - _by_department("season_peak")))
    years = (np.arange(days)[:, None] - TYPICAL_SPAN_DAYS / 2) / _DAYS_A_YEAR
    by_department += years * _by_department("yearly_growth")
    effects += by_department[:, department]
    effects += catalogue.season * np.cos(turn * (day_of_year[:, None] - catalogue.season_peak))
    lift = np.log(_by_department("snap_lift"))[department] * catalogue.snap_strength
    effects += snap[:days, None] * lift
    category = np.array([_FACTOR_CATEGORIES.index(dep.category) for dep in DEPARTMENTS])
    effects += _event_effects(calendar, days)[:, category[department]] * catalogue.event_strength
    return effects


def _event_effects(calendar: Calendar, days: int) -> FloatArray:
    """Log factor of each day by category, from the events of the day and of the days around it."""
    effects = np.zeros((days, len(_FACTOR_CATEGORIES)))
    first = calendar.dates[0]
    for date, events in calendar.events.items():
        for event in events:
            for offset, factors in _EVENT_FACTORS.get(event.name, {}).items():
                day = (date - first).days + offset
                if 0 <= day < days:
                    effects[day] += np.log(factors)
    return effects


def _open(calendar: Calendar, days: int) -> npt.NDArray[np.bool_]:
    return np.array(
        [all(event.name != _CLOSED_ON for event in calendar.events.get(date, [])) for date in calendar.dates[:days]]
    )


def _price_effect(catalogue: Catalogue, promotion: FloatArray) -> FloatArray:
    """Log effect by week and item: promotions at the full elasticity, lasting changes at half of it."""
    lasting = np.log(catalogue.base_price / catalogue.base_price[0])
    effect: FloatArray = -catalogue.elasticity * (np.log(promotion) + 0.5 * lasting)
    return effect


def _shared_levels(days: int, store: int, state: int, seed: int) -> FloatArray:
    """Log levels that all items of a department share: chain, state, store and store x department shocks."""
    departments = len(DEPARTMENTS)
    chain = np.random.default_rng([seed, _CHAIN_WIDE, _CHAIN])
    states = np.random.default_rng([seed, state, _LEVELS, _CHAIN])
    own = np.random.default_rng([seed, store + 1, _LEVELS])
    shape = (days, 1)
    levels = _autoregression(chain.standard_normal(shape), 0.997, 0.05)
    levels = levels + _autoregression(states.standard_normal(shape), 0.5, 0.03)
    own_daily = own.standard_normal((days, 1 + 2 * departments))
    levels = levels + _autoregression(own_daily[:, :1], 0.4, 0.03)
    levels = levels + _autoregression(own_daily[:, 1 : 1 + departments], 0.6, 0.035)
    slow = _autoregression(own_daily[:, 1 + departments :], 0.995, 1.0)
    return levels + slow * _by_department("slow_shock")


def _autoregression(noise: FloatArray, memory: float, spread: float) -> FloatArray:
    """AR(1) along the first axis, stationary from the first row on, with standard deviation `spread`."""
    out = np.empty_like(noise)
    out[0] = noise[0] * spread
    innovation = spread * np.sqrt(1 - memory**2)
    for row in range(1, len(noise)):
        out[row] = memory * out[row - 1] + innovation * noise[row]
    return out


def _drift(items: int, calendar: Calendar, days: int, store: int, seed: int) -> FloatArray:
    """How an item's own level wanders from week to week; by day and item."""
    rng = np.random.default_rng([seed, store + 1, _DRIFT])
    week = calendar.week[:days]
    weekly = _autoregression(rng.standard_normal((int(week[-1]) + 1, items)), 0.97, 0.30)
    return weekly[week]


def _on_the_shelf(items: int, days: int, store: int, seed: int) -> npt.NDArray[np.bool_]:
    """False while an item is out of stock: mostly a week or two, at times months."""
    rng = np.random.default_rng([seed, store + 1, _STOCK_OUT])
    draws = rng.random((days, 2, items))
    rate = 1 / 300
    begin_day, begin_item = np.nonzero(draws[:, 0] < rate)
    remainder = draws[:, 0][begin_day, begin_item] / rate  # uniform again, given that a gap begins
    mean_length = np.where(draws[:, 1][begin_day, begin_item] < 0.10, 90.0, 7.0)
    length = np.ceil(-mean_length * np.log(np.maximum(remainder, 1e-9))).astype(np.int64)
    gaps = np.zeros((days + 1, items), dtype=np.int32)
    np.add.at(gaps, (begin_day, begin_item), 1)
    np.add.at(gaps, (np.minimum(begin_day + length, days), begin_item), -1)
    return np.asarray(np.cumsum(gaps[:days], axis=0) == 0)


def _draw_units(mean: FloatArray, catalogue: Catalogue, store: int, seed: int) -> IntArray:
    """Gamma-Poisson draws around `mean`; a gated item sells more on the fewer days when its gate is open."""
    gate_rng, gamma_rng, poisson_rng = (
        np.random.default_rng([seed, store + 1, purpose]) for purpose in (_GATE, _GAMMA, _POISSON)
    )
    open_gate = gate_rng.random(mean.shape) < catalogue.gate
    frailty = gamma_rng.standard_gamma(np.broadcast_to(catalogue.dispersion, mean.shape))
    frailty *= open_gate / (catalogue.dispersion * catalogue.gate)
    return poisson_rng.poisson(mean * frailty)
