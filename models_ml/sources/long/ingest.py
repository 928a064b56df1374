"""Load a retailer's tables into the schema `raw_long` of the warehouse: all of them in one transaction, or nothing."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb

from models_ml.errors import InputError, WarehouseError
from models_ml.sources.faults import input_fault
from models_ml.sources.loading import asked_for, connected, refuse_unsold_day, transaction
from models_ml.sources.long.config import SourceConfig, Table, config_path, read_config
from models_ml.sources.long.levels import levels_select
from models_ml.sources.long.mapping import RawTables, empty, flag, number, value
from models_ml.sources.long.omissions import left_out
from models_ml.sources.long.relations import Relation, attach, fingerprint, open_relation, quoted, unreadable
from models_ml.sources.long.session import Session, reads_in_place
from models_ml.sources.report import IngestReport

SCHEMA = "raw_long"

_LAYOUT = "4"
"""Raise it when the raw tables change, so that the same files are loaded again."""

MOST_VALUES = 20
"""Different texts that a regressor may have: each becomes a column of its own."""

MOST_UNKNOWN = 5

LONGEST_HORIZON_DAYS = 84
"""Days after the last sale that can be forecast, and that the calendar has (`stg_long__calendar`)."""


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
    """Check the tables of a configuration and load them into the raw tables of the warehouse.

    All is loaded in one transaction: after an error, or a kill at any moment, the raw tables are those of before.
    The same content with the same configuration for the same stores is not loaded again.

    Args:
        source: the YAML file (see `config`), or the folder of one named `source.yml`.
        warehouse: the DuckDB file, made if it is not there.
        stores: load these stores only; None or none at all loads every store.
        memory_limit_gb: DuckDB's memory limit.
        threads: DuckDB's threads.
        horizon_days: days that will be forecast; known columns that end earlier are a warning.
        as_of: load sales up to this day only, as if the tables were of then; None loads all.

    Raises:
        InputError: the configuration or a table is wrong, or a store is not in the data.
        WarehouseError: the warehouse is in use or damaged, or there is no room on the disk.
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
    """Check tables of a Databricks warehouse, and make the raw tables views of them: nothing is copied.

    The views are replaced one after the other. What depends on the rows (texts that become columns, levels, days that
    a column is given for) is as of this call, so it belongs before each build.

    Args:
        source: see `ingest`; each table is named as schema.table or catalog.schema.table.
        session: of the warehouse.
        stores, horizon_days, as_of: see `ingest`.

    Raises:
        InputError: see `ingest`; or the configuration names files or databases, which the warehouse cannot see.
        WarehouseError: the warehouse refuses a statement.
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
    if not unchanged:
        with together:
            load(connection, RawTables(config, relations, tuple(stores or ()), as_of))
            _log(connection, source, said, asked)
    return _report(connection, config, source, said, started, horizon_days, unchanged=unchanged)


def refuse_unseen(path: Path, tables: Iterable[Table], databases: Mapping[str, str]) -> None:
    """Refuse what a Databricks warehouse cannot see.

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
    """Every table of a configuration, each with the columns that are named."""
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
        first_day, last_day = first(connection, f"select min(date), max(date) from ({sold}) as sold")  # type: ignore[misc]
        refuse_unsold_day(raw.as_of, first_day, last_day)
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


def write(connection: Session, name: str, select: str) -> None:
    """Replace one raw table (in place: view) by the rows of a select, with the time of loading."""
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat()
    connection.execute(
        f"create or replace {'view' if reads_in_place(connection) else 'table'} {SCHEMA}.{name} as"
        f" select *, cast('{moment}' as timestamp) as loaded_at from ({select}) as mapped"
    )


def check_rows(connection: Session, raw: RawTables) -> None:
    """Count the faults of all rows, one pass a table, and show the first one.

    Raises:
        InputError: naming file, line, column and value.
    """
    checks = list(raw.checks())
    for table, relation in raw.relations.items():
        own = [check for check in checks if check.table == table]
        if not own:
            continue
        counts = ", ".join(f"count(*) filter (where {check.condition})" for check in own)
        try:
            found = connection.execute(f"select {counts} from {relation.sql}").fetchone()
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
            raise unreadable(relation.name, error) from None
        for check, count in zip(own, found or (), strict=False):
            if count:
                line, value = relation.line(connection, check.condition, quoted(check.column))
                more = f", the first of {count:,} rows" if count > 1 else ""
                raise input_fault(
                    relation.name,
                    check.problem + more,
                    line=line,
                    column=check.column,
                    value=value,
                    remedy=check.remedy,
                )


def first(connection: Session, sql: str) -> tuple[object, ...] | None:
    """The first row of a query."""
    row: tuple[object, ...] | None = connection.execute(sql).fetchone()
    return row


def check_sales(connection: Session, raw: RawTables) -> None:
    """Sales are there, each series has one row a date, weeks begin on one weekday, and something was sold."""
    config, name = raw.config, raw.relations["sales"].name
    table = f"{SCHEMA}.sales"
    known = {row[0] for row in connection.execute(f"select distinct store_id from {table}").fetchall()}
    for store in raw.stores_asked:
        if store not in known:
            column = config.sales.store or "store"
            raise InputError(
                f"{name}, column {column}: store {store!r} is not in the data. Correct --stores. Nothing was loaded."
            )
    sold = first(connection, f"select count(*), sum(greatest(units, 0)) from {table}")
    if sold is None or not sold[0]:
        raise input_fault(name, "no row has units", column=config.sales.units, remedy="Name the column of units sold.")
    if not sold[1]:
        raise input_fault(name, "nothing was ever sold", column=config.sales.units, remedy="Check the column.")
    if config.grain == "week":
        day = raw.date(config.sales.date)
        days = connection.execute(
            f"select dayname({day}) as day, count(*), min({day}) from {raw.relations['sales'].sql}"
            " group by all order by 2 desc"
        ).fetchall()
        if len(days) > 1:
            raise input_fault(
                name,
                f"weekly sales are dated on one weekday, mostly {days[0][0]}, and this one is a {days[1][0]}",
                column=config.sales.date,
                value=str(days[1][2]),
                remedy="Date each week by the same weekday, or say `grain: day`.",
            )
    if config.duplicates == "refuse":
        twice = first(
            connection,
            f"select date, store_id, item_id, count(*) from {table}"
            " group by all having count(*) > 1 order by all limit 1",
        )
        if twice is not None:
            raise input_fault(
                name,
                f"store {twice[1]}, item {twice[2]} has {twice[3]} rows on {twice[0]}",
                remedy="Remove the repeated rows, or say `duplicates: sum` if each row is a part of the day's sales.",
            )


def check_attributes(connection: Session, raw: RawTables) -> None:
    """An item or store has one row of attributes, and a department one category."""
    for table, owner, attributes in (
        ("items", "item_id", ("department_id", "category_id")),
        ("stores", "store_id", ("region_id",)),
    ):
        name = raw.attribute_table(table)[1].name
        twice = first(
            connection,
            f"select {owner}, count(*) from {SCHEMA}.{table} group by 1 having count(*) > 1 order by 1 limit 1",
        )
        if twice is not None:
            listed = " or ".join(column.removesuffix("_id") for column in attributes)
            raise input_fault(
                name,
                f"{owner.removesuffix('_id')} {twice[0]} has {twice[1]} different rows of {listed}",
                remedy="Give each its attributes once, or take the column out of `hierarchy`.",
            )
    moved = first(
        connection,
        f"select department_id, min(category_id), max(category_id) from {SCHEMA}.items group by 1"
        " having count(distinct category_id) > 1 order by 1 limit 1",
    )
    if moved is not None:
        raise input_fault(
            raw.attribute_table("items")[1].name,
            f"department {moved[0]} is in category {moved[1]} and in {moved[2]}",
            remedy="A department has one category. Name both columns, `department: [category, department]`, to keep "
            "them apart.",
        )


def check_keys(connection: Session, raw: RawTables) -> None:
    """Every item and store that is sold has its attributes; prices name items that are sold."""
    for table, owner in (("items", "item_id"), ("stores", "store_id")):
        if table not in raw.relations:
            continue
        lost = connection.execute(
            f"select distinct {owner} from {SCHEMA}.sales anti join {SCHEMA}.{table} using ({owner})"
            f" order by 1 limit {MOST_UNKNOWN}"
        ).fetchall()
        if lost:
            raise input_fault(
                raw.relations[table].name,
                f"{owner.removesuffix('_id')} {', '.join(str(row[0]) for row in lost)} is sold in "
                f"{raw.relations['sales'].name} and has no row here",
                remedy="Add the rows, or leave the table out of the configuration.",
            )
    twice = first(
        connection,
        f"select date, store_id, item_id from {SCHEMA}.prices group by all having count(*) > 1 order by all limit 1",
    )
    if twice is not None:
        raise input_fault(
            raw.relations["prices"].name,
            f"item {twice[2]}{f' in store {twice[1]}' if twice[1] else ''} has two prices from {twice[0]} on",
            remedy="Keep one of them.",
        )


def load_closed_days(connection: Session, raw: RawTables) -> None:
    """Days on which a store is closed, past and coming: no row of it says that it is open."""
    column = raw.config.sales.open
    if column is None:
        write(connection, "closed_days", empty(date="date", store_id="varchar"))
        return
    write(
        connection,
        "closed_days",
        f"select date, store_id from ({raw.dated(column)}) as days where found is not null"
        f" group by date, store_id having max({flag('found')}) = 0",
    )


def load_regressors(connection: Session, raw: RawTables) -> None:
    """Values of every declared column by name: `regressors` by day, `attributes` for good, `declared` for both.

    Zeros are not kept: what is not there is zero. A row without a value is not known, and so are all days before a
    column's first value and after its last one. A past-only column has no row after the last day of sales, a known
    one none after the longest horizon.
    """
    days = [empty(date="date", store_id="varchar", item_id="varchar", regressor="varchar", value="double")]
    owners = [empty(store_id="varchar", item_id="varchar", regressor="varchar", value="double")]
    declared = [
        empty(regressor="varchar", availability="varchar", column_name="varchar", given_from="date", given_until="date")
    ]
    for place, (name, regressor) in enumerate(raw.config.regressors.items()):
        relation = raw.relations[regressor.from_]
        is_static = regressor.availability == "static"
        rows = raw.attribute(name) if is_static else raw.dated(regressor.column)
        if not is_static:
            # Later plans would add columns of texts that nothing is forecast with, and a replay would have them too.
            ahead = LONGEST_HORIZON_DAYS if regressor.availability == "known" else 0
            rows = f"select * from ({rows}) as dated where date <= (select max(date) + {ahead} from {SCHEMA}.sales)"
        table = f"({rows}) as dated"
        if not reads_in_place(connection):  # the file is read once, however many questions are asked of the column
            table = f"regressor_{place}"
            connection.execute(f"create or replace temp table {table} as {rows}")
        for label, found in columns_of(connection, relation, name, regressor.column, table):
            given_from, given_until = None, None
            if is_static:
                own = {"items": "null, owner_id", "stores": "owner_id, null"}[regressor.from_]
                owners.append(f"select {own}, '{label}', {found} from {table} where {found} is distinct from 0")
            else:
                [(given_from, given_until)] = connection.execute(
                    f"select min(date), max(date) from {table} where {found} is not null"
                ).fetchall()
                days.append(
                    f"select date, store_id, item_id, '{label}', max({found}) as most from {table}"
                    f" where date between {day(given_from)} and {day(given_until)}"
                    " group by date, store_id, item_id having most is distinct from 0"
                )
            declared.append(
                f"select '{label}', '{regressor.availability}', {literal(regressor.column)},"
                f" {day(given_from)}, {day(given_until)}"
            )
    write(connection, "regressors", " union all ".join(days))
    write(connection, "attributes", " union all ".join(owners))
    write(connection, "declared_regressors", " union all ".join(declared))
    if not reads_in_place(connection):
        for place in range(len(raw.config.regressors)):
            connection.execute(f"drop table regressor_{place}")


def columns_of(connection: Session, relation: Relation, name: str, column: str, rows: str) -> Iterator[tuple[str, str]]:
    """Name and SQL value of the columns that a user's column becomes: itself, or one a text.

    A number or flag is null where it is not known: where it is blank, unless the column holds nothing but 1.
    """
    texts = [
        str(row[0])
        for row in connection.execute(
            f"select distinct found from {rows}"
            f" where {value('found')} is not null and {number('found')} is null and {flag('found')} is null"
            f" order by 1 limit {MOST_VALUES + 1}"
        ).fetchall()
    ]
    if not texts:
        known = f"coalesce({number('found')}, {flag('found')})"
        row = first(connection, f"select bool_and({known} = 1) from {rows}")
        yield name, f"coalesce({known}, 0)" if row == (True,) else known
        return
    if len(texts) > MOST_VALUES:
        raise input_fault(
            relation.name,
            f"regressor {name} has more than {MOST_VALUES} different texts",
            column=column,
            value=texts[0],
            remedy="A text becomes a column of its own. Group them, or leave the regressor out.",
        )
    values = [
        str(row[0])
        for row in connection.execute(
            f"select distinct found from {rows}"
            f" where {value('found')} is not null and lower(found) not in ('0', 'false', 'no', 'none') order by 1"
        ).fetchall()
    ]
    taken: set[str] = set()
    for word in values[: MOST_VALUES + 1]:
        slug = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_") or "value"
        label = f"{name}_{slug}"
        while label in taken:
            label += "_"
        taken.add(label)
        yield label, f"(case when found = {literal(word)} then 1 else 0 end)"


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def day(date: object) -> str:
    """A day, or none, as an SQL literal."""
    return "cast(null as date)" if date is None else f"date '{date}'"


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
    config: SourceConfig,
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
        warnings=tuple(warnings(connection, config, horizon_days)),
        left_out=tuple(left_out(connection, config, SCHEMA)),
        unchanged=unchanged,
    )


def warnings(connection: Session, config: SourceConfig, horizon_days: int) -> Iterator[str]:
    """What is left out or guessed, and why."""
    left_out = first(
        connection,
        "select count(*), min(store_id), min(item_id) from ("
        f"select store_id, item_id from {SCHEMA}.sales group by all having not sum(greatest(units, 0)) > 0) as never",
    )
    if left_out is not None and left_out[0]:
        yield f"{left_out[0]} series never sold (such as {left_out[2]} in {left_out[1]}) and are left out."
    [(negative,)] = connection.execute(f"select count(*) from {SCHEMA}.sales where units < 0").fetchall()
    if negative:
        rows = negative // config.step_days  # a week is seven days here
        yield f"{rows:,} rows have negative units; a {config.grain} whose sum is below zero counts as zero."
    if config.prices is None and config.sales.price is None:
        yield "there are no prices: WRMSSE weighs by units, revenue is left out."
    ends = connection.execute(
        "select column_name, min(given_until) from (select * from"
        f" {SCHEMA}.declared_regressors where availability = 'known') as known cross join"
        f" (select max(date) + {horizon_days} as last_date from {SCHEMA}.sales) as horizon"
        " where given_until is null or given_until < last_date group by column_name order by column_name"
    ).fetchall()
    for column, until in ends:
        said = "no value" if until is None else f"values until {until}"
        yield (
            f"{column} has {said}: on later days to forecast it counts as usual. Give coming values by rows without "
            "units, or by the table `future`."
        )
