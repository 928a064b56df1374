"""What a forecast is worth: the same policy fed by several forecasts, played through against real demand.

At each weekly origin every method forecasts with what was known then, orders are derived from its forecast and from
the spread of its own past errors, and stock, sales and lost sales follow day by day. A method may look better by
holding more, so methods are compared at the same fill rate: each is played at several service levels, and the stock
it needs for a given fill rate is read off its curve. Orders come in packs, above minimums and on delivery days where
these are known, and what its shelf life ends is waste.

Demand is what was sold. Where stock had run out, more was asked for than was sold, and nobody knows how much: methods
are compared on the same sales, but fill rates are upper bounds of the real ones. The source `long` with a stock-out
flag has the weekday's typical demand on such days instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from models_ml.errors import InputError
from models_ml.inventory.deliveries import reviews_of
from models_ml.inventory.feeds import WEEK, Feed, feed_of
from models_ml.inventory.interval import days_to_replay
from models_ml.inventory.policy import stock_target
from models_ml.inventory.simulation import Limits, Outcome, simulate, sold_in_shelf_life, steady_start
from models_ml.inventory.terms import YEAR_DAYS
from models_ml.warehouse.connection import Warehouse
from models_ml.warehouse.marts import SERIES_KEYS, Marts, read_daily

FORESIGHT = "perfect_foresight"
"""Orders exactly what will be asked for: the bound that no forecast passes."""

SERVICE_LEVELS = (0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.999)
GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it spread evenly over [0, 1), whatever their number."""

SUMS = ["demand", "sales", "lost", "stock", "stock_value", "holding", "shortage", "stockout_days", "days", "kept",
        "cycles", "wasted", "waste_value"]  # fmt: skip
"""Of a result's row: units asked for, sold and lost; mean stock in units and money; costs in money; series x days
with a lost sale, and all of them; intervals in which the order-up-to level would have lasted, and all of them; units
that spoilt, and their value."""

EPOCH = date(1970, 1, 1)
WEEKDAYS = ["order_weekdays", "delivery_weekdays"]

OnStep = Callable[[str], None]
"""Told of each forecast before it is made."""


@dataclass(frozen=True)
class Study:
    """The goods whose stock is played through.

    Attributes:
        series: one row a series (see `Marts.series`).
        terms: one row a series (see `terms.terms_of`), and of supply what is known of it (see `terms.with_supply`).
        price: one value a series.
        first: the day of the first column of `demand`.
        demand: series x days, units sold in truth.
        launch: column of `demand` at which a series is launched.
        horizon_days: of the forecasts.
    """

    series: pd.DataFrame
    terms: pd.DataFrame
    price: np.ndarray
    first: date
    demand: np.ndarray
    launch: np.ndarray
    horizon_days: int

    def groups(self) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
        """Lead time, review period and weekdays, and the rows of the series that have them."""
        names = ["lead_time_days", "review_period_days", *WEEKDAYS]
        terms = self.terms.reindex(columns=names).fillna(0).astype(int)
        for _, own in terms.groupby(names):
            lead, review, ordered, delivered = (int(value) for value in own.iloc[0])
            yield (lead, review, ordered, delivered), terms.index.get_indexer(own.index)

    def lengths(self) -> list[int]:
        """Days that an order has to last, all of them, whatever the weekday on which a fold begins."""
        schedules = [schedule for schedule, _ in self.groups()]
        return sorted(
            {int(days) for first in range(WEEK) for one in schedules for days in reviews_of(first, 56, *one).length}
        )

    def limits(self, rows: np.ndarray) -> Limits:
        """Packs, minimums and shelf lives of some series."""
        own = self.terms.reindex(columns=["pack_size", "minimum_order", "shelf_life_days"]).iloc[rows]
        pack, minimum = own["pack_size"].fillna(1.0), own["minimum_order"].fillna(0.0)
        return Limits(*(column.to_numpy(dtype=np.float64) for column in (pack, minimum, own["shelf_life_days"])))


def value_backtest(
    warehouse: Warehouse,
    folds: Sequence[date],
    methods: Sequence[str],
    terms_for: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    horizon_days: int,
    stores: tuple[str, ...] = (),
    service_levels: Sequence[float] = SERVICE_LEVELS,
    on_hand: pd.DataFrame | None = None,
    seed: int = 0,
    threads: int = 2,
    keep: Path | None = None,
    on_step: OnStep = lambda _step: None,
) -> pd.DataFrame:
    """Play the policy through the horizon after each fold, fed by each method and by perfect foresight.

    Args:
        warehouse: of the marts.
        folds: origins; sales of the horizon after each must be known.
        methods: forecasters.
        terms_for: gives the terms of series (see `terms.terms_of`).
        horizon_days: days of a fold, and of each forecast.
        stores: in scope; empty: every store.
        service_levels: each is asked of every series in turn.
        on_hand: columns store_id, item_id, units: the stock at each fold's start. None: the policy runs for at least
            one protection interval before, from the mean of its steady state.
        seed, threads: of the forecasters.
        keep: a folder, for this very backtest, in which each finished forecast waits for the end, so that a backtest
            that was stopped goes on; None: it starts again.
        on_step: told of progress.

    Returns:
        One row a fold, method, service level and category; columns fold, method, service_level, category_id, `SUMS`.

    Raises:
        InputError: an interval of the terms is longer than the forecasts reach.
    """
    study = read_study(warehouse, folds, terms_for, horizon_days, stores)
    lengths = study.lengths()
    whole_weeks = (study.terms["review_period_days"] % WEEK == 0).all() and not set(WEEKDAYS) & set(study.terms)
    reach = horizon_days - (0 if whole_weeks else WEEK - 1)
    if max(lengths) > reach:
        raise InputError(
            f"An order has to last {max(lengths)} days, from its lead time to the delivery after it, which is longer "
            f"than the forecast reaches ({reach} days); shorten lead times, review periods or the time between "
            "deliveries, or lengthen DEMAND_HORIZON_DAYS."
        )
    warm_up = 0 if on_hand is not None else -(-max(lengths) // WEEK) * WEEK
    feeds: dict[tuple[date, str], Feed] = {}
    parts = []
    for fold in sorted(folds):
        start = fold - timedelta(days=warm_up)
        origins = [start + timedelta(days=WEEK * week) for week in range((warm_up + horizon_days) // WEEK)]
        for origin in origins:
            marts, past = Marts(warehouse, origin, horizon_days, stores), None
            for method in methods:
                kept = keep / f"{origin}_{method}.npz" if keep else None
                if (origin, method) in feeds:
                    continue
                if kept and kept.exists():
                    feeds[origin, method] = Feed.load(kept)
                    continue
                on_step(f"{origin} {method}")
                past = days_to_replay(marts) if past is None else past
                feed = feed_of(marts, method, study.series, lengths, past, seed=seed, threads=threads)
                if kept:
                    feed.save(kept)
                feeds[origin, method] = feed
        for method in (*methods, FORESIGHT):
            used = [feeds[origin, method] for origin in origins] if method != FORESIGHT else None
            for level in service_levels if used else (1.0,):
                scored = play(study, used, start, warm_up, level, on_hand)
                parts.append(scored.assign(fold=fold, method=method, service_level=level))
        feeds = {key: feed for key, feed in feeds.items() if key[0] > start}
    frame = pd.concat(parts, ignore_index=True)
    return frame[["fold", "method", "service_level", "category_id", *SUMS]]


def read_study(
    warehouse: Warehouse,
    folds: Sequence[date],
    terms_for: Callable[[pd.DataFrame], pd.DataFrame],
    horizon_days: int,
    stores: tuple[str, ...],
) -> Study:
    """Series, terms, prices and true demand of all folds."""
    last = Marts(warehouse, max(folds), horizon_days, stores)
    first = min(folds) - timedelta(days=horizon_days + 8 * WEEK)
    until = last.target_dates[-1]
    demand = read_daily(last, first, until, "units").astype(np.float64)
    if not demand[:, -1].any():
        raise InputError(f"Fold {max(folds)} needs sales up to {until}, which the marts do not hold.")
    prices = read_daily(last, first, until, "price")
    prices = np.where(prices > 0, prices, np.nan)  # a day not on sale has none
    seen = np.isfinite(prices)
    price = np.where(seen, prices, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    launch = (last.series["launch_date"] - pd.Timestamp(first)).dt.days.to_numpy()
    return Study(last.series, terms_for(last.series), price, first, demand, launch, horizon_days)


def play(
    study: Study,
    feeds: Sequence[Feed] | None,
    start: date,
    warm_up: int,
    service_level: float,
    on_hand: pd.DataFrame | None,
) -> pd.DataFrame:
    """Play one method at one service level through one fold; `feeds` None is perfect foresight.

    Returns:
        One row a category: category_id and `SUMS`, of the days after the warm-up.
    """
    offset = (start - study.first).days + 1  # column of the first day after the start
    days = warm_up + study.horizon_days
    table = np.zeros((len(study.series), len(SUMS)))
    for (lead, review, ordered, delivered), rows in study.groups():
        demand = study.demand[rows, offset : offset + days]
        future = study.demand[rows, offset:]
        told = reviews_of((start - EPOCH).days + 1, days, lead, review, ordered, delivered)
        limits = study.limits(rows)
        levels = np.zeros((len(rows), len(told.day)))
        kept, cycles = np.zeros(len(rows)), np.zeros(len(rows))
        for number, (day, length) in enumerate(zip(told.day.tolist(), told.length.tolist(), strict=True)):
            actual = future[:, day : day + length].sum(axis=1)
            if feeds is None:
                levels[:, number] = actual
            else:
                feed, shift = feeds[day // WEEK], day % WEEK
                expected = feed.mean[rows, shift : shift + length].sum(axis=1, dtype=np.float64)
                shares = (GOLDEN * (rows + 1) + number / len(told.day)) % 1.0
                spread = feed.spreads[length].take(rows)
                asked, on_sale = np.full(len(rows), service_level), study.launch[rows] < offset + day + length
                levels[:, number] = stock_target(expected, spread, asked, on_sale, shares).level
            if day >= warm_up and day + length <= future.shape[1]:
                offered = study.launch[rows] < offset + day  # launched by the origin: an order could be derived
                kept += offered & (actual <= levels[:, number])
                cycles += offered
            units = future[:, day:] if feeds is None else feed.mean[rows, shift:]
            sellable = sold_in_shelf_life(units, int(told.arrival[number]) - day, limits.shelf_life_days)
            levels[:, number] = np.minimum(levels[:, number], np.maximum(sellable, np.minimum(levels[:, number], 1.0)))
        until_next = int(told.day[1]) if len(told.day) > 1 else days
        if on_hand is not None:
            stock = stock_on_hand(study.series.iloc[rows], on_hand)
        elif feeds is None:
            stock = levels[:, 0] - future[:, :until_next].sum(axis=1)
        else:
            stock = steady_start(levels[:, 0], feeds[0].mean[rows, :until_next].sum(axis=1))
        outcome = simulate(demand, levels, told.day, told.arrival - told.day, np.maximum(stock, 0.0), limits)
        table[rows] = sums_of(outcome, study, rows, offset, warm_up, kept, cycles)
    frame = pd.DataFrame(table, columns=SUMS).assign(category_id=study.series["category_id"].to_numpy())
    return frame.groupby("category_id", as_index=False)[SUMS].sum()


def sums_of(
    outcome: Outcome, study: Study, rows: np.ndarray, offset: int, warm_up: int, kept: np.ndarray, cycles: np.ndarray
) -> np.ndarray:
    """`SUMS` of each series over the days after the warm-up."""
    after = slice(warm_up, None)
    price, terms = study.price[rows], study.terms.iloc[rows]
    stock = outcome.stock[:, after].mean(axis=1)
    lost, wasted = outcome.lost[:, after], outcome.wasted[:, after].sum(axis=1)
    columns = np.arange(offset + warm_up, offset + outcome.demand.shape[1])
    on_sale = (study.launch[rows][:, None] <= columns[None, :]).sum(axis=1)
    return np.column_stack(
        [
            outcome.demand[:, after].sum(axis=1),
            outcome.sales[:, after].sum(axis=1),
            lost.sum(axis=1),
            stock,
            stock * price,
            stock * price * terms["holding_cost"].to_numpy() * study.horizon_days / YEAR_DAYS,
            lost.sum(axis=1) * price * terms["shortage_cost"].to_numpy(),
            (lost > 0).sum(axis=1),
            on_sale,
            kept,
            cycles,
            wasted,
            wasted * price,
        ]
    )


def read_on_hand(path: Path) -> pd.DataFrame:
    """Stock on hand from a CSV file.

    Returns:
        Columns store_id, item_id, units.

    Raises:
        InputError: names the column or row that is wrong.
    """
    try:
        frame = pd.read_csv(path, dtype=dict.fromkeys(SERIES_KEYS, "string"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; correct --on-hand.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file with a header ({error}).") from None
    missing = [column for column in (*SERIES_KEYS, "units") if column not in frame]
    if missing:
        raise InputError(f"{path}: the column {missing[0]} is missing; columns are store_id, item_id, units.")
    units = pd.to_numeric(frame["units"], errors="coerce")
    wrong = np.flatnonzero(~(units >= 0) | frame.duplicated(SERIES_KEYS))
    if len(wrong):
        row = frame.iloc[wrong[0]]
        raise InputError(
            f"{path}, row {wrong[0] + 1}: item {row['item_id']} in store {row['store_id']} has units "
            f"{row['units']!r}; each item and store is given once, with 0 units or more."
        )
    return frame[SERIES_KEYS].astype(object).assign(units=units.astype(float))


def stock_on_hand(series: pd.DataFrame, on_hand: pd.DataFrame) -> np.ndarray:
    """Units on hand of each series; a series that the table leaves out has none."""
    joined = series[SERIES_KEYS].merge(on_hand, on=SERIES_KEYS, how="left")
    return joined["units"].fillna(0.0).to_numpy(dtype=float)


def figures(results: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Rates from sums, by fold, method, service level and `by`.

    Returns:
        Index of these; columns fill_rate, stockout_share, service (share of intervals that the order-up-to level
        lasted), stock and stock_value (their mean), holding, shortage, waste and cost (money over the fold).
    """
    sums = results.groupby(["fold", "method", "service_level", *by])[SUMS].sum()
    return pd.DataFrame(
        {
            "fill_rate": sums["sales"] / sums["demand"],
            "stockout_share": sums["stockout_days"] / sums["days"].where(sums["days"] > 0),
            "service": sums["kept"] / sums["cycles"],
            "stock": sums["stock"],
            "stock_value": sums["stock_value"],
            "holding": sums["holding"],
            "shortage": sums["shortage"],
            "waste": sums["waste_value"],
            "cost": sums["holding"] + sums["shortage"] + sums["waste_value"],
        }
    )


def stock_at_same_fill(
    results: pd.DataFrame, method: str, service_level: float, by: Sequence[str] = (), value: bool = False
) -> pd.DataFrame:
    """How much stock each rival needs for the fill rate that `method` reaches at a service level.

    Between service levels the curve of log stock over the log of the share of demand lost is taken as straight.

    Args:
        results: from `value_backtest`.
        method: whose fill rate counts.
        service_level: one of those played.
        by: further columns to part by, e.g. category_id.
        value: stock in money rather than in units.

    Returns:
        Columns fold, *by, rival, fill_rate, stock, rival_stock, saving (1 - stock / rival_stock); NaN where the
        rival never reaches the fill rate or always passes it.
    """
    table = figures(results, by).reset_index()
    column = "stock_value" if value else "stock"
    rows = []
    for keys, own in table.groupby(["fold", *by]):
        mine = own[(own["method"] == method) & (own["service_level"] == service_level)].iloc[0]
        for rival, curve in own.groupby("method"):
            if rival in (method, FORESIGHT):
                continue
            curve = curve.sort_values("fill_rate")
            missed = -np.log(np.maximum(1 - curve["fill_rate"].to_numpy(), 1e-9))
            wanted = -np.log(max(1 - mine["fill_rate"], 1e-9))
            stock = np.exp(np.interp(wanted, missed, np.log(curve[column]), left=np.nan, right=np.nan))
            rows.append((*keys, rival, mine["fill_rate"], mine[column], stock, 1 - mine[column] / stock))
    return pd.DataFrame(rows, columns=["fold", *by, "rival", "fill_rate", "stock", "rival_stock", "saving"])


def interval_over_folds(values: pd.Series) -> tuple[float, float, float]:
    """Mean over folds and its 95 % confidence interval (Student's t); NaN bounds for a single fold."""
    known = values.dropna().to_numpy(dtype=float)
    if len(known) < 2:
        return float(known.mean()) if len(known) else np.nan, np.nan, np.nan
    half = stats.t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known))
    return float(known.mean()), float(known.mean() - half), float(known.mean() + half)
