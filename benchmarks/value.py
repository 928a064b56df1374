"""What is the forecast worth? The ordering policy played against real M5 demand, fed by several forecasts.

Needs a home whose marts are built from the real M5 files (DEMAND_HOME; `demand ingest`, `demand build`).

All stores are forecast together; what is stopped goes on where it was when it is started again.

Run: python -m benchmarks.value --write (or: make bench-value).
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.report import circumstances
from models_ml.inventory import value as worth
from models_ml.inventory.feeds import kept_until_done
from models_ml.inventory.terms import read_terms, terms_of
from models_ml.settings import get_settings
from models_ml.warehouse.connection import open_warehouse
from models_ml.warehouse.identity import built_marts

FOLDS = "2016-04-24,2016-03-27,2016-02-28"
"""Last known days of three folds on the M5 data: days 1913, 1885 and 1857."""

METHODS = ("middle_out", "seasonal_naive", "moving_average")
SERVICE_LEVEL = 0.95
MONEY = {
    "mean stock": "stock",
    "its value": "stock_value",
    "holding": "holding",
    "shortage": "shortage",
    "both": "cost",
}
PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- results: written by benchmarks/value.py -->", "<!-- end of results -->"


def main() -> None:
    """Play, print Markdown, write it into value.md if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", default=FOLDS)
    parser.add_argument("--stores", help="comma-separated; default: DEMAND_STORES, or all")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()

    settings = get_settings()
    if options.stores is not None:
        settings = settings.model_copy(update={"stores": options.stores})
    warehouse = open_warehouse(
        settings.effective_warehouse_url, threads=settings.threads, memory_limit_gb=settings.memory_limit_gb
    )
    rows = read_terms(warehouse, settings.inventory_terms)
    folds = [date.fromisoformat(fold) for fold in options.folds.split(",")]
    started = time.process_time()
    with kept_until_done(settings, built_marts(settings, warehouse)[0], folds, rows) as keep:
        results = worth.value_backtest(
            warehouse,
            folds,
            METHODS,
            lambda series: terms_of(series, rows),
            horizon_days=settings.horizon_days,
            stores=settings.store_list,
            seed=settings.seed,
            threads=settings.threads,
            keep=keep,
            on_step=lambda step: print(f"{time.process_time() - started:6.0f} s of CPU  {step}", flush=True),
        )
    spent = f"{len(folds)} folds; {time.process_time() - started:,.0f} s of CPU for what was not there yet"
    where = f"Stores: {', '.join(settings.store_list) or 'all'}. {spent}. {circumstances(('lightgbm', 'numpy'))}"
    text = "\n\n".join([played(results), saved(results), where])
    print(text)
    if options.write:
        page = PAGE.read_text()
        PAGE.write_text(page[: page.index(BEGIN) + len(BEGIN)] + f"\n{text}\n" + page[page.index(END) :])


def played(results: pd.DataFrame) -> str:
    """Every method at every service level asked for, means of the folds."""
    table = (
        worth.figures(results).reset_index().groupby(["method", "service_level"], sort=False).mean(numeric_only=True)
    )
    shown = pd.DataFrame(
        {
            "asked": [f"{level:.1%}" if name != worth.FORESIGHT else "" for name, level in table.index],
            "service": table["service"].map("{:.1%}".format).to_numpy(),
            "fill rate": table["fill_rate"].map("{:.2%}".format).to_numpy(),
            "days out of stock": table["stockout_share"].map("{:.2%}".format).to_numpy(),
            **{name: table[column].map("{:,.0f}".format).to_numpy() for name, column in MONEY.items()},
        },
        index=pd.Index([name for name, _ in table.index], name="method"),
    )
    return str(shown.reset_index().to_markdown(index=False, disable_numparse=True))


def saved(results: pd.DataFrame) -> str:
    """Stock that the first method saves at the same fill rate, by category and over all."""
    parts = []
    for by, name in (([], "all"), (["category_id"], "")):
        frame = worth.stock_at_same_fill(results, METHODS[0], SERVICE_LEVEL, by, value=True)
        frame["category"] = frame[by[0]] if by else name
        parts.append(frame)
    lines = []
    for (category, rival), rows in pd.concat(parts).groupby(["category", "rival"], sort=False):
        middle, low, high = worth.interval_over_folds(rows["saving"])
        each = " ".join(f"{saving:+.1%}" for saving in rows.sort_values("fold")["saving"])
        lines.append(
            (category, rival, f"{rows['fill_rate'].mean():.2%}", f"{middle:+.1%}", f"{low:+.1%} to {high:+.1%}", each)
        )
    names = ["category", "against", "fill rate", "stock value saved", "95 % interval over folds", "each fold"]
    return str(pd.DataFrame(lines, columns=names).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
