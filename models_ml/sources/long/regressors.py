"""The raw tables of what is known beside the sales: closed days, and the columns that are declared as regressors."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import re
from collections.abc import Iterator

from models_ml.sources.faults import input_fault
from models_ml.sources.long.expressions import empty, flag, number, value
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.raw_schema import LONGEST_HORIZON_DAYS, SCHEMA, day, first, literal, write
from models_ml.sources.long.relations import Relation
from models_ml.sources.long.session import Session, reads_in_place

MOST_VALUES = 20
"""Different texts that a regressor may have: each becomes a column of its own."""


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
