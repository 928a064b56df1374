"""How fast does a SQL Server take a run? pyodbc's `fast_executemany` beside the TDS bulk load of mssql-python.

Both write the same rows into tables of the store's own definition (checks on, as a publish has them), in a schema that
is dropped in the end: forecasts, and sales as they are staged; the server then unpacks the sales, as it does when the
run is shown. Last, the rows that a publish of all of M5 sends are divided by the rate of the publish's own way.

A publish does not use the bulk load. `bulkcopy` opens a connection of its own (microsoft/mssql-python issues 501, 600,
623): its rows cannot be in the transaction that checks the publisher's claim, so that a publisher who was taken over
could still write; and it signs in and encrypts by itself, apart from pyodbc. Packed sales save more rows than it saves
seconds a row.

Run: python -m benchmarks.store_server --url mssql+pyodbc://user@server/database (the package mssql-python is in the
extra `dev`). Without a server it prints the arithmetic for `--rows-per-second`.
"""

from __future__ import annotations

import argparse
import time
import uuid
from statistics import median

import numpy as np
import pyarrow as pa
from sqlalchemy import Engine, MetaData, Table, delete, insert, make_url, select, text
from sqlalchemy.schema import CreateTable

from benchmarks.store import make
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import ARROW_SCHEMAS, FRAME_TABLES, batches, insert_sql, rows
from models_ml.prediction_store.sales import pack, unpacked
from models_ml.prediction_store.schema import forecasts, sales_history, staged_sales_history

SERIES, NODES, HORIZON = 30_490, 154, 28
HISTORY_DAYS, NODE_HISTORY_DAYS = 112, 400
FAMILIES = 8
MOST_EVENT_ROWS = 70 * 30 * 10
"""Departments of stores, events, days around each."""
SERVER_ROWS_PER_SECOND = 20_000
"""At which the server is taken to copy unpacked sales: 200 bytes of log a row at 4.5 MB/s, the log rate of one vCore of
the General Purpose tier, to which 100 DTUs of the Standard tier (S3) are equivalent."""


def sales_of(series: int) -> pa.Table:
    """What the first publish sends of so many series: all days, the price another one each week (M5 has it by week)."""
    days = np.datetime64("2016-05-22") - np.arange(HISTORY_DAYS)[::-1]
    weeks = (days.astype("datetime64[D]").astype(int) + 5) // 7  # M5's weeks begin on a Saturday
    count = series * HISTORY_DAYS
    return pa.table(
        {
            "store_id": ["CA_1"] * count,
            "item_id": np.repeat([f"FOODS_1_{item:05d}" for item in range(series)], HISTORY_DAYS),
            "date": np.tile(days, series),
            "units": np.random.default_rng(1).poisson(1.3, count).astype(float),
            "price": np.tile(1.0 + weeks % 7, series),
        }
    ).cast(ARROW_SCHEMAS["sales_history"])


def rows_of_m5(*, first: bool) -> dict[str, int]:
    """Rows that a publish of all of M5 sends to a server, by table; `first`: into a store without sales.

    A table of series has a row a series, or one a series and day of the horizon; the backtest is of two models.
    """
    sent = {}
    for name, table in FRAME_TABLES.items():
        key = set(table.primary_key.columns.keys())
        if not {"run_id", "store_id", "item_id"} <= key or "regressor" in key:  # M5 declares no flags of series
            continue
        sent[name] = SERIES * (HORIZON if "target_date" in key else 2 if "model" in key else 1)
    packed = pack(sales_of(1), 1).num_rows if first else 1
    sent[staged_sales_history.name] = SERIES * packed
    sent["node_forecasts and their periods"] = NODES * (HORIZON + HORIZON // 7)
    sent["node_history"] = NODES * NODE_HISTORY_DAYS
    sent["node_contributions"] = NODES * HORIZON * FAMILIES
    sent["backtest_leads"] = 12 * HORIZON * 2
    sent["scenario_events"] = MOST_EVENT_ROWS
    return sent


def seconds_of_first_publish(rate: float) -> float:
    """Of sending all rows at so many a second, and of the server's own copying of all days of sales."""
    return sum(rows_of_m5(first=True).values()) / rate + SERIES * HISTORY_DAYS / SERVER_ROWS_PER_SECOND


def table_in(table: Table, schema: str) -> Table:
    """A table without its parents."""
    placed = table.to_metadata(MetaData(), schema=schema)
    for key in list(placed.foreign_key_constraints):
        placed.constraints.remove(key)
    return placed


def measure(url: str, items: int, repeats: int) -> dict[str, float]:
    """Rows a second by what is done, median of the repeats."""
    schema = "demand_bench_" + uuid.uuid4().hex[:8]
    engine = make_engine(url, schema=schema)
    run, frames = make(items, 1)
    sales = pack(sales_of(items), 1)
    given = {
        forecasts: rows(next(batches("forecasts", frames.forecasts, 1 << 30)), run.run_id, iso_dates=False),
        staged_sales_history: rows(sales, run.run_id, iso_dates=False),
    }
    placed = {table: table_in(table, schema) for table in (*given, sales_history)}
    with engine.begin() as connection:
        connection.execute(text(f"create schema {schema}"))
        for table in placed.values():
            connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
    taken: dict[str, list[float]] = {}
    ways = {"pyodbc fast_executemany": by_pyodbc, "mssql-python bulkcopy": by_bulk_copy}
    try:
        for _ in range(repeats):
            for table, values in given.items():
                for way, load in ways.items():
                    with engine.begin() as connection:
                        connection.execute(delete(placed[table]))
                    began = time.perf_counter()
                    load(engine, placed[table], values)
                    taken.setdefault(f"{table.name}, {way}", []).append(len(values) / (time.perf_counter() - began))
            with engine.begin() as connection:
                connection.execute(delete(placed[sales_history]))
            began = time.perf_counter()
            with engine.begin() as connection:
                columns = sales_history.columns.keys()
                copied = connection.execute(insert(sales_history).from_select(columns, unpacked(run, "CA_1"))).rowcount
            taken.setdefault("sales_history, unpacked by the server", []).append(copied / (time.perf_counter() - began))
        with engine.begin() as connection:
            stored = {tuple(row) for row in connection.execute(select(sales_history))}
        if stored != {tuple(row.values()) for row in sales_of(items).to_pylist()}:
            raise SystemExit("The sales that the server unpacked are not those that were packed.")
    finally:
        with engine.begin() as connection:
            for table in placed.values():
                connection.execute(text(f"drop table {schema}.{table.name}"))
            connection.execute(text(f"drop schema {schema}"))
        engine.dispose()
    return {name: median(rates) for name, rates in taken.items()}


def by_pyodbc(engine: Engine, table: Table, values: list[tuple[object, ...]]) -> None:
    """As a publish does it."""
    with engine.begin() as connection:
        connection.exec_driver_sql(insert_sql(connection, table), values)


def by_bulk_copy(engine: Engine, table: Table, values: list[tuple[object, ...]]) -> None:
    """BULK INSERT over TDS; constraints are checked only if asked for."""
    import mssql_python

    url = make_url(engine.url)
    sign_in = f"UID={url.username};PWD={url.password}" if url.username else "Authentication=ActiveDirectoryDefault"
    trust = url.query.get("TrustServerCertificate", "no")
    server = f"Server={url.host},{url.port or 1433};Database={url.database};Encrypt=yes;TrustServerCertificate={trust}"
    with mssql_python.connect(f"{server};{sign_in}") as connection:
        cursor = connection.cursor()
        cursor.bulkcopy(f"{table.schema}.{table.name}", values, timeout=0, check_constraints=True, table_lock=True)
        connection.commit()


def arithmetic(rate: float) -> list[str]:
    """What a publish of all of M5 takes at so many rows a second."""
    first, later = rows_of_m5(first=True), rows_of_m5(first=False)
    lines = ["| rows of a publish of all of M5 | the first one | one more day |", "|---|---|---|"]
    lines += [f"| {name} | {count:,} | {later[name]:,} |" for name, count in first.items()]
    lines.append(f"| together | {sum(first.values()):,} | {sum(later.values()):,} |")
    copied = SERIES * HISTORY_DAYS
    return [
        *lines,
        "",
        f"At {rate:,.0f} rows/s: {sum(later.values()) / rate / 60:.1f} minutes; the first publish "
        f"{seconds_of_first_publish(rate) / 60:.1f}, of which {copied / SERVER_ROWS_PER_SECOND / 60:.1f} are for "
        f"{copied:,} days of sales that the server unpacks, taken as {SERVER_ROWS_PER_SECOND:,} rows/s.",
    ]


def main() -> None:
    """Measure where a server is given, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the server; its user may create schemas")
    parser.add_argument("--items", type=int, default=300, help="items a store; 10 stores, 28 days each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows-per-second", type=float, default=4_500, help="without a server")
    options = parser.parse_args()
    rate = options.rows_per_second
    if options.url:
        rates = measure(options.url, options.items, options.repeats)
        print(
            "\n".join(["| what | rows/s (median) |", "|---|---|", *(f"| {n} | {r:,.0f} |" for n, r in rates.items())])
        )
        rate = rates["forecasts, pyodbc fast_executemany"]
    print("\n".join(["", *arithmetic(rate)]))


if __name__ == "__main__":
    main()
