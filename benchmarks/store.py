"""How fast is a publish? Runs of 1,000, 10,000 and 200,000 series into SQLite: 28 days, mean and 9 quantiles.

Side by side in one process: bare inserts (`executemany`) of the same rows into tables with their keys alone, without
checks, indexes, foreign keys, verification or run, and `publish` with all of them.
Run: python -m benchmarks.store (or: make bench-store).

The rows go through Python's sqlite3, which is not the fastest way: an Arrow loader (DuckDB's sqlite extension) took
0.72 of its CPU time for the forecasts. But a loader brings its own copy of SQLite, and two copies in one process drop
each other's file locks (sqlite.org/howtocorrupt.html, 2.2.1), which no speed is worth.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from sqlalchemy import Float

from benchmarks.report import circumstances, write_section
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import FRAME_TABLES, RunFrames, batches, rows
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.records import RunRecord
from models_ml.settings import QUANTILE_COLUMNS
from tests.synthetic import synthetic_run

STORES = tuple(
    f"{region}_{number}" for region, count in (("CA", 4), ("TX", 3), ("WI", 3)) for number in range(1, count + 1)
)
BATCH_ROWS = 50_000
SERIES = (1_000, 10_000, 200_000)


def make(items: int, seed: int, history_days: int = 1) -> tuple[RunRecord, RunFrames]:
    """A run of `items` items in ten stores."""
    made: tuple[RunRecord, RunFrames] = synthetic_run(stores=STORES, items=items, history_days=history_days, seed=seed)
    return made


def bare(folder: Path, run: RunRecord, frames: RunFrames) -> None:
    """The least that stores the rows: tables with their keys, one transaction, tuples from the same Arrow batches."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("BEGIN")
    for name, table in FRAME_TABLES.items():
        columns = ", ".join(f"{c.name} {'float' if isinstance(c.type, Float) else 'text'}" for c in table.columns)
        key = ", ".join(column.name for column in table.primary_key)
        connection.execute(f"create table {name} ({columns}, primary key ({key})) without rowid")
        insert = f"insert into {name} values ({', '.join('?' * len(table.columns))})"
        run_id = run.run_id if "run_id" in table.columns else None
        for part in batches(name, getattr(frames, name), BATCH_ROWS):
            connection.executemany(insert, rows(part, run_id, iso_dates=True))
    connection.execute("COMMIT")
    connection.close()


def published(folder: Path, run: RunRecord, frames: RunFrames) -> None:
    """The whole publish: staged, checked, verified, shown."""
    engine = make_engine(f"sqlite:///{folder / 'store.sqlite'}")
    publish(engine, run, frames, batch_rows=BATCH_ROWS)
    engine.dispose()


def ready(folder: Path) -> None:
    """A store without a run."""
    engine = make_engine(f"sqlite:///{folder / 'store.sqlite'}")
    upgrade(engine)
    engine.dispose()


def seconds(
    work: Callable[[Path, RunRecord, RunFrames], None], run: RunRecord, frames: RunFrames
) -> tuple[float, float]:
    """Wall and CPU seconds of one run into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        ready(Path(folder))
        wall, cpu = time.perf_counter(), time.process_time()
        work(Path(folder), run, frames)
        return time.perf_counter() - wall, time.process_time() - cpu


def memory(items: int) -> tuple[int, float]:
    """Rows, and the MiB by which a publish raises the peak of a fresh process that holds the frames."""
    code = (
        "import sys, tempfile; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from benchmarks import store;"
        "small = store.make(50, 1); folder = tempfile.TemporaryDirectory(); store.ready(Path(folder.name));"
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
    parser.add_argument("--series", type=int, nargs="+", default=SERIES, help="series of a run, in ten stores")
    parser.add_argument("--history-days", type=int, default=28, help="days of sales sent with it")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, taken in turn")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of three sizes")
    parser.add_argument("--write", action="store_true", help="write the tables into benchmarks/results.md")
    options = parser.parse_args()

    lines = [
        f"A series: 28 forecasts (mean, {len(QUANTILE_COLUMNS)} quantiles) and {options.history_days} days of sales; "
        f"{options.repeats} runs of each in turn, medians. SQLite {sqlite3.sqlite_version}; {circumstances()}",
        "",
        "| series | rows | bare inserts, wall s | CPU s | publish, wall s | CPU s | publish / bare (CPU) |",
        "|---|---|---|---|---|---|---|",
    ]
    for series in options.series:
        run, frames = make(series // len(STORES), 1, options.history_days)
        total = sum(getattr(frames, name).num_rows for name in FRAME_TABLES)
        pairs = [(seconds(bare, run, frames), seconds(published, run, frames)) for _ in range(options.repeats)]
        wall, cpu = ([median(pair[way][kind] for pair in pairs) for way in (0, 1)] for kind in (0, 1))
        lines.append(
            f"| {series:,} | {total:,} | {wall[0]:.1f} | {cpu[0]:.1f} | {wall[1]:.1f} | {cpu[1]:.1f} "
            f"| {median(pair[1][1] / pair[0][1] for pair in pairs):.2f} |"
        )
        print(lines[-1], flush=True)
        del run, frames
    if not options.no_memory:
        lines += ["", "| forecast rows | memory that the publish adds, MiB |", "|---|---|"]
        for items in (762, 3_049, 6_098):
            rows_published, added = memory(items)
            lines.append(f"| {rows_published:,} | {added:.0f} |")
    text = "\n".join(lines)
    print(text)
    if options.write:
        write_section("store", text)


if __name__ == "__main__":
    main()
