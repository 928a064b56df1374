"""How fast does a SQL Server take forecasts? pyodbc's `fast_executemany` beside the TDS bulk load of mssql-python.

Both write the same rows into a table of the store's own definition (checks on, as a publish has them), in a schema that
is dropped in the end; then the rows that a publish of all of M5 sends are divided by the better rate.

Run: python -m benchmarks.store_server --url mssql+pyodbc://user@server/database (the package mssql-python is in the
extra `dev`). Without a server it prints the arithmetic for `--rows-per-second`.
"""

from __future__ import annotations

import argparse
import time
import uuid
from statistics import median

from sqlalchemy import Engine, MetaData, Table, delete, make_url, text
from sqlalchemy.schema import CreateTable

from benchmarks.store import make
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.frames import batches, insert_sql, rows
from models_ml.prediction_store.schema import forecasts

SERIES, NODES, HORIZON = 30_490, 154, 28
ROWS_OF_M5 = {
    "forecasts": SERIES * HORIZON,
    "run_series, inventory_policy, scenario_series": 3 * SERIES,
    "backtest_series, of the model and seasonal naive": 2 * SERIES,
    "sales_history of one new day": SERIES,
    "nodes: forecasts, 400 days of history, contributions of 8 families": NODES * (HORIZON + 400 + 8 * HORIZON),
}
FIRST_PUBLISH = SERIES * 111
"""Days of sales that only the first publish of a store sends (DEMAND_HISTORY_DAYS is 112)."""


def table_in(schema: str) -> Table:
    """The table of forecasts without its parents."""
    placed = forecasts.to_metadata(MetaData(), schema=schema)
    for key in list(placed.foreign_key_constraints):
        placed.constraints.remove(key)
    return placed


def measure(url: str, items: int, repeats: int) -> dict[str, float]:
    """Rows a second by way, median of the repeats."""
    engine = make_engine(url)
    schema = "demand_bench_" + uuid.uuid4().hex[:8]
    table = table_in(schema)
    run, frames = make(items, 1)
    part = next(batches("forecasts", frames.forecasts, frames.forecasts.num_rows))
    values = rows(part, run.run_id, iso_dates=False)
    with engine.begin() as connection:
        connection.execute(text(f"create schema {schema}"))
        connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
    taken: dict[str, list[float]] = {}
    try:
        for _ in range(repeats):
            for name, way in (("pyodbc fast_executemany", by_pyodbc), ("mssql-python bulkcopy", by_bulk_copy)):
                with engine.begin() as connection:
                    connection.execute(delete(table))
                began = time.perf_counter()
                way(engine, table, values)
                taken.setdefault(name, []).append(len(values) / (time.perf_counter() - began))
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"drop table {schema}.forecasts"))
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
    total = sum(ROWS_OF_M5.values())
    lines = ["| rows of a publish of all of M5 | count |", "|---|---|"]
    lines += [f"| {name} | {count:,} |" for name, count in ROWS_OF_M5.items()]
    lines.append(f"| together | {total:,} |")
    said = f"At {rate:,.0f} rows/s: {total / rate / 60:.1f} minutes"
    first = f"{(total + FIRST_PUBLISH) / rate / 60:.1f} for the first publish of a store, which sends 112 days of sales"
    return [*lines, "", f"{said}; {first}. Ten minutes need {total / 600:,.0f} rows/s."]


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
        print("\n".join(["| way | rows/s (median) |", "|---|---|", *(f"| {n} | {r:,.0f} |" for n, r in rates.items())]))
        rate = max(rates.values())
    print("\n".join(["", *arithmetic(rate)]))


if __name__ == "__main__":
    main()
