"""Load M5's raw files into the schema `raw_m5` of the DuckDB warehouse: all of them in one transaction, or nothing."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from models_ml.errors import InputError, WarehouseError
from models_ml.sources.faults import input_fault
from models_ml.sources.loading import asked_for, connected, refuse_unsold_day, transaction
from models_ml.sources.m5 import prices
from models_ml.sources.m5.calendar import CalendarTable, read_calendar
from models_ml.sources.m5.files import RawFiles, open_source
from models_ml.sources.m5.layout import FIRST_DAY, ID_COLUMNS, SALES_FILE, day_columns
from models_ml.sources.m5.sales import check_sales
from models_ml.sources.report import IngestReport

SCHEMA = "raw_m5"

_LAYOUT = "1"
"""Raise it when the raw tables change, so that the same files are loaded again."""

_CSV_OPTIONS = "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"'"


def ingest(
    source: Path,
    warehouse: Path,
    *,
    stores: Sequence[str] | None = None,
    memory_limit_gb: float = 4.0,
    threads: int = 2,
    horizon_days: int = 28,
    as_of: dt.date | None = None,
) -> IngestReport:
    """Check M5's files and load them into the raw tables of the warehouse.

    All is loaded in one transaction: after an error, or a kill at any moment, the raw tables are those of before.
    The same content for the same stores is not loaded again.

    Args:
        source: a folder with `calendar.csv`, `sales_train_evaluation.csv` (or `sales_train_validation.csv`) and
            `sell_prices.csv`, or a zip that holds them at any depth.
        warehouse: the DuckDB file, made if it is not there. A zip is unpacked beside it for the time being.
        stores: load these stores only; None or none at all loads every store. The sales of all stores are
            checked; prices of the others are only read.
        memory_limit_gb: DuckDB's memory limit.
        threads: DuckDB's threads.
        horizon_days: days that will be forecast; a calendar or prices that end earlier are a warning.
        as_of: load the files as they would have been that day: sales up to it, a calendar and prices that reach as
            far ahead as they do now (and over the horizon), no series that comes later; None loads all.

    Raises:
        InputError: a file is missing or wrong (message with file, line or column, value and remedy), or a store
            is not in the data.
        WarehouseError: the warehouse is in use or damaged, or there is no room on the disk.
    """
    started = time.monotonic()
    with connected(warehouse, memory_limit_gb, threads) as connection:
        scratch = warehouse.with_name(f".{warehouse.name}.unpacked")
        with open_source(source, scratch) as files:
            asked = asked_for(stores, as_of) + ("" if as_of is None else f", {horizon_days} days ahead")
            unchanged = _holds(connection, files.fingerprint, asked)
            if not unchanged:
                with transaction(connection):
                    loaded_at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
                    _load(connection, files, stores or (), loaded_at, as_of, horizon_days)
                    _log(connection, source, files.fingerprint, asked, loaded_at)
            return _report(connection, source, files, started, horizon_days, unchanged=unchanged)


def _holds(connection: duckdb.DuckDBPyConnection, fingerprint: str, asked: str) -> bool:
    tables = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name in"
        " ('calendar', 'sales_train_evaluation', 'sell_prices', 'ingest_log')",
        [SCHEMA],
    ).fetchone()
    if tables != (4,):
        return False
    held = connection.execute(
        f"select fingerprint, stores, layout from {SCHEMA}.ingest_log"  # noqa: S608
    ).fetchall()
    return bool(held == [(fingerprint, asked, _LAYOUT)])


def _load(
    connection: duckdb.DuckDBPyConnection,
    files: RawFiles,
    stores: Sequence[str],
    loaded_at: dt.datetime,
    as_of: dt.date | None,
    horizon_days: int,
) -> None:
    """Check and load the three files."""
    calendar = read_calendar(files.calendar)
    prices.check_price_header(files.prices)
    sales = check_sales(files.sales, calendar)
    unknown = [store for store in stores if store not in sales.stores]
    if unknown:
        raise InputError(
            f"store {unknown[0]!r} is not in {files.sales.name}. Choose among: {', '.join(sales.stores)}. "
            "Nothing was loaded."
        )
    connection.execute(f"create schema if not exists {SCHEMA}")
    _load_calendar(connection, calendar, loaded_at)
    kept = sales.days
    if as_of is not None:
        refuse_unsold_day(as_of, FIRST_DAY, calendar.date_of(sales.days))
        kept = (as_of - FIRST_DAY).days + 1
    _load_sales(connection, files.sales, sales.days, kept, stores, loaded_at)
    _load_prices(connection, files, calendar, stores, loaded_at)
    _check_prices(connection, files)
    if kept < sales.days:
        _forget_later(connection, calendar.date_of(kept + max(calendar.days - sales.days, horizon_days)))


def _forget_later(connection: duckdb.DuckDBPyConnection, until: dt.date) -> None:
    """Remove what files whose calendar ends on a day do not have: later days, their prices, series of later."""
    connection.execute(f"delete from {SCHEMA}.calendar where date > $until", {"until": until})  # noqa: S608
    connection.execute(
        f"delete from {SCHEMA}.sell_prices where wm_yr_wk not in (select wm_yr_wk from {SCHEMA}.calendar)"  # noqa: S608
    )
    connection.execute(
        f"delete from {SCHEMA}.sales_train_evaluation where (store_id, item_id) not in"  # noqa: S608
        f" (select (store_id, item_id) from {SCHEMA}.sell_prices)"
    )


def _load_calendar(connection: duckdb.DuckDBPyConnection, calendar: CalendarTable, loaded_at: dt.datetime) -> None:
    connection.register("calendar_file", calendar.table)
    connection.execute(
        f"create or replace table {SCHEMA}.calendar as"  # noqa: S608
        " select *, cast($loaded_at as timestamp) as loaded_at from calendar_file",
        {"loaded_at": loaded_at},
    )
    connection.unregister("calendar_file")


def _load_sales(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    days: int,
    kept: int,
    stores: Sequence[str],
    loaded_at: dt.datetime,
) -> None:
    columns = dict.fromkeys(ID_COLUMNS, "VARCHAR") | dict.fromkeys(day_columns(days), "INTEGER")
    try:
        connection.execute(
            f"create or replace table {SCHEMA}.sales_train_evaluation as"  # noqa: S608
            f" select {', '.join([*ID_COLUMNS, *day_columns(kept)])}, cast($loaded_at as timestamp) as loaded_at"
            f" from read_csv($path, columns = $columns, {_CSV_OPTIONS})"
            " where len($stores) = 0 or list_contains($stores, store_id)",
            {"path": str(path), "columns": columns, "stores": list(stores), "loaded_at": loaded_at},
        )
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        # check_sales has been through every line; what is left is how lines end.
        raise input_fault(
            path.name,
            f"the file cannot be read as CSV: {str(error).splitlines()[0]}",
            remedy="Save it as plain CSV in UTF-8, with the same line ends throughout.",
        ) from None


def _load_prices(
    connection: duckdb.DuckDBPyConnection,
    files: RawFiles,
    calendar: CalendarTable,
    stores: Sequence[str],
    loaded_at: dt.datetime,
) -> None:
    # The week is compared as text: DuckDB would round 11101.5 to a week without a word.
    weeks = {str(week): week for week in calendar.weeks}
    columns = {"store_id": "VARCHAR", "item_id": "VARCHAR", "week": "VARCHAR", "sell_price": "DOUBLE"}
    try:
        connection.execute(
            f"create or replace table {SCHEMA}.sell_prices as"  # noqa: S608
            " select price.store_id, price.item_id, calendar_week.wm_yr_wk, price.sell_price,"
            " cast($loaded_at as timestamp) as loaded_at"
            f" from read_csv($path, columns = $columns, {_CSV_OPTIONS}) as price"
            f" left join (select distinct wm_yr_wk, cast(wm_yr_wk as varchar) as week from {SCHEMA}.calendar)"
            " as calendar_week on calendar_week.week = price.week"
            " where len($stores) = 0 or list_contains($stores, price.store_id) or price.store_id is null",
            {"path": str(files.prices), "columns": columns, "stores": list(stores), "loaded_at": loaded_at},
        )
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise prices.unreadable_price(files.prices, weeks, str(error)) from None
    faulty = connection.execute(
        f"select count(*) from {SCHEMA}.sell_prices where wm_yr_wk is null or store_id is null"  # noqa: S608
        " or item_id is null or sell_price is null or not isfinite(sell_price) or sell_price <= 0"
    ).fetchone()
    if faulty != (0,):
        raise prices.unreadable_price(files.prices, weeks, "a price has no value")


def _check_prices(connection: duckdb.DuckDBPyConnection, files: RawFiles) -> None:
    """Every price has a series, every series a price, and no price comes twice."""
    sales_file = files.sales.name
    unknown = connection.execute(
        "select distinct store_id, item_id"  # noqa: S608
        f" from {SCHEMA}.sell_prices anti join {SCHEMA}.sales_train_evaluation using (store_id, item_id)"
        " order by all limit 1"
    ).fetchone()
    if unknown is not None:
        raise prices.unknown_series(files.prices, unknown[0], unknown[1], sales_file)
    unpriced = connection.execute(
        "select store_id, item_id, count(*) over ()"  # noqa: S608
        f" from {SCHEMA}.sales_train_evaluation anti join {SCHEMA}.sell_prices using (store_id, item_id)"
        " order by all limit 1"
    ).fetchone()
    if unpriced is not None:
        raise prices.unpriced_series(unpriced[0], unpriced[1], unpriced[2], sales_file)
    repeated = connection.execute(
        "select store_id, item_id, wm_yr_wk"  # noqa: S608
        f" from {SCHEMA}.sell_prices group by all having count(*) > 1 order by all limit 1"
    ).fetchone()
    if repeated is not None:
        raise prices.repeated_price(files.prices, repeated[0], repeated[1], repeated[2])


def _warnings(
    connection: duckdb.DuckDBPyConnection, files: RawFiles, last_sale: dt.date, horizon_days: int
) -> Iterator[str]:
    if files.sales_are_validation:
        yield f"{SALES_FILE} is not there; {files.sales.name}, which ends earlier, was loaded instead."
    row = connection.execute(
        f"select max(date), max(date) filter (where wm_yr_wk in (select max(wm_yr_wk) from {SCHEMA}.sell_prices))"  # noqa: S608
        f" from {SCHEMA}.calendar"
    ).fetchone()
    last_known, last_priced = row if row is not None else (last_sale, last_sale)
    last_needed = last_sale + dt.timedelta(days=horizon_days)
    if last_known < last_needed:
        yield (
            f"the calendar ends on {last_known}, and a forecast of {horizon_days} days after {last_sale} needs it "
            f"until {last_needed}. Add the days that are missing, with their events."
        )
    if last_priced < min(last_needed, last_known):
        yield f"the prices end on {last_priced}; later days are forecast with the last known price."


def _log(
    connection: duckdb.DuckDBPyConnection, source: Path, fingerprint: str, asked: str, loaded_at: dt.datetime
) -> None:
    connection.execute(
        f"create or replace table {SCHEMA}.ingest_log as"  # noqa: S608
        " select cast($source as varchar) as source_path, cast($fingerprint as varchar) as fingerprint,"
        " cast($asked as varchar) as stores, cast($layout as varchar) as layout,"
        f" (select count(*) from {SCHEMA}.sales_train_evaluation) as series,"
        " min(date) as first_day, max(date) as last_day, cast($loaded_at as timestamp) as loaded_at"
        f" from {SCHEMA}.calendar where d in (select column_name from information_schema.columns"
        " where table_schema = $schema and table_name = 'sales_train_evaluation')",
        {
            "source": str(source),
            "fingerprint": fingerprint,
            "asked": asked,
            "layout": _LAYOUT,
            "loaded_at": loaded_at,
            "schema": SCHEMA,
        },
    )


def _report(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    files: RawFiles,
    started: float,
    horizon_days: int,
    *,
    unchanged: bool,
) -> IngestReport:
    row = connection.execute(
        "select log.series, log.first_day, log.last_day, count(distinct sales.store_id),"  # noqa: S608
        f" count(distinct sales.item_id), (select count(*) from {SCHEMA}.sell_prices),"
        f" (select max(date) from {SCHEMA}.calendar)"
        f" from {SCHEMA}.ingest_log as log cross join {SCHEMA}.sales_train_evaluation as sales group by all"
    ).fetchone()
    if row is None:
        raise WarehouseError(f"{SCHEMA} holds no series after the ingest. Move the warehouse away and run again.")
    series, first_day, last_day, stores, items, price_rows, known_until = row
    return IngestReport(
        source=source,
        series=series,
        stores=stores,
        items=items,
        first_day=first_day,
        last_day=last_day,
        price_rows=price_rows,
        seconds=time.monotonic() - started,
        fingerprint=files.fingerprint,
        warnings=tuple(_warnings(connection, files, last_day, horizon_days)),
        unchanged=unchanged,
        known_until=known_until,
    )
