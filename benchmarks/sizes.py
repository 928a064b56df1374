"""`demand run` of 20 items to 200,000 series: seconds, CPU seconds and memory, on made-up sales of the source `long`.

A bit more than a year of daily sales; most series sell on few days, and only days with sales have rows. Memory is of
all processes of a run together. The exponent is the slope of logarithms by least squares.

Run: make bench-sizes, or python -m benchmarks.sizes --sizes 20x4,2000x200 (200,000 series need 30 GB of disk)
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.report import circumstances, write_section
from benchmarks.run import Run, demand_run, record_cost, size_of
from benchmarks.scale import exponent

FIRST_DAY = np.datetime64("2023-01-01")
DAYS = 378
ITEMS_A_STORE = 5_000
MEAN_UNITS = 0.15
"""Units a day of the median series."""

CONFIG = {
    "sales": {
        "from": "sales.parquet", "date": "date", "store": "store", "item": "item", "units": "units", "price": "price",
    },
    "hierarchy": {"department": "department", "category": "category"},
}  # fmt: skip


def write_sales(folder: Path, series: int, departments: int, seed: int = 1) -> int:
    """Write so many series, store by store, in so many departments, and the configuration that describes them.

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
        department = item % departments
        table = pa.table(
            {
                "date": FIRST_DAY + day,
                "store": pa.array([f"S{store:03d}"] * len(item)).dictionary_encode(),
                "item": named("I", item, 6),
                "units": units[item, day],
                "price": price[item],
                "department": named("D", department, 3),
                "category": named("C", department // 4, 2),
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


def main() -> None:
    """Measure each size in a home that is thrown away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sizes", default="20x4,2000x10,2000x200,20000x10,200000x10", help="series x departments of each run"
    )
    parser.add_argument("--folder", type=Path, help="for the homes that are made; default: a temporary folder")
    parser.add_argument("--write", action="store_true", help="update the section of results.md and run_costs.csv")
    options = parser.parse_args()
    lines = [
        "| series | departments x stores | rows of sales | wall s | CPU s | peak GB | seconds by step |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    found: list[tuple[int, Run]] = []
    os.environ["DEMAND_SOURCE"] = "long"
    for series, departments in (map(int, size.split("x")) for size in options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="sizes-", dir=options.folder) as folder:
            home = Path(folder)
            rows = write_sales(home, series, departments)
            run = demand_run(home, home, "all")
            size = size_of(home)
        found.append((series, run))
        steps = ", ".join(f"{step} {seconds:.0f}" for step, seconds in run.steps.items() if seconds >= 0.5)
        lines.append(
            f"| {series:,} | {size.nodes:,} | {rows:,} | {run.wall_seconds:.0f} | {run.cpu_seconds:.0f} "
            f"| {run.peak_gigabytes:.1f} | {steps} |"
        )
        print(lines[-1], flush=True)
        if options.write:
            record_cost(size, [run])
    said, largest = "", found[-2:]
    if len({series for series, _ in largest}) > 1:
        growth = exponent([series for series, _ in largest], [run.cpu_seconds for _, run in largest])
        said = f"CPU seconds between the two largest grow as series^{growth:.2f}. "
    text = "\n".join([*lines, "", said + circumstances(["lightgbm", "duckdb", "dbt-core"])])
    print(text.splitlines()[-1])
    if options.write:
        write_section("sizes", text)


if __name__ == "__main__":
    main()
