"""From 20 items to 200,000 series: seconds, CPU seconds and memory of each step, on made-up sales of the source `long`.

A bit more than a year of daily sales; most series sell on few days, and only days with sales have rows. Each step is a
process of its own; memory is of all its processes together. The exponent is the slope of logarithms by least squares.

Run: make bench-sizes, or python -m benchmarks.sizes --series 20,2000 (200,000 need 12 GB of memory and 30 GB of disk)
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.report import circumstances, write_section
from benchmarks.run import Run, measured
from benchmarks.scale import exponent
from benchmarks.warehouse import WITHOUT_TESTS
from models_ml import dbt
from models_ml.pipeline import prepare_home
from models_ml.settings import get_settings

FIRST_DAY = np.datetime64("2023-01-01")
DAYS = 378
ITEMS_A_STORE = 5_000
DEPARTMENTS = 10
MEAN_UNITS = 0.15
"""Units a day of the median series."""

CONFIG = {
    "sales": {
        "from": "sales.parquet", "date": "date", "store": "store", "item": "item", "units": "units", "price": "price",
    },
    "hierarchy": {"department": "department", "category": "category"},
}  # fmt: skip


def write_sales(folder: Path, series: int, seed: int = 1) -> int:
    """Write so many series, store by store, and the configuration that describes them.

    Returns:
        Rows written.
    """
    generator = np.random.default_rng(seed)
    items = min(series, ITEMS_A_STORE)
    price = np.round(generator.lognormal(1.5, 0.7, items) + 0.5, 2)
    level = generator.lognormal(np.log(MEAN_UNITS), 1.2, items)
    weekday = np.array([0.9, 0.8, 0.9, 1.0, 1.2, 1.4, 0.8])[np.arange(DAYS) % 7]
    writer, rows = None, 0
    with (folder / "source.yml").open("w") as config:
        yaml.safe_dump(CONFIG, config)
    for store in range(-(-series // items)):
        here = min(items, series - store * items)
        rate = level[:here, None] * generator.lognormal(0, 0.3, (here, 1)) * weekday
        units = generator.poisson(rate)
        item, day = np.nonzero(units)
        department = item % DEPARTMENTS
        table = pa.table(
            {
                "date": FIRST_DAY + day,
                "store": pa.array([f"S{store:03d}"] * len(item)).dictionary_encode(),
                "item": named("I", item, 6),
                "units": units[item, day],
                "price": price[item],
                "department": named("D", department, 2),
                "category": named("C", department // 4, 1),
            }
        )
        writer = writer or pq.ParquetWriter(folder / "sales.parquet", table.schema)
        writer.write_table(table)
        rows += len(item)
    if writer is not None:
        writer.close()
    return rows


def named(letter: str, numbers: np.ndarray, digits: int) -> pa.DictionaryArray:
    """Numbers as names, `I000012`."""
    names = pa.array([f"{letter}{number:0{digits}d}" for number in range(int(numbers.max()) + 1)])
    return pa.DictionaryArray.from_arrays(numbers.astype(np.int32), names)


def steps(home: Path) -> Iterator[tuple[str, Run]]:
    """Each step from raw files to a published run, in a process of its own."""
    environment = {**os.environ, "DEMAND_HOME": str(home), "DEMAND_SOURCE": "long", "DEMAND_DATA_DIR": str(home)}
    cli = [sys.executable, "-m", "models_ml.cli.main"]
    yield "ingest", measured([*cli, "ingest"], environment)
    yield "build the marts", measured([sys.executable, "-m", "benchmarks.sizes", "--build"], environment)
    yield "train and forecast", measured([*cli, "train", "--no-backtest"], environment)
    yield "publish", measured([*cli, "publish", "latest", "--no-activate"], environment)


def main() -> None:
    """Measure each size in a home that is thrown away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="20,2000,20000,200000")
    parser.add_argument("--folder", type=Path, help="for the homes that are made; default: a temporary folder")
    parser.add_argument("--write", action="store_true", help="update the section of results.md")
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        prepare_home(get_settings())
        dbt.run(get_settings(), ["build", "--selector", "warehouse", *WITHOUT_TESTS])
        return
    lines = ["| series | rows of sales | step | wall s | CPU s | peak GB |", "|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    found: dict[str, list[tuple[int, Run]]] = {}
    for series in map(int, options.series.split(",")):
        with tempfile.TemporaryDirectory(prefix="sizes-", dir=options.folder) as folder:
            rows = write_sales(Path(folder), series)
            for name, run in steps(Path(folder)):
                found.setdefault(name, []).append((series, run))
                figures = f"{run.wall_seconds:.0f} | {run.cpu_seconds:.0f} | {run.peak_gigabytes:.1f}"
                lines.append(f"| {series:,} | {rows:,} | {name} | {figures} |")
                print(lines[-1], flush=True)
    growth = [
        f"{name} as series^{exponent([float(n) for n, _ in large], [run.cpu_seconds for _, run in large]):.2f}"
        for name, runs in found.items()
        if len(large := runs[-2:]) > 1
    ]
    said = f"CPU seconds between the two largest grow: {', '.join(growth)}. " if growth else ""
    text = "\n".join([*lines, "", said + circumstances(["lightgbm", "duckdb", "dbt-core"])])
    print(text.splitlines()[-1])
    if options.write:
        write_section("sizes", text)


if __name__ == "__main__":
    main()
