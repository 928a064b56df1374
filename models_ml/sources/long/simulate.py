"""Write a made-up shop: weekly sales with promotions in one plain CSV, and the configuration that describes it.

Nothing in it is as in the competition's data: weeks instead of days, articles in brands and groups, shops in areas,
promotions planned ahead, no benefit days and no launches at a first price.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from models_ml.errors import InputError
from models_ml.sources.long.config import FILE_NAME

SALES_FILE = "sales.csv"
LAST_MONDAY = dt.date(2024, 5, 27)
WEEKS_AHEAD = 12
"""Weeks after the last sales whose promotions are planned: the longest horizon."""

GROUPS = ("Garden", "Kitchen", "Toys")
AREAS = ("Coast", "Hills")
BRANDS_A_GROUP = 2


def simulate(
    target: Path,
    *,
    stores: int = 1,
    items: int = 500,
    days: int = 1941,
    seed: int,
    horizon_days: int = 28,  # noqa: ARG001 - promotions are planned for the longest horizon, whatever is asked for
) -> Path:
    """Draw a shop and write `sales.csv` and `source.yml`.

    Units are Poisson around level x season x promotion; a promoted week costs a fifth less and sells twice as much.

    Args:
        target: the folder, made if it is not there.
        stores, items: how many.
        days: of history, in whole weeks.
        seed: the same seed draws the same shop.

    Returns:
        The configuration's path.

    Raises:
        InputError: the folder holds other files of these names, or the history is shorter than a quarter.
    """
    weeks = days // 7
    if weeks < 13:
        raise InputError(f"--days {days}: a shop needs thirteen weeks of history, 91 days. Ask for more.")
    path = target / FILE_NAME
    if (target / SALES_FILE).exists() and not path.exists():
        raise InputError(f"{target / SALES_FILE} is there already and was not simulated. Name another folder.")
    target.mkdir(parents=True, exist_ok=True)
    shop(stores, items, weeks, np.random.default_rng(seed)).to_csv(target / SALES_FILE, index=False)
    config = {
        "sales": {
            "from": SALES_FILE,
            "date": "week",
            "store": "shop",
            "item": "article",
            "units": "quantity",
            "price": "price",
        },
        "hierarchy": {"category": "group", "department": "brand", "region": "area"},
        "grain": "week",
        "regressors": {"promotion": {"column": "promotion", "availability": "known"}},
    }
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def shop(stores: int, items: int, weeks: int, generator: np.random.Generator) -> pd.DataFrame:
    """Rows of the shop: one a week, shop and article; coming weeks have a promotion and neither quantity nor price."""
    mondays = pd.date_range(end=LAST_MONDAY + dt.timedelta(weeks=WEEKS_AHEAD), periods=weeks + WEEKS_AHEAD, freq="7D")
    shape = (stores, items, len(mondays))
    group = np.arange(items) % len(GROUPS)
    brand = np.arange(items) // len(GROUPS) % BRANDS_A_GROUP
    level = generator.gamma(2.0, 6.0, (1, items, 1)) * generator.uniform(0.6, 1.6, (stores, 1, 1)) + 0.5
    peak = np.array([150, 330, 350])[group][None, :, None]  # day of the year at which a group sells most
    season = 1 + 0.4 * np.cos(2 * np.pi * (mondays.dayofyear.to_numpy()[None, None, :] - peak) / 365.25)
    promotion = generator.random(shape) < 0.12
    quantity = generator.poisson(level * season * np.where(promotion, 2.0, 1.0))
    price = np.round(generator.uniform(2, 40, (1, items, 1)) * np.where(promotion, 0.8, 1.0), 2)
    area = np.arange(stores) % len(AREAS)
    at_shop, at_item, at_week = (index.ravel() for index in np.indices(shape))
    frame = pd.DataFrame(
        {
            "week": mondays[at_week].strftime("%Y-%m-%d"),
            "shop": [f"shop-{number + 1}" for number in at_shop],
            "area": np.array(AREAS)[area[at_shop]],
            "article": [f"A{number + 1:04d}" for number in at_item],
            "brand": [f"{GROUPS[group[n]]} {'ab'[brand[n]].upper()}" for n in at_item],
            "group": np.array(GROUPS)[group[at_item]],
            "quantity": pd.array(quantity.ravel(), dtype="Int64"),
            "price": np.broadcast_to(price, shape).ravel(),
            "promotion": promotion.ravel().astype(int),
        }
    )
    frame.loc[at_week >= weeks, ["quantity", "price"]] = None
    return frame
