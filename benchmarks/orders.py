"""Time to the order list of a store, and of the chain, over the full-size store.

    python -m benchmarks.orders [--items 3049] [--repeats 9] [--check] [--write]

Every item has stock, a tenth of them something under way, and each department a supplier with packs and delivery
days. Each request is answered anew: nothing is cached. With `--check` it fails above 500 ms for a store (median, JSON
and CSV) or 5 s for the chain (Arrow).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import urllib.request
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.api import ITEMS, STORES, build_store
from benchmarks.api_load import serving
from benchmarks.report import kept

MOST_STORE_SECONDS, MOST_CHAIN_SECONDS = 0.5, 5.0
ARROW = "application/vnd.apache.arrow.stream"
ASKED = {
    "a store, JSON": (f"store_id={STORES[0]}&limit=5000", "application/json"),
    "a store, CSV": (f"store_id={STORES[0]}", "text/csv"),
    "a store, lead time of 5 days, the first 20, CSV": (
        f"store_id={STORES[0]}&lead_time_days=5&limit=20",
        "text/csv",
    ),
    "the chain, Arrow": ("", ARROW),
}


def fill(store: Path, origin: date = date(2016, 5, 22)) -> None:
    """Stock of every item, and supply of every department."""
    from sqlalchemy import select

    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.replenishment import checked_stock, checked_supply, put_stock, put_supply
    from models_ml.prediction_store.schema import run_series

    engine = make_engine(f"sqlite:///{store}")
    names = ["store_id", "item_id", "department_id"]
    with engine.connect() as connection:
        rows = connection.execute(select(*(run_series.c[name] for name in names))).all()
    series = pd.DataFrame(rows, columns=names)
    rng = np.random.default_rng(1)
    stock = series.drop(columns="department_id").assign(
        as_of_date=origin.isoformat(), on_hand=rng.integers(0, 60, len(series))
    )
    due = rng.random(len(series)) < 0.1
    stock["on_order"] = np.where(due, 12, np.nan)
    stock["arrival_date"] = np.where(due, (origin + timedelta(days=4)).isoformat(), "")
    put_stock(engine, checked_stock(stock), author="benchmark")
    departments = pd.DataFrame({"department_id": series["department_id"].unique()})
    supply = departments.assign(supplier_id="North", delivery_weekdays="mon thu", lead_time_days=3, pack_size=6)
    put_supply(engine, checked_supply(supply), author="benchmark")
    engine.dispose()


def measure(store: Path, repeats: int) -> dict[str, tuple[list[float], int]]:
    """Seconds of each request, and the bytes of an answer."""
    found: dict[str, tuple[list[float], int]] = {}
    with serving("api_uncached", store, 0, 1) as (port, _):
        for name, (query, media_type) in ASKED.items():
            seconds, size = [], 0
            for _repeat in range(repeats + 1):
                url = f"http://127.0.0.1:{port}/inventory/orders?{query}"
                request = urllib.request.Request(url, headers={"Accept": media_type})
                start = time.perf_counter()
                with urllib.request.urlopen(request, timeout=120) as answer:
                    size = len(answer.read())
                seconds.append(time.perf_counter() - start)
            found[name] = (seconds[1:], size)  # the first one opens connections
    return found


def main() -> int:
    """Measure, print and, if asked, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--check", action="store_true", help="fail above the bounds")
    parser.add_argument("--write", action="store_true", help="write results.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, kept("orders", options.write, ("fastapi", "numpy")):
        store = Path(folder) / "store.sqlite"
        build_store(store, STORES, options.items)
        fill(store)
        print(f"order lists of {len(STORES)} stores of {options.items} items, seconds of {options.repeats} requests")
        print(f"{'request':<48} {'median':>8} {'fastest':>8} {'slowest':>8} {'kB':>8}")
        slow = []
        for name, (seconds, size) in measure(store, options.repeats).items():
            middle = statistics.median(seconds)
            print(f"{name:<48} {middle:8.3f} {min(seconds):8.3f} {max(seconds):8.3f} {size / 1000:8.0f}")
            if middle > (MOST_CHAIN_SECONDS if "chain" in name else MOST_STORE_SECONDS):
                slow.append(name)
    for name in slow:
        print(f"too slow: {name}")
    return 1 if options.check and slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
