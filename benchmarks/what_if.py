"""Do what-ifs come true? Price changes that happened in folds, predicted from what was known before them.

A series whose price in a week of the fold differs from the last one before the origin is compared with those of its
store and department whose price stayed: what it sold, over what it would have sold had it moved with them from its
last eight weeks. Predicted are no effect, the elasticity as of the origin, and the item model's own response.

Needs a home whose marts are built (DEMAND_HOME; `demand ingest`, `demand build`).

Run: python -m benchmarks.what_if --stores CA_1 --write
     python -m benchmarks.what_if --without-model --write
"""

from __future__ import annotations

import argparse
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import circumstances, write_section
from models_ml.forecasters.base import Responsive
from models_ml.forecasters.registry import make_forecaster
from models_ml.scenarios.history import read_price_history, read_prices
from models_ml.scenarios.tables import learn
from models_ml.settings import Settings, get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.marts import Marts, read_daily

FOLDS = "2016-04-24,2016-03-27,2016-02-28,2016-01-31,2015-06-21"
"""Last known days of five folds on the M5 data."""
MODEL = "item_lightgbm"
"""The part of middle_out that knows prices."""
LEVEL_WEEKS = 8
LEAST_MOVE = 0.02
METHODS = ("no effect", "elasticity", "model")
BUCKETS = {
    "-10 % and below": (0.0, 0.9),
    "-10 % to -2 %": (0.9, 0.98),
    "+2 % to +10 %": (1.02, 1.1),
    "above": (1.1, 99),
}
PAGE = Path(__file__).with_suffix(".md")


def main() -> None:
    """Compare on each fold, print Markdown, write it into what_if.md if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", default=FOLDS)
    parser.add_argument("--stores", default="")
    parser.add_argument("--without-model", action="store_true", help="elasticities alone: no fit of the item model")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()

    settings = get_settings()
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    stores = tuple(store for store in options.stores.split(",") if store)
    parts, started = [], time.process_time()
    for fold in options.folds.split(","):
        marts = Marts(warehouse, date.fromisoformat(fold), settings.horizon_days, stores)
        parts.append(moves(None if options.without_model else fitted(settings, marts), marts))
        print(f"{fold}: {len(parts[-1])} weeks of moved prices, {time.process_time() - started:,.0f} CPU s", flush=True)
    rows = pd.concat(parts, ignore_index=True)
    where = f"{'all stores' if not stores else ', '.join(stores)}; folds {options.folds}"
    text = "\n\n".join([changes(rows), errors(rows), f"{where}. {circumstances(('lightgbm', 'numpy'))}"])
    print(text)
    if options.write:
        write_section("elasticities" if options.without_model else "both", text, PAGE)


def fitted(settings: Settings, marts: Marts) -> Responsive:
    """The item model, fitted as of the origin."""
    forecaster = make_forecaster(MODEL, seed=settings.seed, threads=settings.threads)
    forecaster.fit(marts)
    assert isinstance(forecaster, Responsive)
    return forecaster


def moves(forecaster: Responsive | None, marts: Marts) -> pd.DataFrame:
    """Weeks of the horizon in which a series had another price than before the origin, one of those it had before.

    Prices that history has not seen in ordinary weeks are left out, be they before the origin or after it: a what-if
    refuses them.

    Returns:
        One row a series and week: item_id, relative price, sold units, those expected had the price stayed, and the
        factors that `METHODS` predict, those of the model only with a forecaster.
    """
    history = read_price_history(marts)
    assert history is not None, "the marts hold no prices"
    weeks = whole_weeks(marts)
    week = marts.calendar["week_number"].to_numpy().astype(np.intp)
    first = int(week[(marts.origin - marts.first_day).days])
    price = read_prices(marts, first, int(week[-1]))
    before = history.price[:, -1]
    days = [marts.origin + timedelta(days=int(lead)) for lead in weeks[:, 0]]
    ahead = np.stack([price[:, week[(day - marts.first_day).days] - first] for day in days], axis=1)
    sold = read_daily(marts, marts.origin + timedelta(days=1), marts.target_dates[-1], "units")
    actual = np.stack([sold[:, start - 1 : end].sum(axis=1) for start, end in weeks], axis=1).astype(np.float64)
    level = history.units[:, -LEVEL_WEEKS:].mean(axis=1)
    relative = ahead / before[:, None]
    usable = (
        np.isfinite(relative) & (level > 0)[:, None] & np.isfinite(history.price[:, -LEVEL_WEEKS:]).all(axis=1)[:, None]
    )
    still = usable & (np.abs(relative - 1) < 1e-6)
    node, count = marts.node_of_series, len(marts.store_departments)
    trend = np.stack(
        [
            np.bincount(node, actual[:, k] * still[:, k], count) / np.bincount(node, level * still[:, k], count)
            for k in range(len(weeks))
        ],
        axis=1,
    )
    moved = usable & (np.abs(relative - 1) >= LEAST_MOVE)
    _, learned, ordinary = learn(marts.series, history)
    elasticity = learned["elasticity"]
    lowest = np.where(ordinary, history.price, np.inf).min(axis=1)[:, None]
    highest = np.where(ordinary, history.price, -np.inf).max(axis=1)[:, None]
    seen = (np.minimum(ahead, before[:, None]) >= lowest) & (np.maximum(ahead, before[:, None]) <= highest)
    moved &= np.isfinite(elasticity)[:, None] & seen
    at_old = np.ones(moved.shape)
    if forecaster is not None:
        at_old = forecaster.price_responses(marts, np.where(moved, 1 / relative, np.nan))
    row, column = np.nonzero(moved & np.isfinite(at_old))
    rows = pd.DataFrame(
        {
            "item_id": marts.series["item_id"].to_numpy()[row],
            "relative": relative[row, column],
            "sold": actual[row, column],
            "expected": level[row] * trend[node[row], column],
            "no effect": 1.0,
            "elasticity": relative[row, column] ** elasticity[row],
            "model": 1 / at_old[row, column],
        }
    )
    return rows if forecaster is not None else rows.drop(columns="model")


def whole_weeks(marts: Marts) -> np.ndarray:
    """First and last lead day of each whole price week of the horizon."""
    week = marts.calendar["week_number"].to_numpy()[-marts.horizon_days :]
    starts = np.flatnonzero(np.diff(week, prepend=week[0] - 1))
    ends = np.append(starts[1:], len(week))
    return np.array([(start + 1, end) for start, end in zip(starts, ends, strict=True) if end - start == 7])


def changes(rows: pd.DataFrame) -> str:
    """Change of units against series whose price stayed, as it was and as it was predicted."""
    lines = []
    for name, (low, high) in {**BUCKETS, "all": (0.0, 99.0)}.items():
        part = rows[(rows["relative"] >= low) & (rows["relative"] < high)]
        if part.empty:
            continue
        expected = part["expected"].sum()
        realised = part["sold"].sum() / expected - 1
        error = clustered_error(part, part["sold"] - part["expected"] * (1 + realised)) / expected
        lines.append(
            {
                "price": name,
                "series-weeks": f"{len(part):,}",
                "items": f"{part['item_id'].nunique():,}",
                "realised": f"{realised:+.1%} ± {1.96 * error:.1%}",
                **{m: f"{(part['expected'] * part[m]).sum() / expected - 1:+.1%}" for m in METHODS[1:] if m in part},
            }
        )
    return str(pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True))


def errors(rows: pd.DataFrame) -> str:
    """Absolute error of units by series and week, and how much of no effect's each method saves."""
    none = (rows["sold"] - rows["expected"]).abs()
    lines = []
    for method in (name for name in METHODS if name in rows):
        wrong = (rows["sold"] - rows["expected"] * rows[method]).abs()
        saved = (none - wrong).sum() / none.sum()
        error = clustered_error(rows, none - wrong) / none.sum()
        squares = ((rows["sold"] - rows["expected"] * rows[method]) ** 2).mean() ** 0.5
        lines.append(
            {
                "predicted": method,
                "WAPE": f"{wrong.sum() / rows['sold'].sum():.1%}",
                "RMSE": f"{squares:.2f}",
                "error saved": f"{saved:+.1%} ± {1.96 * error:.1%}" if method != METHODS[0] else "",
            }
        )
    return str(pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True))


def clustered_error(rows: pd.DataFrame, values: pd.Series) -> float:
    """Standard error of a sum whose rows of one item go together."""
    sums = values.groupby(rows["item_id"]).sum()
    count = len(sums)
    return float(np.sqrt(((sums - sums.mean()) ** 2).sum() * count / max(count - 1, 1)))


if __name__ == "__main__":
    main()
