"""Numbers that can be read in two ways: points and commas that part thousands or decimals."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from models_ml.sources.long.expressions import text, value
from models_ml.sources.long.findings import Finding
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.raw_schema import literal
from models_ml.sources.long.relations import quoted
from models_ml.sources.long.session import Session


def numbers(connection: Session, raw: RawTables) -> Iterator[Finding]:
    """Points or commas in the units that may part thousands or decimals."""
    config, relation = raw.config, raw.relations["sales"]
    if relation.path is None or relation.path.suffix == ".parquet" or config.decimal or config.thousands:
        return
    columns = [c for c in (config.sales.units, config.sales.price) if c is not None]
    counted = pd.DataFrame([_shapes(connection, raw, column) for column in columns])
    n = counted.sum()
    decimal, thousands = None, None
    if n["both_point_last"] or n["both_comma_last"]:
        decimal, thousands = (".", ",") if n["both_point_last"] >= n["both_comma_last"] else (",", ".")
    elif n["point_other"]:
        decimal, thousands = ".", "," if n["comma_three"] else None
    elif n["comma_other"]:
        decimal, thousands = ",", "." if n["point_three"] else None
    elif n["point_three"] or n["comma_three"]:
        mark = "." if n["point_three"] else ","
        name = "point" if mark == "." else "comma"
        units = _shapes(connection, raw, columns[0])
        example = relation.line(connection, f"{text(quoted(columns[0]))} like '%{mark}%'", quoted(columns[0]))[1]
        if example is None:
            return
        without = str(example).replace(mark, "")
        readings = _readings(connection, raw, mark)
        problem = (
            f"every {name} in this column is followed by exactly three digits: {example} may be {without} "
            f"(thousands; {readings[0]:,.0f} units in all) or {float(str(example).replace(mark, '.')):g} "
            f"(decimals; {readings[1]:,.1f} units in all)"
        )
        remedy = f"Say `--thousands {mark}` or `--decimal {mark}` (thousands, decimal in the configuration)."
        clear = units["plain"] > 0 and not units["plain_large"]
        rule = {"thousands": mark, "decimal": "," if mark == "." else "."} if clear else {}
        reason = ", and numbers without one are all below 1,000" if clear else ""
        yield Finding(
            "numbers", problem + reason, remedy, rule, f"{example} is read as {without}", f"--decimal {mark}",
            columns[0], f"{text(quoted(columns[0]))} like '%{mark}%'",
        )  # fmt: skip
        return
    if not thousands and n["spaced"]:
        thousands = " "
    if (decimal not in (None, ".")) or thousands:
        rule = {"decimal": decimal or "."} | ({"thousands": thousands} if thousands else {})
        shape = f"1{thousands or ''}234{decimal or '.'}5"
        column = columns[0]
        wrong = f"{value(quoted(column))} is not null and try_cast({text(quoted(column))} as double) is null"
        example = relation.line(connection, wrong, quoted(column))[1]
        yield Finding(
            "numbers", f"numbers are written as {shape} (such as {example!r})",
            f"Say `decimal: {rule['decimal']!r}`" + (f" and `thousands: {thousands!r}`." if thousands else "."),
            rule, f"numbers are read as {shape}", "--decimal and --thousands", column, wrong,
        )  # fmt: skip


def _shapes(connection: Session, raw: RawTables, column: str) -> dict[str, int]:
    t = f"replace({text(quoted(column))}, '-', '')"
    patterns = {
        "both_point_last": r"^[0-9].*,.*\.[0-9]+$",
        "both_comma_last": r"^[0-9].*\..*,[0-9]+$",
        "point_three": r"^[1-9][0-9]{0,2}(\.[0-9]{3})+$",
        "comma_three": r"^[1-9][0-9]{0,2}(,[0-9]{3})+$",
        "point_any": r"^[0-9]*\.[0-9]+$",
        "comma_any": r"^[0-9]*,[0-9]+$",
        "plain": r"^[0-9]+$",
        "plain_large": r"^[0-9]{4,}$",
        "spaced": "^[0-9]{1,3}([ \u00a0\u202f'\u2019][0-9]{3})+([.,][0-9]+)?$",
    }
    counts = ", ".join(f"count(*) filter (where regexp_matches({t}, {literal(p)}))" for p in patterns.values())
    row = connection.execute(f"select {counts} from {raw.relations['sales'].sql}").fetchone()
    n = dict(zip(patterns, row, strict=True))
    one = {
        mark: connection.execute(
            f"select count(*) from {raw.relations['sales'].sql} where"
            f" regexp_matches({t}, {literal(rf'^[0-9]*{sign}[0-9]+$')}) and not"
            f" regexp_matches({t}, {literal(rf'^[1-9][0-9]{{0,2}}{sign}[0-9]{{3}}$')})"
        ).fetchone()[0]
        for mark, sign in (("point", r"\."), ("comma", ","))
    }
    return {**n, "point_other": one["point"], "comma_other": one["comma"]}


def _readings(connection: Session, raw: RawTables, mark: str) -> tuple[float, float]:
    t = text(quoted(raw.config.sales.units))
    row = connection.execute(
        f"select sum(try_cast(replace({t}, '{mark}', '') as double)), sum(try_cast(replace({t}, '{mark}', '.') as"
        f" double)) from {raw.relations['sales'].sql}"
    ).fetchone()
    return float(row[0] or 0), float(row[1] or 0)
