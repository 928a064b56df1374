"""Suspicious rows: copies of rows, totals among the parts, ids written in two ways, single huge values."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models_ml.sources.long.findings import Finding, by_date, is_value, on_date
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.raw_schema import literal
from models_ml.sources.long.relations import quoted
from models_ml.sources.long.session import Session

_SUM_WORDS = (
    "total|totals|totale|totaal|sum|summe|gesamt|gesamtsumme|insgesamt|zwischensumme|suma|somme|toplam|itogo|итого|всего|"
    "合计|总计"
)
TOTAL_NAME = (
    rf"^((grand|sub|over|item|store|day|month|all)[ _-]?)*({_SUM_WORDS})([ :_-].*)?$"
    r"|^(all|alle|todos|tous|tutti)( .*)?$|.*[ _-](total|gesamt)$"
)
"""Names that people give to totals, in lower case."""

CANDIDATES = 25
"""Ids of most units that are compared with the sum of the others."""

EQUAL_SHARE = 0.9
MOST_CELLS = 3_000_000
LEAST_CELLS = 5

COPIED = 0.45
"""Share of rows that are exact copies of others from which on the table holds everything twice."""

BLOCK_ROWS = 10
STRAY_REPEATS = 0.05
"""Share of repeated dates below which they are mistakes, not lines of invoices."""

OWN_PEAKS, WEEKS_OF_ALL = 20, 1.0
MATERIAL = 0.03


def duplicates(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """Rows of the same date, store and item: the table exported twice, overlapping extracts, or stray repeats."""
    config, relation = raw.config, raw.relations["sales"]
    if config.duplicates != "refuse":
        return
    row = connection.execute(
        f"select sum(n), sum(case when n > 1 then n else 0 end) from (select count(*) as n from ({raw.rows()}) as sold"
        " group by date, store_id, item_id) as by_key"
    ).fetchone()
    rows, repeated = int(row[0] or 0), int(row[1] or 0)
    if not repeated:
        return
    columns = ", ".join(quoted(c) for c in relation.columns)
    [(copies,)] = connection.execute(
        f"select sum(n) - count(*) from (select count(*) as n from {relation.sql} group by {columns}) as by_row"
    ).fetchall()
    copies = int(copies or 0)
    block = _largest_block(connection, raw) if copies and relation.path is not None else None
    if copies >= COPIED * rows or (block is not None and block.rows >= 0.5 * copies):
        where = (
            f"; lines {block.first:,} to {block.last:,} repeat the lines from {block.original:,} on"
            if block is not None
            else ""
        )
        yield Finding(
            "duplicates",
            f"{copies:,} of {rows:,} rows are copies of another row in every column, in blocks, as when a table is "
            f"exported twice{where}",
            "Remove the copies, or say `duplicates: drop` to read each row once.",
            {"duplicates": "drop"}, "copies of a row are read once", "--duplicates sum", config.sales.date,
            value=f"{copies:,} copies",
        )  # fmt: skip
        return
    if repeated >= STRAY_REPEATS * rows:
        return  # lines of invoices, which `duplicates: sum` is for
    only_copies = copies and repeated <= 2 * copies
    found = connection.execute(
        f"select date, store_id, item_id, count(*), min(units), max(units) from ({raw.rows()}) as sold"
        " group by date, store_id, item_id having count(*) > 1 order by date, store_id, item_id limit 1"
    ).fetchone()
    of = f"store {found[1]}, item {found[2]} on {str(found[0])[:10]}"
    remedy = (
        "Remove the rows, or say what they are: `duplicates: drop` reads copies once, `duplicates: last` keeps the "
        "last row of a date, `duplicates: sum` adds the rows up."
    )
    yield Finding(
        "duplicates",
        f"{repeated:,} of {rows:,} rows share date, store and item with another one, such as {found[3]} rows of {of} "
        f"({found[4]:g} and {found[5]:g} units)" + (", each a copy in every column" if only_copies else ""),
        remedy, {"duplicates": "drop"} if only_copies else {}, "copies of a row are read once", "--duplicates sum",
        config.sales.date, on_date(raw, found[0]) + _same(raw, found[1], found[2]),
    )  # fmt: skip


def _same(raw: RawTables, store: str, item: str) -> str:
    sales = raw.config.sales
    return "".join(
        f" and {is_value(column, str(of))}" for column, of in ((sales.store, store), (sales.item, item)) if column
    )


@dataclass(frozen=True)
class Block:
    """Lines that repeat other lines in the same order."""

    first: int
    last: int
    original: int
    rows: int
    """Rows of all such blocks together."""


def _largest_block(connection: Session, raw: RawTables) -> Block | None:
    relation = raw.relations["sales"]
    columns = ", ".join(quoted(c) for c in relation.columns)
    row = connection.execute(
        f"""
        with numbered as (select *, row_number() over () as place from {relation.rows}),
        offsets as (
            select place, place - lag(place) over (partition by {columns} order by place) as away from numbered
        ),
        runs as (
            select place, away, place - row_number() over (partition by away order by place) as run
            from offsets where away is not null
        ),
        blocks as (
            select min(place) as first_place, max(place) as last_place, away, count(*) as n from runs
            group by away, run having count(*) >= {BLOCK_ROWS}
        )
        select first_place, last_place, first_place - away, (select sum(n) from blocks) from blocks
        order by n desc limit 1
        """
    ).fetchone()
    if row is None:
        return None
    header = (relation.first_line or 1) - 1
    return Block(int(row[0]) + header, int(row[1]) + header, int(row[2]) + header, int(row[3]))


def totals(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """Ids whose units are the sum of the others: of a date and store, of a date, of a period, or of everything."""
    sales = raw.config.sales
    daily = by_date(connection, raw)
    # Cells of a long history of many series do not fit into memory; totals of each day show in its last months.
    recent = daily["rows"].iloc[::-1].cumsum() <= MOST_CELLS
    since = "" if recent.all() else f"date > date '{daily['date'][~recent].max().date()}'"
    cells = by_date(connection, raw, "store_id", "item_id", where=since)
    for column, own, other in ((sales.item, "item_id", "store_id"), (sales.store, "store_id", "item_id")):
        if column is None:
            continue
        found = _totals_of(cells, own, other, _groups(connection, raw, own))
        if not found:
            continue
        confirmed = [one for one in found if one[1] is not None]
        found = confirmed or found  # one that only has the name of a total is a question of its own
        sums = [id_ for id_, _, _ in confirmed]
        listed = ", ".join(literal(id_) for id_, _, _ in found)
        first, share, how = found[0]
        kind = own.removesuffix("_id")
        rule = f"trim(cast({quoted(column)} as varchar)) not in ({listed})"
        where = rule if sales.where is None else f"({sales.where}) and {rule}"
        evidence = f"equal the sum of {how} ({share:.0%} of the cases)" if share is not None else how
        yield Finding(
            "totals",
            f"units of {kind} {first} {evidence}"
            + (f"; so do those of {', '.join(sums[1:4])}" if len(sums) > 1 else ""),
            f"Leave such rows out by `where: {where}` of the sales.",
            {"sales": {"where": where}} if confirmed else {},
            f"rows of {kind} {', '.join(id_ for id_, _, _ in found)} are left out (where)",
            "--accept totals=REASON",
            column, is_value(column, first),
        )  # fmt: skip
        return


def _groups(connection: Session, raw: RawTables, own: str) -> dict[str, str]:
    """Department of each item, or region of each store, for totals of these."""
    select, column = (raw.items(), "department_id") if own == "item_id" else (raw.stores(), "region_id")
    rows = connection.execute(f"select {own}, max({column}) from ({select}) as owners group by {own}").fetchall()
    return {str(id_): str(group) for id_, group in rows}


def _totals_of(
    cells: pd.DataFrame, own: str, other: str, groups: dict[str, str]
) -> list[tuple[str, float | None, str]]:
    """Ids that are totals: (id, share of equal cells, what they are the sum of).

    The share is None for an id that only has the name of a total and is large.
    """
    units = cells.groupby(own)["units"].sum().sort_values(ascending=False)
    if len(units) < 3:
        return []
    named = units.index[units.index.str.lower().str.strip().str.match(TOTAL_NAME)].tolist()
    plain = units.index.difference(named)
    if len(plain) < 2:
        return []
    large = [id_ for id_ in units.index[:CANDIDATES] if id_ not in named]
    found: list[tuple[str, float | None, str]] = []
    parts = cells[~cells[own].isin(named)]
    for id_ in [*named, *large]:
        own_rows = cells[cells[own] == id_]
        others = parts[(parts[own] != id_) & ~parts[own].isin([known for known, _, _ in found])]
        equal = _equal(own_rows, others, other)
        group = groups.get(id_)
        for of in {group} | (set(groups.values()) if id_ in named else set()):
            if equal is None and of is not None and len(set(groups.values())) > 1:
                members = [member for member, its in groups.items() if its == of]
                equal = _equal(own_rows, others[others[own].isin(members)], other)
        if equal is not None:
            found.append((id_, *equal))
        elif id_ in named and units[id_] >= 0.2 * units[plain].sum():
            share = units[id_] / units[plain].sum()
            found.append((id_, None, f"have the name of a total and are {share:.0%} of the units of all others"))
    return found


def _equal(own: pd.DataFrame, others: pd.DataFrame, other: str) -> tuple[float, str] | None:
    """Share of equal cells and what they are equal to; None: they are not."""
    if others.empty or own.empty:
        return None
    for keys, words in ((["date", other], "all others of the same date"), (["date"], "everything else of the date")):
        mine = own.groupby(keys)["units"].sum()
        rest = others.groupby(keys)["units"].agg(["sum", "count"]).reindex(mine.index, fill_value=0.0)
        busy = (mine > 0) | (rest["sum"] > 0)
        several = rest["count"] >= 2
        if busy.sum() >= LEAST_CELLS and several[busy].mean() >= 0.5:
            share = float(_close(mine, rest["sum"])[busy].mean())
            if share >= EQUAL_SHARE:
                return share, words
    mine = own.groupby("date")["units"].sum()
    if len(mine) > 400:
        return None
    near = others[others[other].isin(own[other])]
    for scope, of in ((others, ""), (near, " of the same " + other.removesuffix("_id"))):
        if scope.empty:
            continue
        by_day = scope.groupby("date")["units"].sum().sort_index()
        if len(mine) <= 2 and mine.max() >= 10 and bool(_close(mine, pd.Series(by_day.sum(), mine.index)).all()):
            return 1.0, f"all other rows{of}"
        if len(mine) < 3:
            continue
        running = np.concatenate([[0.0], by_day.cumsum().to_numpy()])
        upto = running[np.searchsorted(by_day.index.to_numpy(), mine.index.to_numpy(), side="right")]
        before = running[np.searchsorted(by_day.index.to_numpy(), mine.index.to_numpy(), side="left")]
        ending = pd.Series(np.diff(np.concatenate([[0.0], upto])), mine.index)
        starting = pd.Series(np.diff(np.concatenate([before, [running[-1]]])), mine.index)
        if len(mine) > 0.5 * len(by_day):
            continue
        for period in (ending, starting):
            share = float(_close(mine, period).mean())
            if share >= EQUAL_SHARE and mine.median() >= 10:
                return share, f"the period up to or from their date{of}"
    return None


def _close(one: pd.Series, other: pd.Series) -> pd.Series:
    return (one - other).abs() <= np.maximum(0.501, 0.001 * other.abs())


def ids(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """Ids that differ by case, blanks or leading zeros only, and never sell on the same date in the same place."""
    sales = raw.config.sales
    for column, own in ((sales.item, "item_id"), (sales.store, "store_id")):
        if column is None:
            continue
        rows = connection.execute(f"select {own}, sum(units) from ({raw.rows()}) as sold group by {own}").fetchall()
        frame = pd.DataFrame(rows, columns=["id", "units"])
        plain = frame["id"].str.lower().replace({r"[\s_-]+": "", r"\.0$|^0+(?=\d)": ""}, regex=True)
        groups = frame.assign(plain=plain).groupby("plain").agg(ids=("id", list), least=("units", "min"))
        twins = groups[groups["ids"].str.len() > 1]
        total = float(frame["units"].astype(float).sum()) or 1.0
        lesser = float(twins["least"].astype(float).sum())
        if len(twins) and lesser >= MATERIAL * total:
            one, other, *_ = twins.iloc[0]["ids"]
            yield Finding(
                "ids",
                f"{own.removesuffix('_id')} {one!r} and {other!r} are written alike but for case, blanks or zeros "
                f"({len(twins)} such pairs), so the sales of one would be parted",
                "Write each id in one way.", column=column, condition=is_value(column, str(other)),
            )  # fmt: skip
            return


def outliers(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """A single day of a series that outweighs a whole week of everything and its own past peaks."""
    sales = raw.config.sales
    # A week's median day of all series bounds what one series can sell in a day.
    daily = by_date(connection, raw)["units"]
    usual = float(daily[daily > 0].median()) if (daily > 0).any() else 0.0
    steps = 7 / raw.config.step_days
    rows = connection.execute(
        f"select date, store_id, item_id, units from ({raw.rows()}) as sold"
        f" where units > {WEEKS_OF_ALL * steps * usual} order by units desc limit 20"
    ).fetchall()
    for date, store, item, units in rows:
        where = f"store_id = {literal(str(store))} and item_id = {literal(str(item))}"
        own = connection.execute(
            f"select units from ({raw.rows()}) as sold where {where} and units > 0 order by units desc"
        ).fetchall()
        rest = np.array([float(u) for (u,) in own[1:]])
        peak = float(np.quantile(rest, 0.99)) if len(rest) >= 10 else None
        if peak is not None and float(units) > OWN_PEAKS * peak:
            yield Finding(
                "outliers",
                f"store {store}, item {item} sold {float(units):,.0f} units on {str(date)[:10]}, more than everything "
                f"together in a usual week ({steps * usual:,.0f}) and over {OWN_PEAKS} times its own busiest days "
                f"({peak:,.0f})",
                "Correct the number, or leave the row out by `where`.",
                column=sales.units, condition=on_date(raw, date) + _same(raw, str(store), str(item)),
            )  # fmt: skip
            return
