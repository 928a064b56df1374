"""Row checks before loading: every fault names file, line, column and value."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import duckdb

from models_ml.errors import InputError
from models_ml.sources.faults import input_fault
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.raw_schema import SCHEMA, first
from models_ml.sources.long.relations import quoted, unreadable
from models_ml.sources.long.session import Session

MOST_UNKNOWN = 5


def check_rows(connection: Session, raw: RawTables) -> None:
    """Count the faults of all rows in one pass per table, and report the first one.

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


def check_sales(connection: Session, raw: RawTables) -> None:
    """Sales exist, each series has one row per date, weeks begin on one weekday, and something was sold."""
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
        raise input_fault(
            name, "no row has units", column=config.sales.units, remedy="Name the column with units sold."
        )
    if not sold[1]:
        raise input_fault(name, "nothing was ever sold", column=config.sales.units, remedy="Check the column.")
    if config.grain == "week":
        day = raw.sales_date()
        days = connection.execute(
            f"select dayname({day}) as day, count(*), min({day}) from {raw.relations['sales'].sql}"
            " group by all order by 2 desc"
        ).fetchall()
        if len(days) > 1:
            raise input_fault(
                name,
                f"weekly sales must all have the same weekday, mostly {days[0][0]}, but this date is a {days[1][0]}",
                column=config.sales.date,
                value=str(days[1][2]),
                remedy="Date each week by the same weekday, or set `grain: day`.",
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
                remedy="Remove the repeated rows, or set `duplicates: sum` if each row is a part of the day's sales.",
            )


def check_attributes(connection: Session, raw: RawTables) -> None:
    """Each item and store has one row of attributes, and each department one category."""
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
                remedy="Give each one row of attributes, or remove the column from `hierarchy`.",
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
            remedy="A department must have one category. To keep them apart, use both columns: "
            "`department: [category, department]`.",
        )


def check_keys(connection: Session, raw: RawTables) -> None:
    """Every item and store in the sales has attributes; prices refer to items in the sales."""
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
                f"{owner.removesuffix('_id')} {', '.join(str(row[0]) for row in lost)} occurs in "
                f"{raw.relations['sales'].name} but has no row here",
                remedy="Add the rows, or remove the table from the configuration.",
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
