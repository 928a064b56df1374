"""How fast is a publish? 853,720 forecasts (30,490 series x 28 days, mean and 9 quantiles) into SQLite.

Side by side in one process: a bare `executemany` of the same rows into a table without checks, foreign keys,
verification or run, and `publish` with all of them. Run: python -m benchmarks.store (or: make bench-store).
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import circumstances, write_section
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import RunFrames, batches, empty, rows
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord
from models_ml.settings import QUANTILE_COLUMNS
from tests.synthetic import synthetic_run

STORES = tuple(
    f"{region}_{number}" for region, count in (("CA", 4), ("TX", 3), ("WI", 3)) for number in range(1, count + 1)
)
BATCH_ROWS = 50_000
COLUMNS = ("run_id", "store_id", "item_id", "target_date", "mean", *QUANTILE_COLUMNS)


def make(items: int, seed: int) -> tuple[RunRecord, RunFrames]:
    """A run of `items` items in ten stores whose history is empty: forecasts are what is measured."""
    run, frames = synthetic_run(stores=STORES, items=items, history_days=1, seed=seed)
    return run, replace(frames, sales_history=empty("sales_history"))


def bare(folder: Path, run: RunRecord, frames: RunFrames) -> None:
    """The least that stores the forecasts: one table, its key, one transaction, tuples from the same Arrow batches."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    columns = ", ".join(f"{name} {'float' if name == 'mean' or name[:2] == 'q_' else 'text'}" for name in COLUMNS)
    connection.execute(
        f"create table forecasts ({columns}, primary key (run_id, store_id, item_id, target_date)) without rowid"
    )
    connection.execute("BEGIN")
    insert = f"insert into forecasts values ({', '.join('?' * len(COLUMNS))})"
    for part in batches("forecasts", frames.forecasts, BATCH_ROWS):
        connection.executemany(insert, rows(part, run.run_id, iso_dates=True))
    connection.execute("COMMIT")
    connection.close()


def published(folder: Path, run: RunRecord, frames: RunFrames) -> None:
    """The whole publish: staged, checked, verified, shown."""
    engine = make_engine(f"sqlite:///{folder / 'store.sqlite'}")
    upgrade(engine)
    publish(engine, run, frames, batch_rows=BATCH_ROWS)
    engine.dispose()


def seconds(
    work: Callable[[Path, RunRecord, RunFrames], None], run: RunRecord, frames: RunFrames
) -> tuple[float, float]:
    """Wall and CPU seconds of one run into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        work(Path(folder), run, frames)
        return time.perf_counter() - wall, time.process_time() - cpu


def memory(items: int) -> tuple[int, float]:
    """Rows, and the MiB by which a publish raises the peak of a fresh process that holds the frames."""
    code = (
        "import sys, tempfile; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from benchmarks import store;"
        "small = store.make(50, 1); folder = tempfile.TemporaryDirectory();"
        "store.published(Path(folder.name), *small);"
        f"run, frames = store.make({items}, 2);"
        "base = int([l for l in open('/proc/self/status') if l.startswith('VmRSS')][0].split()[1]);"
        "open('/proc/self/clear_refs', 'w').write('5');"
        "store.published(Path(folder.name), run, frames);"
        "peak = int([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1]);"
        "print(frames.forecasts.num_rows, (peak - base) / 1024)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent.parent)], check=True, capture_output=True, text=True
    ).stdout.split()
    return int(out[0]), float(out[1])


def main() -> None:
    """Measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=3_049, help="items a store; 10 stores, 28 days each")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, taken in turn")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of three sizes")
    parser.add_argument("--write", action="store_true", help="write the tables into benchmarks/results.md")
    options = parser.parse_args()

    run, frames = make(options.items, 1)
    total = frames.forecasts.num_rows
    ways: dict[str, Any] = {"bare executemany": bare, "publish": published}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, work in ways.items():
            taken[name].append(seconds(work, run, frames))

    lines = [
        f"{total:,} forecast rows, mean and {len(QUANTILE_COLUMNS)} quantiles; {options.repeats} runs of each in turn. "
        f"SQLite {sqlite3.sqlite_version}; {circumstances()}",
        "",
        "| way | wall s (median) | CPU s (median) | rows/s | x bare (CPU) |",
        "|---|---|---|---|---|",
    ]
    base = median(cpu for _, cpu in taken["bare executemany"])
    for name, figures in taken.items():
        wall, cpu = median(w for w, _ in figures), median(c for _, c in figures)
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} | {total / wall:,.0f} | {cpu / base:.2f} |")
    if not options.no_memory:
        lines += ["", "| forecast rows | memory that the publish adds, MiB |", "|---|---|"]
        for items in (options.items // 4, options.items, options.items * 2):
            rows_published, added = memory(items)
            lines.append(f"| {rows_published:,} | {added:.0f} |")
    text = "\n".join(lines)
    print(text)
    if options.write:
        write_section("store", text)


if __name__ == "__main__":
    main()
