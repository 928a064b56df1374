"""Load a retailer's tables into the warehouse's schema `raw_long`, in one transaction."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb

from models_ml.errors import InputError, WarehouseError
from models_ml.sources.loading import asked_for, connected, refuse_unsold_day, transaction
from models_ml.sources.long.checks import check_attributes, check_keys, check_rows, check_sales
from models_ml.sources.long.config import SourceConfig, Table, config_path, read_config
from models_ml.sources.long.levels import levels_select
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.omissions import left_out, settled, warnings
from models_ml.sources.long.raw_schema import SCHEMA, first, literal, write
from models_ml.sources.long.regressors import load_closed_days, load_regressors
from models_ml.sources.long.relations import Relation, attach, fingerprint, open_relation
from models_ml.sources.long.session import Session
from models_ml.sources.long.suspicions import refuse_suspicious, settle_days
from models_ml.sources.report import IngestReport

_LAYOUT = "5"
"""Increment when the raw tables change, so that the same files are loaded again."""


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
    """Validate the tables of a configuration and load them into the raw tables of the warehouse.

    Everything is loaded in one transaction: after an error or a kill, the raw tables are unchanged.
    The same content with the same configuration for the same stores is not loaded again.

    Args:
        source: the YAML file (see `config`), or the folder of one named `source.yml`.
        warehouse: the DuckDB file, created if missing.
        stores: load only these stores; None or empty: every store.
        memory_limit_gb: DuckDB's memory limit.
        threads: DuckDB's threads.
        horizon_days: days to forecast; a known column that ends earlier gives a warning.
        as_of: load sales up to this day only, as of that day; None: all.

    Raises:
        InputError: the configuration or a table is invalid, or a store is not in the data.
        WarehouseError: the warehouse is in use or damaged, or the disk is full.
    """
    config = read_config(source)
    with connected(warehouse, memory_limit_gb, threads) as connection:
        attach(connection, config.databases, config_path(source).resolve().parent)
        return _ingested(connection, transaction(connection), config, source, stores, horizon_days, as_of)


def ingest_in_place(
    source: Path,
    session: Session,
    *,
    stores: Sequence[str] | None = None,
    horizon_days: int = 28,
    as_of: dt.date | None = None,
) -> IngestReport:
    """Validate tables of a Databricks warehouse and create the raw tables as views of them; nothing is copied.

    The views are replaced one by one. Whatever depends on the rows (one-hot columns, levels, covered days) is fixed at
    this call, so call it before each build.

    Args:
        source: see `ingest`; each table is named as schema.table or catalog.schema.table.
        session: of the warehouse.
        stores, horizon_days, as_of: see `ingest`.

    Raises:
        InputError: see `ingest`; or the configuration names files or databases, which the warehouse cannot see.
        WarehouseError: the warehouse rejects a statement.
    """
    config = read_config(source)
    refuse_unseen(config_path(source), config.tables.values(), config.databases)
    return _ingested(session, nullcontext(), config, source, stores, horizon_days, as_of)


def _ingested(
    connection: Session,
    together: AbstractContextManager[None],
    config: SourceConfig,
    source: Path,
    stores: Sequence[str] | None,
    horizon_days: int,
    as_of: dt.date | None,
) -> IngestReport:
    started = time.monotonic()
    relations = open_relations(connection, config, config_path(source).resolve().parent)
    said = fingerprint(connection, config, relations)
    asked = asked_for(stores, as_of)
    unchanged = _holds(connection, said, asked)
    raw = RawTables(config, relations, tuple(stores or ()), as_of)
    if not unchanged:
        with together:
            load(connection, raw)
            _log(connection, source, said, asked)
    return _report(connection, raw, source, said, started, horizon_days, unchanged=unchanged)


def refuse_unseen(path: Path, tables: Iterable[Table], databases: Mapping[str, str]) -> None:
    """Reject tables that a Databricks warehouse cannot see.

    Raises:
        InputError: a file, or a database on this machine.
    """
    unseen = [table.from_ for table in tables if table.is_file] + [*databases.values()]
    if unseen:
        raise InputError(
            f"{path}: {', '.join(unseen)} cannot be seen by Databricks. Name tables as catalog.schema.table; load "
            "files into tables first."
        )


def open_relations(connection: Session, config: SourceConfig, folder: Path) -> dict[str, Relation]:
    """Every table of a configuration, with its configured columns."""
    relations = {name: open_relation(connection, table, folder) for name, table in config.tables.items()}
    for table, column, field in RawTables(config, relations).columns():
        relations[table].require(column, field)
    return relations


def load(connection: Session, raw: RawTables) -> None:
    """Check every row, then write every raw table."""
    config = raw.config
    check_rows(connection, raw)
    if raw.as_of is not None:
        sold = RawTables(config, raw.relations, raw.stores_asked).sales()
        span = first(connection, f"select min(date), max(date) from ({sold}) as sold")
        if span is not None and isinstance(span[0], dt.date) and isinstance(span[1], dt.date):
            refuse_unsold_day(raw.as_of, span[0], span[1])
    refuse_suspicious(connection, raw)
    settle_days(connection, raw)
    connection.execute(f"create schema if not exists {SCHEMA}")
    for name in ("sales", "items", "stores", "prices", "events", "regional_flags"):
        write(connection, name, getattr(raw, name)())
    check_sales(connection, raw)
    check_attributes(connection, raw)
    check_keys(connection, raw)
    write(connection, "levels", levels_select(connection, SCHEMA))
    load_closed_days(connection, raw)
    load_regressors(connection, raw)
    write(
        connection,
        "rules",
        f"select '{config.missing_dates}' as missing_dates, {config.step_days} as step_days",
    )


def _holds(connection: Session, said: str, asked: str) -> bool:
    try:
        held = connection.execute(f"select fingerprint, stores, layout from {SCHEMA}.ingest_log").fetchall()
    except (duckdb.CatalogException, WarehouseError):
        return False  # nothing was loaded yet
    return bool(held == [(said, asked, _LAYOUT)])


def _log(connection: Session, source: Path, said: str, asked: str) -> None:
    connection.execute(
        f"create or replace table {SCHEMA}.ingest_log as"
        f" select {literal(str(source))} as source_path, {literal(said)} as fingerprint,"
        f" {literal(asked)} as stores, {literal(_LAYOUT)} as layout,"
        " count(distinct store_id || '|' || item_id) as series, min(date) as first_day, max(date) as last_day,"
        f" max(loaded_at) as loaded_at from {SCHEMA}.sales"
    )


def _report(
    connection: Session,
    raw: RawTables,
    source: Path,
    said: str,
    started: float,
    horizon_days: int,
    *,
    unchanged: bool,
) -> IngestReport:
    row = first(
        connection,
        "select count(distinct store_id || '|' || item_id), count(distinct store_id), count(distinct item_id),"
        " min(date), max(date), count(price),"
        f" (select count(*) from {SCHEMA}.prices) from {SCHEMA}.sales",
    )
    assert row is not None
    series, stores, items, first_day, last_day, sold_prices, price_rows = row
    return IngestReport(
        source=source,
        series=int(str(series)),
        stores=int(str(stores)),
        items=int(str(items)),
        first_day=dt.date.fromisoformat(str(first_day)),
        last_day=dt.date.fromisoformat(str(last_day)),
        price_rows=int(str(price_rows)) or int(str(sold_prices)),
        seconds=time.monotonic() - started,
        fingerprint=said,
        warnings=(*settled(raw), *warnings(connection, raw.config, horizon_days)),
        left_out=tuple(left_out(connection, raw.config, SCHEMA)),
        unchanged=unchanged,
    )
