"""Twelve retailers that do not exist, each of another shape: grain, size, sparsity, season, history, and what changes.

Each is drawn by its own formula from its own seed and written as the long format's `sales.csv` and `source.yml`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

LAST_DAY = "2019-06-30"
"""A Sunday: marts have features as of every Sunday, so that any week may be an origin."""

WEEKDAYS = np.array([0.85, 0.8, 0.9, 0.95, 1.15, 1.35, 1.0])


@dataclass(frozen=True)
class Shape:
    """One retailer: rate is series x days, the expected units; what is drawn around it follows from `size`."""

    rate: np.ndarray
    store: np.ndarray
    department: np.ndarray
    grain: str = "day"
    size: float = 20.0
    promotion: np.ndarray | None = None


def season(days: pd.DatetimeIndex, peak: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Series x days: a wave of a year around 1."""
    angle = 2 * np.pi * (days.dayofyear.to_numpy()[None, :] - peak[:, None]) / 365.25
    return np.asarray(1 + depth[:, None] * np.cos(angle))


def walk(rng: np.random.Generator, rows: int, days: int, step: float) -> np.ndarray:
    """Series x days: a level that wanders by a relative `step` a day."""
    return np.asarray(np.exp(np.cumsum(rng.normal(0, step, (rows, days)), axis=1)))


def days_of(count: int) -> pd.DatetimeIndex:
    """The last `count` days."""
    return pd.date_range(end=LAST_DAY, periods=count)


def base(
    rng: np.random.Generator,
    rows: int,
    days: pd.DatetimeIndex,
    level: tuple[float, float],
    depth: float = 0.2,
    step: float = 0.003,
    alike: float = 0.6,
) -> np.ndarray:
    """Series x days: gamma level (shape, scale) x week x year x wandering level, part of which all share."""
    common = walk(rng, 1, len(days), step * alike)
    own = walk(rng, rows, len(days), step * (1 - alike))
    week = (1 + rng.normal(1, 0.3, (rows, 1)) * (WEEKDAYS[None, :] - 1))[:, days.dayofweek]
    year = season(days, rng.normal(170, 40, rows), rng.uniform(0, 2 * depth, rows))
    return np.asarray(rng.gamma(*level, (rows, 1)) * week * year * common * own)


def bakery(rng: np.random.Generator) -> Shape:
    """Six product groups over five years of days; one is sold before Christmas alone, and its season shifts."""
    days = days_of(5 * 365)
    rate = base(rng, 6, days, (3.0, 90.0), depth=0.1)
    to_christmas = (pd.to_datetime(days.year.astype(str) + "-12-24") - days).days.to_numpy()
    begins = np.array([38, 45, 31, 42, 35, 40])[days.year - days.year.min()]
    rate[5] = np.where((to_christmas >= 0) & (to_christmas < begins), 350 - 6.0 * to_christmas, 0).clip(0)
    return Shape(rate, np.zeros(6, int), np.zeros(6, int))


def produce(rng: np.random.Generator) -> Shape:
    """108 kinds and regions over three years of weeks, whose levels wander and whose harvests come and go."""
    days = days_of(3 * 364)
    rate = base(rng, 108, days, (1.5, 300.0), depth=0.3, step=0.008, alike=0.3)
    return Shape(rate, np.arange(108) % 12, np.arange(108) // 12 % 3, "week", 400.0)


def pharmacy(rng: np.random.Generator) -> Shape:
    """400 slow items, ten months of days, of which the last four sell less and less."""
    days = days_of(308)
    fall = np.interp(np.arange(308), [0, 190, 308], [1.0, 1.0, 0.7])
    return Shape(base(rng, 400, days, (0.4, 2.0)) * fall, np.zeros(400, int), np.arange(400) % 8, size=1.0)


def office(rng: np.random.Generator) -> Shape:
    """600 items ordered now and then over four years, a few in bulk, with a quiet summer and items that end."""
    days = days_of(4 * 365)
    rate = base(rng, 600, days, (0.25, 0.8), depth=0.4) * (days.dayofweek < 5)
    ends = rng.integers(300, 2500, 600)
    return Shape(
        rate * (np.arange(len(days))[None, :] < ends[:, None]), np.arange(600) % 4, np.arange(600) % 17, size=0.05
    )


def web_shop(rng: np.random.Generator) -> Shape:
    """500 items, five months of days, closed on Saturdays, with a peak after which it sells half."""
    days = days_of(154)
    peak = np.interp(np.arange(154), [0, 60, 95, 108, 154], [0.8, 1.0, 2.0, 0.9, 0.75])
    rate = base(rng, 500, days, (0.4, 4.0), step=0.01) * peak * (days.dayofweek != 5)
    return Shape(rate, np.zeros(500, int), np.arange(500) % 5, size=0.2)


def stores(rng: np.random.Generator) -> Shape:
    """Transactions of 54 stores over four and a half years; growth stops half a year before the end."""
    days = days_of(1640)
    growth = np.interp(np.arange(1640), [0, 1460, 1640], [1.0, 1.5, 1.5])
    return Shape(
        base(rng, 54, days, (6.0, 250.0), depth=0.1, step=0.002) * growth, np.arange(54), np.zeros(54, int), size=150.0
    )


def departments(rng: np.random.Generator) -> Shape:
    """45 stores x 4 departments over two and a half years of weeks: levels that hold, and two holidays."""
    days = days_of(910)
    rate = base(rng, 180, days, (3.0, 500.0), depth=0.1, step=0.001)
    holidays = 1 + 0.6 * np.isin(days.isocalendar().week.to_numpy(), [47, 51])
    return Shape(rate * holidays, np.arange(180) // 4, np.arange(180) % 4, "week", 500.0)


def cafe(rng: np.random.Generator) -> Shape:
    """90 items over a year and a half of days; the weekend is the week, and the level jumps when a rival closes."""
    days = days_of(560)
    jump = np.where(np.arange(560) >= 480, 1.35, 1.0)
    rate = base(rng, 90, days, (0.6, 6.0), depth=0.1) * jump
    return Shape(rate, np.zeros(90, int), np.arange(90) % 6, size=4.0)


def grocery(rng: np.random.Generator) -> Shape:
    """167 items out of baskets over two years of days, level and noise."""
    return Shape(
        base(rng, 167, days_of(730), (0.3, 2.0), depth=0.05, step=0.001),
        np.zeros(167, int),
        np.arange(167) % 11,
        size=3.0,
    )


def drugs(rng: np.random.Generator, grain: str = "day") -> Shape:
    """8 groups of drugs over five years, two of them of the cold season, which comes four weeks later in one year."""
    days = days_of(5 * 365)
    rate = base(rng, 8, days, (2.0, 9.0), depth=0.15, step=0.002)
    late = pd.DatetimeIndex(np.where(days.year == days.year.max() - 1, days - pd.Timedelta(28, "D"), days))
    rate[:2] *= season(late, np.array([20.0, 110.0]), np.array([0.7, 0.8]))
    return Shape(rate, np.zeros(8, int), np.arange(8) % 2, grain, 8.0)


def drugs_by_week(rng: np.random.Generator) -> Shape:
    """The same by week."""
    return drugs(rng, "week")


def promotions(rng: np.random.Generator) -> Shape:
    """Three stores x 30 items over two and a half years of days; promotions are planned ahead and sell by half more."""
    days = days_of(912)
    promoted = np.repeat(rng.random((90, 131)) < 0.12, 7, axis=1)[:, :912]
    rate = base(rng, 90, days, (2.0, 8.0)) * np.where(promoted, 1.6, 1.0)
    return Shape(rate, np.arange(90) // 30, np.arange(90) % 3, size=15.0, promotion=promoted)


SHAPES: dict[str, Callable[[np.random.Generator], Shape]] = {
    shape.__name__: shape
    for shape in (
        bakery, produce, pharmacy, office, web_shop, stores, departments, cafe, grocery, drugs, drugs_by_week,
        promotions,
    )
}  # fmt: skip


def write(name: str, folder: Path, seed: int) -> Path:
    """Draw a shape and write `sales.csv` and `source.yml` into a folder.

    Units are negative binomial around the rate (variance = rate + rate^2 / size).

    Returns:
        The configuration's path.
    """
    rng = np.random.default_rng([seed, *name.encode()])
    shape = SHAPES[name](rng)
    units = np.where(
        shape.rate > 0, rng.poisson(shape.rate * rng.gamma(shape.size, 1 / shape.size, shape.rate.shape)), 0
    )
    days, promotion = days_of(units.shape[1]), shape.promotion
    if shape.grain == "week":
        whole = units.shape[1] // 7 * 7
        units = units[:, -whole:].reshape(len(units), -1, 7).sum(axis=2)
        days = days[-whole::7]
    row, day = (index.ravel() for index in np.indices(units.shape))
    frame = pd.DataFrame(
        {
            "date": days[day].strftime("%Y-%m-%d"),
            "store": [f"S{number:02d}" for number in shape.store[row]],
            "item": [f"I{number:04d}" for number in row],
            "department": [f"D{number}" for number in shape.department[row]],
            "units": units.ravel(),
        }
    )
    config = {
        "sales": {"from": "sales.csv", "date": "date", "store": "store", "item": "item", "units": "units"},
        "hierarchy": {"department": "department"},
        "grain": shape.grain,
    }
    if promotion is not None:
        frame["promotion"] = promotion.ravel().astype(int)
        config["regressors"] = {"promotion": {"column": "promotion", "availability": "known"}}
    else:
        frame = frame[frame["units"] > 0]
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "sales.csv", index=False)
    path = folder / "source.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path
