"""Suspicious dates: their spacing, dates far from the rest, unfinished last days, closures and jumps of the level."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models_ml.sources.long.config import WEEKDAYS
from models_ml.sources.long.findings import Finding, by_date, on_date
from models_ml.sources.long.mapping import Closure, RawTables
from models_ml.sources.long.session import Session

SPACINGS = {
    "two weeks": (13, 15), "four weeks": (28, 28), "month": (27, 32), "quarter": (88, 93), "half-year": (180, 185),
    "year": (364, 367),
}  # fmt: skip
"""Days between two dates of grains that are not forecast."""

ONE_WEEKDAY = 0.8
"""Share of the dates on one weekday from which on weekly data is dated by it."""

MOST_LONELY_ROWS, MOST_LONELY_DATES = 0.01, 3
FAR_DAYS = 28
NEAR_DAYS, MOST_NEAR_ROWS = 7, 0.2
"""A first or last date more than a week away is a mistake, too, where it has at most this share of a date's rows."""
MOST_STRAY_ROWS, STRAY_DAYS = 0.1, 180
STRETCH = 8
"""Dates in a row with the spacing of another grain that cannot be chance."""

IMPROBABLE = 1e-4
"""Chance of days without a sale below which they are a closure, given how often each weekday sells."""

SHORTEST_CLOSURE_DAYS = 7

LOOK_BACK, PAST_STEPS = 8, 364
"""The last steps of the same weekday that a day is compared with; steps whose own deviations give the bounds."""


def days_between(dates: pd.Series) -> pd.Series:
    """Days from each date's predecessor to it."""
    days = dates.to_numpy("datetime64[D]").astype(np.float64)
    return pd.Series(np.diff(days, prepend=np.nan), dates.index)


def grain_of(dates: pd.Series) -> tuple[str, str]:
    """Grain that the spacing of dates says (day, week or another one), and the reason in words.

    Args:
        dates: different dates in order.
    """
    if len(dates) < 3:
        return "day", "there are fewer than three dates"
    gaps = days_between(dates).dropna()
    typical = float(gaps.median())
    share = float((gaps == typical).mean())
    reason = f"dates are mostly {typical:.0f} days apart ({dates.iloc[0].date()}, {dates.iloc[1].date()}, ...)"
    if typical < 7:
        return "day", reason
    if typical == 7:
        on_one = dates.dt.dayofweek.value_counts(normalize=True).max()
        return ("week", reason) if on_one >= ONE_WEEKDAY else ("weeks of no fixed weekday", reason)
    for name, (least, most) in SPACINGS.items():
        if least <= typical <= most and (name != "four weeks" or share > 0.9):
            return name, reason
    return "another", reason


def grain(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """A grain that is not forecast, days read as weeks or weeks as days, a change of grain, odd weekdays."""
    config = raw.config
    dates = pd.Series(by_date(connection, raw)["date"].unique())
    found, reason = grain_of(dates)
    if found == "week" and config.grain == "day":
        yield Finding(
            "grain", f"{reason}, all of one weekday or nearly so", "Say `grain: week`.", {"grain": "week"},
            "each row is a week", "--grain day", config.sales.date,
        )  # fmt: skip
        return
    if found not in ("day", "week") or (found == "day" and config.grain == "week" and len(dates) > 2):
        wanted = (
            "rows are weekly, so their dates should be of one weekday"
            if found == "day"
            else "rows are of a day or a week"
        )
        yield Finding(
            "grain",
            f"{wanted}, and the spacing of dates says {found}: {reason}",
            "Sales by the month, quarter or year are not forecast: their totals would be read as sales of one day. "
            "Export sales by the day or by the week." if found != "day" else "Say `grain: day`.",
            column=config.sales.date, condition=on_date(raw, dates.iloc[-1]),
        )  # fmt: skip
        return
    if config.grain == "day":
        gaps = days_between(dates)
        for spacing in (7, 28, 29, 30, 31):
            near = (gaps - spacing).abs() <= (0 if spacing == 7 else 3)
            runs = near.groupby((~near).cumsum()).transform("sum")
            if near.any() and runs.max() >= STRETCH:
                at = dates[runs == runs.max()].iloc[0]
                yield Finding(
                    "grain",
                    f"the grain changes: from {at.date()} on, {int(runs.max())} dates in a row are about {spacing} "
                    "days apart, while the rest is daily",
                    "Give sales of one grain.", column=config.sales.date, condition=on_date(raw, at),
                )  # fmt: skip
                return
    elif config.weekday is None:
        days = dates.dt.dayofweek.value_counts()
        if len(days) > 1:
            usual = WEEKDAYS[int(days.index[0])]
            odd = dates[dates.dt.dayofweek != days.index[0]]
            yield Finding(
                "weekday",
                f"weeks are dated by a {usual}, but {len(odd)} of {len(dates)} dates are not, such as "
                f"{odd.iloc[0].date()}, a {odd.iloc[0].day_name()}",
                f"Correct the dates, or say `weekday: {usual}`: then each is read as the nearest {usual}.",
                {"weekday": usual}, f"each date is read as the nearest {usual}",
                column=config.sales.date, condition=on_date(raw, odd.iloc[0]),
            )  # fmt: skip


def lonely_dates(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """Few rows far before or after all others, and sales after today."""
    column = raw.config.sales.date
    frame = by_date(connection, raw)
    dates, rows = frame["date"], frame["rows"]
    if len(dates) < 20:
        return
    gaps = days_between(dates).fillna(0)
    typical = float(gaps[gaps > 0].median())
    apart, near = gaps > max(FAR_DAYS, 4 * typical), np.flatnonzero(gaps > max(NEAR_DAYS, 4 * typical))
    if len(near):
        for end, outside in ((near[-1], rows.iloc[near[-1] :]), (near[0], rows.iloc[: near[0]])):
            apart.iloc[end] |= outside.max() <= MOST_NEAR_ROWS * rows.median()
    group = apart.cumsum()
    clusters = [own for _, own in frame.groupby(group)]
    largest = int(np.argmax([own["rows"].sum() for own in clusters]))
    first, last = clusters[largest]["date"].min(), clusters[largest]["date"].max()
    for number, own in enumerate(clusters):
        if number == largest:
            continue
        away = ((own["date"].min() - last) if number > largest else (first - own["date"].max())).days
        share = own["rows"].sum() / rows.sum()
        few = share <= MOST_LONELY_ROWS and len(own) <= MOST_LONELY_DATES
        if few or (share <= MOST_STRAY_ROWS and away >= STRAY_DAYS):
            side = "after" if number > largest else "before"
            yield Finding(
                "lonely_dates",
                f"{int(own['rows'].sum()):,} of {int(rows.sum()):,} rows are dated {away:,} days {side} all others, "
                f"which are from {first.date()} to {last.date()}",
                "Correct the date, or leave the row out by `where`.",
                column=column, condition=on_date(raw, own["date"].min()),
            )  # fmt: skip
            return
    today = pd.Timestamp(dt.date.today())
    sold = frame[(frame["units"] > 0) & (dates > today)]
    if len(sold):
        yield Finding(
            "future_dates", f"sales are dated after today, {today.date()}", "Correct the date, or leave it out by "
            "`where`.", column=column, condition=on_date(raw, sold["date"].iloc[0]),
        )  # fmt: skip


def cut_of(connection: Session, raw: RawTables) -> dt.date | None:
    """The last date that is history: without trailing zeros and unfinished days, as the rules say; None: the last."""
    config = raw.config
    frame = by_date(connection, raw)
    sold = frame.loc[frame["units"] > 0, "date"]
    if sold.empty:
        return None
    last = sold.max()
    if config.trailing_zeros == "keep" or not trails(frame, last, config.step_days):
        last = frame["date"].max()
    if config.last_day == "drop" and (unfinished := unfinished_days(frame[frame["date"] <= last], config.step_days)):
        last = frame.loc[frame["date"] < unfinished[0].date, "date"].max()
    return None if last == frame["date"].max() else last.date()


def trails(frame: pd.DataFrame, last: pd.Timestamp, step_days: int) -> bool:
    """Whether days after the last sale are too many to be chance."""
    after = frame.loc[frame["date"] > last, "date"]
    if after.empty:
        return False
    rate = selling_rates(frame[frame["date"] <= last].set_index("date")["units"], step_days)
    return bool(np.prod(1 - 0.95 * rate[after.dt.dayofweek.to_numpy()]) < 10 * IMPROBABLE)


def selling_rates(units: pd.Series, step_days: int) -> np.ndarray:
    """Share of the days of each weekday (Monday first) on which something sold, within a year of the last day."""
    every = pd.date_range(units.index.min(), units.index.max(), freq=f"{step_days}D")
    sold = units.reindex(every, fill_value=0).tail(PAST_STEPS) > 0
    rates = sold.groupby(pd.DatetimeIndex(sold.index).dayofweek).mean()
    return rates.reindex(range(7), fill_value=0.0).to_numpy()


@dataclass(frozen=True)
class Unfinished:
    """A last day that sold far less than its weekday does."""

    date: pd.Timestamp
    units: float
    usual: float


def unfinished_days(frame: pd.DataFrame, step_days: int) -> list[Unfinished]:
    """The trailing days, at most three, that sold far less than they should, in order.

    A day is compared with the median of the same weekday's last eight days. How far a day may be below follows from
    the deviations of the year before: five times their spread, a quarter at least, and lower than any but one of them.
    """
    units = frame.set_index("date")["units"]
    every = pd.date_range(units.index.min(), units.index.max(), freq=f"{step_days}D")
    units = units.reindex(every, fill_value=0.0)
    season = 7 if step_days == 1 else 1
    found: list[Unfinished] = []
    for _ in range(3):
        if len(units) < season * (LOOK_BACK + 4):
            break
        usual = units.groupby(np.arange(len(units)) % season).transform(
            lambda of: of.shift(1).rolling(LOOK_BACK, min_periods=4).median()
        )
        share = (units / usual.where(usual > 0)).dropna()
        past, at = share.iloc[:-1].tail(PAST_STEPS), units.index[-1]
        if len(past) < 2 * LOOK_BACK or share.index[-1] != at:
            break
        spread = 1.4826 * float((past - past.median()).abs().median())
        bound = min(float(past.median()) - max(0.25, 5 * spread), float(past.nsmallest(2).iloc[-1]) * 0.9)
        if share.iloc[-1] >= bound:
            break
        found.insert(0, Unfinished(at, float(units.iloc[-1]), float(usual.iloc[-1])))
        units = units.iloc[:-1]
    return found


def last_day(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """The last day, or week, is unfinished."""
    config = raw.config
    if config.last_day != "ask":
        return
    frame = by_date(connection, raw)
    cut = cut_of(connection, raw)
    frame = frame if cut is None else frame[frame["date"] <= pd.Timestamp(cut)]
    unfinished = unfinished_days(frame, config.step_days)
    if not unfinished or (config.sales.open is not None and unfinished[-1].units == 0):
        return
    at = unfinished[0]
    kind = config.grain
    yield Finding(
        "last_day",
        f"the last {kind} looks unfinished: {at.date.date()} sold {at.units:,.0f} units, and "
        + (f"a {at.date.day_name()}" if kind == "day" else "a week")
        + f" usually sells {at.usual:,.0f}",
        f"Say `last_day: drop` to leave an unfinished last {kind} out, or `last_day: keep`.",
        {"last_day": "drop"}, f"the unfinished {kind} is left out", "--last-day keep", config.sales.date,
        on_date(raw, at.date),
    )  # fmt: skip


def level(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """The last four weeks sell many times more or less than the four before: rather another unit than demand."""
    frame = by_date(connection, raw).set_index("date")["units"]
    every = pd.date_range(frame.index.min(), frame.index.max(), freq=f"{raw.config.step_days}D")
    cut = cut_of(connection, raw)
    steps = 28 // raw.config.step_days
    # Days without a sale are left out: a shop that opens again does not sell in other units.
    sold = frame.where(frame > 0).reindex(every)[: None if cut is None else str(cut)]
    totals = steps * sold.rolling(steps, min_periods=max(steps // 2, 1)).mean()
    ratio = (totals / totals.shift(steps)).dropna()
    if len(ratio) < 4 * steps:
        return
    for name, change, learned in (
        ("more", ratio, ratio.iloc[: -2 * steps].max()),
        ("less", 1 / ratio, (1 / ratio.iloc[: -2 * steps]).max()),
    ):
        recent = change.iloc[-2 * steps :]
        if recent.max() > max(4.0, 2 * learned):
            at = pd.Timestamp(str(recent.idxmax()))
            yield Finding(
                "level",
                f"the four weeks until {at.date()} sold {recent.max():.1f} times {name} than the four weeks before "
                f"({totals[at]:,.0f} units, then {totals.shift(steps)[at]:,.0f}; the most before was "
                f"{learned:.1f} times), as when units change",
                "Compare the units with the ones before that day and correct them.",
                column=raw.config.sales.units,
            )  # fmt: skip
            return


def closures(connection: Session, raw: RawTables) -> tuple[Closure, ...]:
    """Stretches within a store's history without a sale of any item, too long to be chance; at least a week."""
    config = raw.config
    if config.closures == "zero" or config.sales.open is not None:  # or the data says itself when a store is closed
        return ()
    every_row = by_date(connection, raw, "store_id")
    frame = every_row[every_row["units"] > 0]
    found = []
    for store, own in frame.groupby("store_id"):
        dates = own["date"].drop_duplicates()
        gaps = days_between(dates)
        least = max(SHORTEST_CLOSURE_DAYS, config.step_days * 2)
        wide = gaps[gaps > least]
        if wide.empty:
            continue
        rates = dates.dt.dayofweek.value_counts().reindex(range(7), fill_value=0)
        spans = [
            pd.date_range(
                end=opened - pd.Timedelta(days=config.step_days),
                periods=int(gap) // config.step_days - 1,
                freq=f"{config.step_days}D",
            )
            for opened, gap in zip(dates[wide.index], wide, strict=True)
        ]
        closed_days = pd.DatetimeIndex(np.concatenate([span.to_numpy() for span in spans]))
        every = pd.date_range(dates.iloc[0], dates.iloc[-1], freq=f"{config.step_days}D").difference(closed_days)
        days = pd.Series(every.dayofweek).value_counts().reindex(range(7), fill_value=0)
        rate = (rates / days.clip(lower=1)).clip(upper=1).to_numpy()
        if config.missing_dates == "gap":  # dates without rows are unknown anyway
            stated = every_row.loc[every_row["store_id"] == store, "date"]
            spans = [span for span in spans if stated.between(span[0], span[-1]).any()]
        found += [
            Closure(str(store), span[0].date(), (span[-1] + pd.Timedelta(days=config.step_days - 1)).date())
            for span in spans
            if np.prod(1 - 0.95 * rate[span.dayofweek.to_numpy()]) < IMPROBABLE
        ]
    return tuple(found)
