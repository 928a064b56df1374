"""Throughput and latency of `GET /forecast` over the full-size store, beside three other ways to serve it.

    python -m benchmarks.api [--seconds 10] [--connections 32] [--workers 2] [--rounds 3] [--publishing 60] [--check]
                             [--write]

One run, one machine, loopback: uvicorn in one process tree, the load generator (wrk, or a bundled asyncio one)
in another, random series from a list. The ways take turns in rounds, so that a busy machine is unfair to all.

- `api`: the application as it is deployed, cache and all;
- `api_uncached`: the same without its cache, so each answer is read from the store;
- `bare`: an async Starlette route that answers a constant of the same size: the limit;
- `straightforward`: a sync FastAPI route, pooled SQLAlchemy, response model;
- `seed`: a connection per request, no response model.

Bodies are checked against the store before the load, and all answers during it must be 200. Besides requests a
second there is the server's CPU time a request, whose ratios (again as throughput: more is better) hold on a
machine that is busy with other things. At last runs are published, one after another, during `--publishing` seconds of
load: every answer that is looked at must be whole, and of a run that was served at that moment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sqlite3
import statistics
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api_load import Figures, bundled_loader, load, serving
from benchmarks.report import kept

STORES = tuple(f"{region}_{n}" for region, count in (("CA", 4), ("TX", 3), ("WI", 3)) for n in range(1, count + 1))
ITEMS = 3049
WAYS = ("bare", "api", "api_uncached", "straightforward", "seed")
LEAST_REQUESTS_PER_SECOND, MOST_P99_MS = 2_500, 30


def build_store(path: Path, stores: tuple[str, ...], items: int) -> None:
    """The full-size store: ten stores of 3,049 items, 28 days, mean and nine quantiles."""
    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.migrate import upgrade
    from models_ml.prediction_store.publish import publish
    from tests.synthetic import synthetic_run

    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    run, frames = synthetic_run(stores=stores, items=items)
    publish(engine, run, frames)
    engine.dispose()


def check_bodies(port: int, store: Path, sample: int = 20) -> int:
    """Answers are what the store holds; returns the size of one."""
    connection = sqlite3.connect(store)
    picked = connection.execute(
        "select s.store_id, s.item_id from run_series s order by random() limit ?", (sample,)
    ).fetchall()
    size = 0
    for store_id, item_id in picked:
        url = f"http://127.0.0.1:{port}/forecast?item_id={item_id}&store_id={store_id}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = answer.read()
        size = len(body)
        served = [(day["date"], day["mean"], day["quantiles"]["0.975"]) for day in json.loads(body)["days"]]
        stored = connection.execute(
            "select target_date, mean, q_0_975 from forecasts where store_id = ? and item_id = ? order by 1",
            (store_id, item_id),
        ).fetchall()
        assert served == stored, f"{store_id} {item_id}: served values are not the stored ones"
    connection.close()
    return size


def ratios(rounds: dict[str, list[Figures]], way: str, figure: str) -> tuple[float, float]:
    """A figure of a way over that of `bare` and of `straightforward`, each in the same round; the median."""

    def over(other: str) -> float:
        pairs = zip(rounds[way], rounds[other], strict=True)
        return float(statistics.median(getattr(a, figure) / getattr(b, figure) for a, b in pairs))

    return over("bare"), over("straightforward")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of load a way and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--items", type=int, default=ITEMS, help="a store; 3,049 is full size")
    parser.add_argument(
        "--publishing", type=float, default=60.0, help="seconds of load while runs are published; 0: none"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 unless every bar holds")
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    parser.add_argument("--loader", nargs=3, metavar=("PORT", "PATHS", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loader:
        port, paths, seconds = options.loader
        asyncio.run(bundled_loader(int(port), Path(paths), float(seconds), options.connections))
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="bench-api-") as folder,
        kept("api", options.write, ["fastapi", "uvicorn", "sqlalchemy"]),
    ):
        return _measure(Path(folder), options)


def _measure(folder: Path, options: argparse.Namespace) -> int:
    store = folder / "store.sqlite"
    began = time.perf_counter()
    build_store(store, STORES, options.items)
    connection = sqlite3.connect(store)
    series = connection.execute("select store_id, item_id from run_series").fetchall()
    count = connection.execute("select count(*) from forecasts").fetchone()[0]
    connection.close()
    paths = folder / "paths.txt"
    paths.write_text("\n".join(f"/forecast?item_id={item}&store_id={store_id}" for store_id, item in series))
    loader = "wrk" if shutil.which("wrk") else "bundled loader"
    print(f"store: {len(series):,} series, {count:,} forecasts, made in {time.perf_counter() - began:.0f} s; {loader}")

    with serving("api", store, 0, 1) as (port, _):
        body_bytes = check_bodies(port, store)
    print(f"answer: {body_bytes:,} bytes; {options.connections} connections, {options.workers} workers")

    rounds: dict[str, list[Figures]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS:
            with serving(way, store, body_bytes, options.workers) as (port, server):
                # a short run first, thrown away: imports, connections, first pages of the file
                load(port, paths, 1, options.connections, number, server)
                rounds[way].append(load(port, paths, options.seconds, options.connections, number, server))

    median = {
        way: Figures(
            statistics.median(one.requests_per_second for one in figures),
            statistics.median(one.p50_ms for one in figures),
            statistics.median(one.p99_ms for one in figures),
            sum(one.errors for one in figures),
            statistics.median(one.cpu_microseconds for one in figures),
        )
        for way, figures in rounds.items()
    }
    heads = ("requests/s", "p50 ms", "p99 ms", "errors", "of bare", "x straight", "cpu us", "of bare", "x straight")
    print(f"\n{'way':<16}" + "".join(f"{head:>12}" for head in heads))
    for way, figures in median.items():
        of_bare, times = ratios(rounds, way, "requests_per_second")
        cpu_of_bare, cpu_times = (1 / ratio for ratio in ratios(rounds, way, "cpu_microseconds"))
        print(
            f"{way:<16}{figures.requests_per_second:>12,.0f}{figures.p50_ms:>12.1f}{figures.p99_ms:>12.1f}"
            f"{figures.errors:>12}{of_bare:>12.0%}{times:>12.1f}{figures.cpu_microseconds:>12.0f}"
            f"{cpu_of_bare:>12.0%}{cpu_times:>12.1f}"
        )
    of_bare, times = ratios(rounds, "api", "requests_per_second")
    held = median["api"].errors == 0 and of_bare >= 0.25 and times >= 3
    print()
    report("ratios (>= 25 % of bare, >= 3 x straightforward, no error)", held)
    held &= report(
        f"figures of an idle machine (>= {LEAST_REQUESTS_PER_SECOND:,} requests/s, p99 <= {MOST_P99_MS} ms)",
        median["api"].requests_per_second >= LEAST_REQUESTS_PER_SECOND and median["api"].p99_ms <= MOST_P99_MS,
    )
    if options.publishing:
        seen = publish_under_load(store, paths, options)
        figures = seen.figures
        print(f"\n{seen.publishes} publishes in {options.publishing:g} s of load: ", end="")
        print(f"{figures.requests_per_second:,.0f} requests/s, {figures.errors} errors; ", end="")
        print(f"{seen.checked:,} answers looked at, of {seen.runs} runs, ", end="")
        print(f"{seen.faults} not whole or of a run that was not served")
        held &= report("publishing (no error, no mixture)", not figures.errors and not seen.faults)
    return 0 if held or not options.check else 1


def report(what: str, held: bool) -> bool:
    """Say whether a bar held."""
    print(f"{what}: {'held' if held else 'NOT held'}")
    return held


@dataclass(frozen=True)
class UnderLoad:
    """What was seen while runs were published."""

    publishes: int
    figures: Figures
    checked: int
    runs: int
    faults: int


def publish_under_load(store: Path, paths: Path, options: argparse.Namespace) -> UnderLoad:
    """Load from one process, publishes from a thread of this one, and answers checked against their runs in another.

    The runs are of one store each, so that several are published in the time; an answer is at fault when its values
    are not those of the run that it names, or when that run was replaced before the answer was asked for.
    """
    from sqlalchemy import select

    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.publish import publish
    from models_ml.prediction_store.schema import run_series
    from tests.synthetic import synthetic_run

    sums: dict[str, dict[str, float]] = {}
    ended: dict[str, float] = {}
    stop = threading.Event()
    publishes = checked = faults = 0
    seen: set[str] = set()
    engine = make_engine(f"sqlite:///{store}")
    with engine.connect() as connection:
        query = select(run_series.c.item_id).where(run_series.c.store_id == STORES[0])
        items = random.Random(1).choices(sorted(connection.execute(query).scalars()), k=10_000)

    def publish_on() -> None:
        nonlocal publishes
        before: str | None = None
        while not stop.is_set():
            run, frames = synthetic_run(stores=STORES[:1], items=options.items, seed=publishes + 1)
            frame = frames.forecasts.group_by("item_id").aggregate([("mean", "sum")])
            sums[run.run_id] = dict(zip(frame["item_id"].to_pylist(), frame["mean_sum"].to_pylist(), strict=True))
            publish(engine, run, frames)
            if before is not None:
                ended[before] = time.monotonic()
            before = run.run_id
            publishes += 1

    with serving("api", store, 0, options.workers) as (port, server):
        publisher = threading.Thread(target=publish_on)
        publisher.start()
        with ThreadPoolExecutor(1) as pool:
            loaded = pool.submit(load, port, paths, options.publishing, options.connections, 99, server)
            for item in items:
                if loaded.done():
                    break
                asked = time.monotonic()
                url = f"http://127.0.0.1:{port}/forecast?item_id={item}&store_id={STORES[0]}"
                with urllib.request.urlopen(url, timeout=10) as answer:
                    body = json.loads(answer.read())
                run_id = body["run"]["run_id"]
                seen.add(run_id)
                if run_id in sums:  # else the run of all stores, which was there first
                    total = sum(day["mean"] for day in body["days"])
                    stale = run_id in ended and ended[run_id] < asked
                    faults += abs(total - sums[run_id][item]) > 1e-6 * max(total, 1) or stale
                checked += 1
                time.sleep(0.02)
            stop.set()
            publisher.join()
            figures = loaded.result()
    engine.dispose()
    return UnderLoad(publishes, figures, checked, len(seen), faults)


if __name__ == "__main__":
    raise SystemExit(main())
