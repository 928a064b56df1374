"""Every column of the feature marts against pandas, computed from the raw files in another way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models_ml.evaluation.demand_class import demand_classes
from tests.dbt_project.project import Home

pytestmark = pytest.mark.dbt


@dataclass(frozen=True)
class Raw:
    """The raw files as matrices: series x days and series x weeks, NaN before the launch."""

    ids: pd.DataFrame
    dates: pd.DatetimeIndex
    weekday: np.ndarray
    week_of_day: np.ndarray
    week_ids: np.ndarray
    units: np.ndarray
    price: np.ndarray

    @property
    def known(self) -> int:
        """Days with sales."""
        return self.units.shape[1]

    @property
    def grid(self) -> range:
        """Positions of the as-of days."""
        return range((self.known - 1) % 7, self.known, 7)


def read_raw(folder: Path) -> Raw:
    calendar = pd.read_csv(folder / "calendar.csv", parse_dates=["date"])
    sales = pd.read_csv(folder / "sales_train_evaluation.csv")
    prices = pd.read_csv(folder / "sell_prices.csv")
    week_ids = np.sort(calendar["wm_yr_wk"].unique())
    week_of_day = np.searchsorted(week_ids, calendar["wm_yr_wk"])
    wide = prices.pivot_table(index=["store_id", "item_id"], columns="wm_yr_wk", values="sell_price")
    wide = wide.reindex(columns=week_ids).ffill(axis=1)
    keys = list(zip(sales["store_id"], sales["item_id"], strict=True))
    price = wide.loc[keys].to_numpy()
    units = sales[[c for c in sales.columns if c.startswith("d_")]].to_numpy(dtype=float)
    units[np.isnan(price[:, week_of_day[: units.shape[1]]])] = np.nan
    ids = sales[["item_id", "store_id", "dept_id", "cat_id", "state_id"]]
    return Raw(
        ids=ids.set_axis(["item_id", "store_id", "department_id", "category_id", "region_id"], axis=1),
        dates=pd.DatetimeIndex(calendar["date"]),
        weekday=calendar["wday"].to_numpy(),
        week_of_day=week_of_day,
        week_ids=week_ids,
        units=units,
        price=price,
    )


@pytest.fixture(scope="module")
def raw(raw_files: Path) -> Raw:
    return read_raw(raw_files)


def assert_same(mart: pd.DataFrame, expected: pd.DataFrame, keys: list[str]) -> None:
    """The same columns, the same rows, the same values to 1e-9."""
    assert sorted(mart.columns) == sorted(expected.columns)
    left = mart.sort_values(keys, ignore_index=True)
    right = expected.sort_values(keys, ignore_index=True)
    assert left[keys].astype(str).equals(right[keys].astype(str))
    for column in left.columns.difference(keys):
        if left[column].dtype == object:
            assert left[column].fillna("").tolist() == right[column].fillna("").tolist(), column
        else:
            np.testing.assert_allclose(
                left[column].to_numpy(dtype=float),
                right[column].to_numpy(dtype=float),
                rtol=1e-9,
                atol=1e-9,
                err_msg=column,
            )


def trailing(values: np.ndarray, end: int, days: int) -> np.ndarray:
    """The days on sale among the last `days` up to position `end`."""
    window = values[max(end - days + 1, 0) : end + 1]
    return window[~np.isnan(window)]


NOT_FROM_RAW = ["demand_interval", "sale_size_cv2", "demand_class", "updated_at"]
"""Columns of the series features with a test of their own."""


def test_series_features(home: Home, raw: Raw) -> None:
    rows = []
    for series in range(len(raw.ids)):
        units = raw.units[series]
        for end in raw.grid:
            past = trailing(units, end, end + 1)
            if not past.size:
                continue
            sold = np.flatnonzero(np.nan_to_num(units[: end + 1]) > 0)
            sold = sold[sold > end - 364]
            row = {
                "item_id": raw.ids.at[series, "item_id"],
                "store_id": raw.ids.at[series, "store_id"],
                "as_of_date": raw.dates[end],
                "days_on_sale": past.size,
                "days_since_last_sale": end - sold[-1] if sold.size else min(past.size, 364),
            }
            for days in (7, 14, 28, 56, 91, 182, 364):
                row[f"units_mean_{days}"] = trailing(units, end, days).mean()
            for days in (28, 91):
                row[f"units_std_{days}"] = trailing(units, end, days).std()
                row[f"zero_share_{days}"] = (trailing(units, end, days) == 0).mean()
            for weekday in range(1, 8):
                of_weekday = np.where(raw.weekday[: raw.known] == weekday, units, np.nan)
                for days in (7, 28, 56, 91, 182):
                    window = trailing(of_weekday, end, days)
                    row[f"weekday_{weekday}_mean_{days}"] = window.mean() if window.size else np.nan
            rows.append(row)
    mart = home.query(f"select * exclude ({', '.join(NOT_FROM_RAW)}) from features.fct_series_features")
    assert_same(mart, pd.DataFrame(rows), ["item_id", "store_id", "as_of_date"])


def test_demand_classes_are_those_of_the_models(home: Home, raw: Raw) -> None:
    """The mart's classes against the numpy function that evaluation and quantiles use, on several as-of days."""
    compared = 0
    for end in list(raw.grid)[10::12]:
        past = raw.units[:, : end + 1]
        on_sale = (~np.isnan(past)).sum(axis=1)
        expected = demand_classes(np.nan_to_num(past[:, -364:]), on_sale)
        mart = home.query(
            "select item_id, store_id, demand_class from features.fct_series_features "
            f"where as_of_date = date '{raw.dates[end].date()}'"
        )
        found = raw.ids[["item_id", "store_id"]].merge(mart, how="left")["demand_class"].to_numpy()
        np.testing.assert_array_equal(found[on_sale > 0], expected[on_sale > 0])
        compared += len(mart)
    assert compared > 100
    classes = home.query("select distinct demand_class from features.fct_series_features")
    assert len(classes) > 3


NODE_SAMPLES = {
    "total": (),
    "region": ("region_id",),
    "category": ("category_id",),
    "store_department": ("store_id", "department_id"),
}


def test_node_features(home: Home, raw: Raw) -> None:
    expected = []
    for level_name, keys in NODE_SAMPLES.items():
        groups = raw.ids.groupby(list(keys)).indices if keys else {(): np.arange(len(raw.ids))}
        for key, members in groups.items():
            parts = key if isinstance(key, tuple) else (key,)
            expected.append(node_rows(raw, members, level_name + (":" + "|".join(parts) if parts else "")))
    levels = ", ".join(f"'{name}'" for name in NODE_SAMPLES)
    mart = home.query(
        "select features.* exclude (level, store_id) from features.fct_node_features as features "
        f"inner join core.dim_nodes as nodes on features.node_id = nodes.node_id where level_name in ({levels})"
    )
    assert_same(mart, pd.concat(expected), ["node_id", "as_of_date"])


def node_rows(raw: Raw, members: np.ndarray, node_id: str) -> pd.DataFrame:
    """Features of one node by pandas' rolling windows."""
    on_sale = (~np.isnan(raw.units[members])).sum(axis=0)
    units = pd.Series(np.nansum(raw.units[members], axis=0), index=raw.dates[: raw.known])[on_sale > 0]
    weekday = pd.Series(raw.weekday[: raw.known], index=raw.dates[: raw.known])[on_sale > 0]
    frame = pd.DataFrame(
        {
            "node_id": node_id,
            "as_of_date": units.index,
            "units": units.to_numpy(),
            "series_on_sale": on_sale[on_sale > 0],
            "days_known": np.arange(1, len(units) + 1),
        },
        index=units.index,
    )
    full = frame["days_known"]
    for days in (7, 14, 28, 56, 91, 182, 364):
        frame[f"units_mean_{days}"] = units.rolling(days).mean()
    for days in (7, 28, 56, 91, 182, 364):
        same = units.groupby(weekday).transform(lambda of_day, weeks=days // 7: of_day.rolling(weeks).mean())
        frame[f"same_weekday_mean_{days}"] = same.where(full >= days)
    for week in (1, 2, 3, 4):
        frame[f"last_year_lead_week_{week}_mean"] = units.rolling(7).mean().shift(364 - 7 * week)
    for number in range(1, 8):
        frame[f"weekday_{number}_mean_56"] = units.where(weekday == number).rolling(56, min_periods=1).mean()
        frame[f"weekday_{number}_mean_56"] = frame[f"weekday_{number}_mean_56"].where(full >= 56)
    return frame


def test_item_features(home: Home, raw: Raw) -> None:
    rows = []
    for item, members in raw.ids.groupby("item_id").indices.items():
        units = raw.units[members]
        total = np.nansum(units, axis=0)
        for end in raw.grid:
            stores = int((~np.isnan(units[:, end])).sum())
            if not stores:
                continue
            row = {"item_id": item, "as_of_date": raw.dates[end], "stores_on_sale": stores}
            for days in (7, 28, 56, 91, 364):
                row[f"units_mean_{days}"] = total[max(end - days + 1, 0) : end + 1].sum() / days
            for weekday in range(1, 8):
                window = slice(max(end - 55, 0), end + 1)
                row[f"weekday_{weekday}_mean_56"] = total[window][raw.weekday[window] == weekday].sum() / 8
            rows.append(row)
    mart = home.query("select * exclude (updated_at) from features.fct_item_features")
    assert_same(mart, pd.DataFrame(rows), ["item_id", "as_of_date"])


def test_price_features(home: Home, raw: Raw) -> None:
    rows = []
    weeks = range(len(raw.week_ids))
    price = raw.price
    group = raw.ids["store_id"] + raw.ids["department_id"]
    item_mean = pd.DataFrame(price).groupby(raw.ids["item_id"]).transform("mean").to_numpy()
    lower = pd.DataFrame(price).groupby(group).rank(method="min").to_numpy() - 1
    others = pd.DataFrame(price).groupby(group).transform("count").to_numpy() - 1
    for series in range(len(raw.ids)):
        launch = int(np.flatnonzero(~np.isnan(price[series]))[0])
        changed = launch
        for week in weeks[launch:]:
            now = price[series, week]
            if week > launch and abs(now - price[series, week - 1]) > 1e-6:
                changed = week
            before = [price[series, max(launch, week - n) : week] for n in (8, 52)]
            rows.append(
                {
                    "item_id": raw.ids.at[series, "item_id"],
                    "store_id": raw.ids.at[series, "store_id"],
                    "week_id": raw.week_ids[week],
                    "week_number": week + 1,
                    "week_first_date": raw.dates[np.searchsorted(raw.week_of_day, week)],
                    "price": now,
                    "price_mean_8_weeks": before[0].mean() if before[0].size else now,
                    "price_mean_52_weeks": before[1].mean() if before[1].size else now,
                    "price_max": price[series, launch : week + 1].max(),
                    "price_to_item_mean": now / item_mean[series, week],
                    "price_rank_in_department": lower[series, week] / max(others[series, week], 1),
                    "weeks_since_price_change": week - changed,
                }
            )
    mart = home.query("select * exclude (updated_at) from features.fct_price_features")
    mart["week_first_date"] = mart["week_first_date"].astype("datetime64[ns]")
    assert_same(mart, pd.DataFrame(rows), ["item_id", "store_id", "week_id"])


def test_daily_sales(home: Home, raw: Raw) -> None:
    series, day = np.nonzero(~np.isnan(raw.units))
    price = raw.price[series, raw.week_of_day[day]]
    expected = pd.DataFrame(
        {
            "item_id": raw.ids["item_id"].to_numpy()[series],
            "store_id": raw.ids["store_id"].to_numpy()[series],
            "date": raw.dates[day],
            "units": raw.units[series, day],
            "price": price,
            "revenue": raw.units[series, day] * price,
        }
    )
    mart = home.query("select * exclude (is_price_carried, updated_at) from core.fct_daily_sales")
    assert_same(mart, expected, ["item_id", "store_id", "date"])
    carried = home.query("select sum(is_price_carried) as days from core.fct_daily_sales")["days"][0]
    assert carried > 35  # five weeks in a hole, and the end of another series


def test_days_around_events(home: Home, raw_files: Path) -> None:
    calendar = pd.read_csv(raw_files / "calendar.csv", parse_dates=["date"])
    days = np.arange(len(calendar))
    at = np.flatnonzero(calendar["event_name_1"].notna())
    mart = home.query("select * from core.dim_calendar order by date")
    back = [min((d - at[at <= d]).min(initial=30), 30) for d in days]
    ahead = [min((at[at >= d] - d).min(initial=30), 30) for d in days]
    np.testing.assert_array_equal(mart["days_since_event"], back)
    np.testing.assert_array_equal(mart["days_to_event"], ahead)
    np.testing.assert_array_equal(mart["day_of_year"], calendar["date"].dt.dayofyear)
    names = [calendar["event_name_1"][at[at >= d]].iloc[0] if (at >= d).any() else None for d in days]
    assert mart["next_event_name"].where(mart["next_event_name"].notna(), None).tolist() == names


def test_a_store_without_sales_is_marked(home: Home, raw: Raw) -> None:
    for store, members in raw.ids.groupby("store_id").indices.items():
        on_sale = (~np.isnan(raw.units[members])).any(axis=0)
        closed = raw.dates[: raw.known][on_sale & (np.nansum(raw.units[members], axis=0) == 0)]
        mart = home.query(
            f"select date from core.fct_store_days where store_id = '{store}' and is_without_sales = 1 order by date"
        )
        assert list(mart["date"]) == list(closed)
    assert home.query("select sum(is_without_sales) as days from core.fct_store_days")["days"][0] > 0
