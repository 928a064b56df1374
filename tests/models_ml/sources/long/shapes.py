"""Small made-up data of the shapes that retailers' tables have, each with the configuration that describes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

LAST_DAY = pd.Timestamp("2015-07-31")
HORIZON = 28


def write(folder: Path, config: dict[str, object], **tables: pd.DataFrame) -> Path:
    """Write tables as CSV and the configuration beside them; gives the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    path = folder / "source.yml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def store_sales(folder: Path, *, stores: int = 4, days: int = 500, seed: int = 1) -> Path:
    """Daily sales of whole stores: promotions, customers, holidays, closed Sundays, a store shut for weeks."""
    generator = np.random.default_rng(seed)
    dates = pd.date_range(end=LAST_DAY + pd.Timedelta(days=HORIZON), periods=days + HORIZON)
    frame = pd.MultiIndex.from_product([range(1, stores + 1), dates], names=["Store", "Date"]).to_frame(index=False)
    weekday = frame["Date"].dt.dayofweek
    holiday = (frame["Date"].dt.month == 12) & frame["Date"].dt.day.isin([25, 26])
    frame["DayOfWeek"] = weekday + 1
    frame["Promo"] = ((frame["Date"] - dates[0]).dt.days // 7 % 2 == 0).astype(int) * (weekday < 5)
    frame["StateHoliday"] = np.where(holiday, "c", "0")
    frame["SchoolHoliday"] = frame["Date"].dt.month.isin([7, 8]).astype(int)
    frame["Open"] = ((weekday != 6) & ~holiday).astype(int)
    usual = 4000 + 1000 * frame["Store"] + 800 * np.sin(2 * np.pi * frame["Date"].dt.dayofyear / 365.25)
    level = usual * (1 + 0.5 * frame["Promo"]) * np.array([1.3, 1.0, 0.9, 0.9, 1.1, 0.7, 0.0])[weekday]
    frame["Sales"] = (level * generator.lognormal(0, 0.05, len(frame))).round() * frame["Open"]
    frame["Customers"] = (frame["Sales"] / 9).round().astype(int)
    shut = (frame["Store"] == 2) & frame["Date"].between(dates[200], dates[230])  # no rows at all
    past = frame["Date"] <= LAST_DAY
    train, test = frame[past & ~shut].copy(), frame[~past].drop(columns=["Sales", "Customers"])
    train["Sales"] = train["Sales"].astype(int)
    test = test.astype({"Open": object})
    test.loc[(test["Store"] == 4) & (test["Date"] == "2015-08-05"), "Open"] = None  # not said, a Wednesday
    shops = pd.DataFrame(
        {"Store": range(1, stores + 1), "StoreType": [*"abab"][:stores], "Distance": [570, 1290, 0, None]}
    )
    return write(
        folder,
        {
            "sales": {"from": "train.csv", "date": "Date", "store": "Store", "units": "Sales", "open": "Open"},
            "future": {"from": "test.csv"},
            "stores": {"from": "store.csv", "store": "Store"},
            "hierarchy": {"region": "StoreType"},
            "missing_dates": "gap",
            "regressors": {
                "promo": {"column": "Promo", "availability": "known"},
                "state_holiday": {"column": "StateHoliday", "availability": "known"},
                "school_holiday": {"column": "SchoolHoliday", "availability": "known"},
                "customers": {"column": "Customers", "availability": "past_only"},
                "distance": {"column": "Distance", "availability": "static", "from": "stores"},
            },
        },
        train=train,
        test=test,
        store=shops,
    )


def item_store_sales(folder: Path, *, stores: int = 2, items: int = 10, days: int = 400, seed: int = 2) -> Path:
    """Daily sales of items in stores and nothing else: no prices, no hierarchy, every date there."""
    generator = np.random.default_rng(seed)
    dates = pd.date_range(end=LAST_DAY, periods=days)
    index = pd.MultiIndex.from_product([range(1, stores + 1), range(1, items + 1), dates])
    frame = index.to_frame(index=False, name=["store", "item", "date"])
    level = (5 + 3 * frame["item"]) * (1 + 0.2 * np.sin(2 * np.pi * frame["date"].dt.dayofyear / 365.25))
    frame["sales"] = generator.poisson(
        level * np.array([0.8, 0.8, 0.9, 1.0, 1.1, 1.3, 1.4])[frame["date"].dt.dayofweek]
    )
    return write(
        folder,
        {"sales": {"from": "train.csv", "date": "date", "store": "store", "item": "item", "units": "sales"}},
        train=frame[["date", "store", "item", "sales"]],
    )


def grocery_sales(folder: Path, *, stores: int = 3, items: int = 12, days: int = 450, seed: int = 3) -> Path:
    """Only days with sales have rows, returns are negative, promotions are true or false or not said."""
    generator = np.random.default_rng(seed)
    dates = pd.date_range(end=LAST_DAY + pd.Timedelta(days=HORIZON), periods=days + HORIZON)
    index = pd.MultiIndex.from_product([dates, range(1, stores + 1), range(1001, 1001 + items)])
    frame = index.to_frame(index=False, name=["date", "store_nbr", "item_nbr"])
    frame["onpromotion"] = generator.random(len(frame)) < 0.15
    rate = (0.3 + 0.4 * (frame["item_nbr"] - 1000)) * (1 + frame["onpromotion"])
    frame["unit_sales"] = generator.poisson(rate).astype(float)
    frame.loc[frame["item_nbr"] % 5 == 0, "unit_sales"] *= 0.437  # sold by weight
    frame.loc[generator.random(len(frame)) < 0.002, "unit_sales"] = -2.0
    launched = dates[0] + pd.Timedelta(days=300)
    frame = frame[(frame["item_nbr"] != 1003) | (frame["date"] >= launched)]
    past = frame["date"] <= LAST_DAY
    train, test = frame[past & (frame["unit_sales"] != 0)].copy(), frame[~past].drop(columns="unit_sales")
    train["onpromotion"] = train["onpromotion"].astype(object)
    train.loc[train["date"] < dates[60], "onpromotion"] = None
    families = ["GROCERY I", "BREAD/BAKERY", "DAIRY"]
    goods = pd.DataFrame({"item_nbr": range(1001, 1001 + items)})
    goods["family"] = [families[n % 3] for n in range(items)]
    goods["class"] = [1000 + 10 * (n % 3) + n % 2 for n in range(items)]
    goods["perishable"] = [n % 2 for n in range(items)]
    shops = pd.DataFrame({"store_nbr": range(1, stores + 1), "city": ["Quito", "Quito", "Ambato"][:stores]})
    holidays = pd.DataFrame(
        {
            "date": ["2014-12-25", "2015-01-01", "2015-07-24", "2015-08-10"],
            "description": ["Navidad", "Año", "Fundación", "Grito"],
        }
    )
    return write(
        folder,
        {
            "sales": {
                "from": "train.csv",
                "date": "date",
                "store": "store_nbr",
                "item": "item_nbr",
                "units": "unit_sales",
            },
            "future": {"from": "test.csv"},
            "items": {"from": "items.csv", "item": "item_nbr"},
            "stores": {"from": "stores.csv", "store": "store_nbr"},
            "events": {
                "from": "holidays.csv",
                "date": "date",
                "name": "description",
                "days_before": 3,
                "days_after": 1,
            },
            "hierarchy": {"category": "family", "department": "class", "region": "city"},
            "regressors": {
                "promotion": {"column": "onpromotion", "availability": "known"},
                "perishable": {"column": "perishable", "availability": "static", "from": "items"},
            },
        },
        train=train,
        test=test,
        items=goods,
        stores=shops,
        holidays=holidays,
    )


def young_shop(folder: Path, *, items: int = 20, days: int = 63, seed: int = 4) -> Path:
    """One shop that opened a few weeks ago: items in two groups, quiet Mondays, no prices, nothing else."""
    generator = np.random.default_rng(seed)
    dates = pd.date_range(end=LAST_DAY, periods=days)
    frame = pd.MultiIndex.from_product([range(1, items + 1), dates], names=["item", "date"]).to_frame(index=False)
    weekday = np.array([0.3, 0.9, 1.0, 1.0, 1.2, 1.6, 1.0])[frame["date"].dt.dayofweek]
    frame["units"] = generator.poisson((1 + frame["item"]) * weekday)
    frame["group"] = np.where(frame["item"] % 2, "odd", "even")
    return write(
        folder,
        {
            "sales": {"from": "sales.csv", "date": "date", "item": "item", "units": "units"},
            "hierarchy": {"category": "group"},
        },
        sales=frame,
    )


def invoice_lines(folder: Path, *, items: int = 15, days: int = 420, seed: int = 5) -> Path:
    """Lines of one shop's invoices: times of day, several lines an item and day, cancellations, latin-1."""
    generator = np.random.default_rng(seed)
    dates = pd.date_range(end=LAST_DAY, periods=days)
    open_days = np.array([1.0, 1.1, 1.0, 1.2, 0.9, 0.0, 0.6])[dates.dayofweek]  # shut on Saturdays
    lines = generator.poisson(np.linspace(0.5, 4, items)[:, None] * open_days)
    item, day = (np.repeat(at.ravel(), lines.ravel()) for at in np.indices(lines.shape))
    frame = pd.DataFrame({"StockCode": [f"{21000 + n}{'AB'[n % 2]}" for n in item]})
    frame["Description"] = [f"MUG £{1 + n}" for n in item]
    frame["Quantity"] = generator.choice([1, 2, 3, 6, 12], len(frame))
    frame["InvoiceDate"] = dates[day] + pd.to_timedelta(generator.integers(480, 1080, len(frame)), unit="m")
    frame["UnitPrice"] = np.round((1 + item) * generator.choice([1.0, 1.0, 0.85], len(frame)), 2)
    returned = frame.sample(frac=0.02, random_state=seed).assign(Quantity=lambda f: -f["Quantity"])
    debt = frame.head(1).assign(StockCode="B", Quantity=1, UnitPrice=-11062.06)
    frame = pd.concat([frame, returned, debt]).sort_values("InvoiceDate", kind="stable")
    frame.insert(0, "InvoiceNo", np.where(frame["Quantity"] < 0, "C", "") + frame.index.astype(str))
    frame["InvoiceDate"] = [f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02d}" for t in frame["InvoiceDate"]]
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "data.csv", index=False, encoding="latin-1")
    return folder / "data.csv"


def department_sales(folder: Path, *, stores: int = 3, departments: int = 8, weeks: int = 90, seed: int = 6) -> Path:
    """Weekly sales of departments, dated on Fridays, with holidays of coming weeks; some weeks below zero."""
    generator = np.random.default_rng(seed)
    fridays = pd.date_range(end="2012-10-26", periods=weeks, freq="7D").append(
        pd.date_range("2012-11-02", periods=8, freq="7D")
    )
    index = pd.MultiIndex.from_product([range(1, stores + 1), range(1, departments + 1), fridays])
    frame = index.to_frame(index=False, name=["Store", "Dept", "Date"])
    frame["IsHoliday"] = np.where(frame["Date"].dt.isocalendar().week.isin([6, 36, 47, 52]), "TRUE", "FALSE")
    frame["Weekly_Sales"] = (4000 * frame["Dept"] * generator.lognormal(0, 0.1, len(frame))).round(2)
    frame.loc[frame["Dept"] == departments, "Weekly_Sales"] = generator.normal(5, 20, stores * len(fridays)).round(2)
    past = frame["Date"] <= "2012-10-26"
    folder.mkdir(parents=True, exist_ok=True)
    frame[past].to_csv(folder / "train.csv", index=False)
    frame[~past].drop(columns="Weekly_Sales").to_csv(folder / "test.csv", index=False)
    shops = pd.DataFrame(
        {"Store": range(1, stores + 1), "Type": list("ABA")[:stores], "Size": range(40000, 40000 + stores)}
    )
    shops.to_csv(folder / "stores.csv", index=False)
    return folder / "train.csv"


SHAPES: dict[str, Callable[[Path], Path]] = {
    "store_sales": store_sales,
    "item_store_sales": item_store_sales,
    "grocery_sales": grocery_sales,
}

WALKS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "store_sales": (store_sales, "train.csv --future test.csv --stores store.csv --region StoreType"),
    "grocery_sales": (
        grocery_sales,
        "train.csv --future test.csv --items items.csv --stores stores.csv --events holidays.csv "
        "--region city --regressor perishable=static",
    ),
    "invoice_lines": (invoice_lines, "data.csv --where UnitPrice>='0'"),
    "department_sales": (department_sales, "train.csv --future test.csv --stores stores.csv --region Type"),
}
"""Shapes with what a newcomer gives to `demand init`, in the folder of the files."""
