"""Guesses what a table's columns mean from their names and values."""

# ruff: noqa: S608 - names come from this package or are quoted; values are bound or escaped
from __future__ import annotations

import codecs
import gzip
import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models_ml.errors import InputError
from models_ml.sources.faults import input_fault
from models_ml.sources.long.config import SERIAL_DATES
from models_ml.sources.long.expressions import FIRST_SERIAL, LAST_SERIAL, flag, number, text, value
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.relations import Relation, quoted
from models_ml.sources.long.session import Session

NAMES: dict[str, tuple[str, ...]] = {
    "date": ("date", "day", "week", "week_start", "ds", "datetime", "timestamp", "*_date", "date_*", "datum", "tag",
             "fecha", "data", "dia", "jour", "dato", "paiva", "tarih", "*datum", "month", "monat", "mes", "mois"),
    "units": ("units", "unit_sales", "units_sold", "quantity", "qty", "sales", "*_units", "*_qty", "*_sales",
              "*_quantity", "*_sold", "sold", "pieces", "pcs", "menge", "stuck", "stueck", "anzahl", "absatz",
              "verkauf", "verkaufe",
              "cantidad", "unidades", "ventas", "quantite", "ventes", "quantita", "vendite", "quantidade", "vendas",
              "aantal", "antal", "ilosc", "adet", "miktar"),
    "store": ("store", "shop", "location", "branch", "outlet", "site", "*_store", "filiale", "laden", "markt",
              "standort", "tienda", "sucursal", "magasin", "negozio", "loja", "winkel", "butik", "sklep", "magaza"),
    "item": ("item", "sku", "product", "article", "stock_code", "material", "upc", "ean", "gtin", "item_name",
             "product_name", "artikel", "artikelnummer", "produkt", "producto", "articulo", "produit", "prodotto",
              "articolo", "produto", "urun"),
    "price": ("price", "unit_price", "sell_price", "selling_price", "sales_price", "retail_price", "preis",
              "stuckpreis", "precio", "prix", "prezzo", "preco", "prijs", "pris", "cena", "fiyat"),
    "open": ("open", "is_open"),
    "stockout": ("stockout", "is_stockout", "out_of_stock", "is_out_of_stock", "oos"),
    "department": ("department", "dept", "class", "subcategory", "sub_category", "brand"),
    "category": ("category", "family", "group", "product_group", "product_category", "item_category"),
    "region": ("region", "state", "province", "country", "area", "district"),
    "money": ("revenue", "turnover", "amount", "sales_amount", "net_sales", "gross_sales", "umsatz", "erlos",
              "ingresos", "importe", "chiffre_d_affaires", "montant", "fatturato", "receita", "faturamento",
              "omzet", "*_revenue",
              "*_amount", "revenue_*"),
    "name": ("name", "event", "event_name", "holiday", "holiday_name", "description"),
    "kind": ("kind", "type", "event_type"),
}  # fmt: skip
"""Common column names of each field, as words; the first match wins. `*` matches any words."""

ID_WORDS = ("id", "nbr", "nr", "no", "num", "number", "code", "key")
"""Trailing words that carry no meaning for the guess."""

GROUPS_OF_ITEMS = ("department", "category")
"""Columns used as item where the sales have no item column, finest first."""

ZEROS_SAID = 0.01
"""From this share of zero-unit rows on, zeros are assumed to have rows, so a missing date is a gap."""

YEARS = (1950, 2100)
MOSTLY = 0.95
MOSTLY_UNIQUE = 0.99
"""Share of rows that ids tell apart: a file may hold a few copies."""
DATE_LIKE = r"^[0-9]{1,4}[-/. ]([0-9]{1,2}|[A-Za-z]{3,9})[-/. ][0-9]{1,4}([ T].*)?$"
NUMBER_LIKE = r"^-?[0-9][0-9.,]*$"
PERIOD = re.compile(
    r"^(?:19|20)\d{2}[-/ ]?(?:[QqHhWw]\d{1,2}|\d{1,2})$|^[QqWw]\d{1,2}[-/ ]?(?:19|20)\d{2}$|^\d{1,2}[-/](?:19|20)\d{2}$"
)
"""Months, quarters and weeks written in place of a date."""
CHUNK_BYTES = 4 * 2**20


def words(column: str) -> str:
    """A column's name in lower case with `_` between its words: `InvoiceDate`, `Invoice Date` -> `invoice_date`."""
    plain = unicodedata.normalize("NFKD", column.replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "_".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)).lower() or "column"


def named(field: str, columns: Sequence[str], taken: Collection[str] = ()) -> str | None:
    """The best-matching column for a field, or None.

    Args:
        field: key of `NAMES`.
        columns: of the table, in its order.
        taken: columns already assigned to other fields.
    """
    free = {column: words(column) for column in columns if column not in taken}
    bare = {column: re.sub(rf"_({'|'.join(ID_WORDS)})$", "", name) for column, name in free.items()}
    for name in NAMES[field]:
        pattern = re.compile(name.replace("*", r"\w+"))
        for column in free:
            if pattern.fullmatch(free[column]) or pattern.fullmatch(bare[column]):
                return column
    return None


def by_content(connection: Session, relation: Relation, field: str, taken: Collection[str]) -> str | None:
    """The only column whose values fit a field, or None: dates for `date`, repeating numbers for `units`."""
    fitting = []
    for column in relation.columns:
        if column in taken:
            continue
        found = text(quoted(column))
        row = connection.execute(
            f"select count({found}), count(distinct {found}),"
            f" count(*) filter (where regexp_matches({found}, '{DATE_LIKE}')),"
            f" count(*) filter (where regexp_matches({found}, '{NUMBER_LIKE}')) from {relation.sql}"
        ).fetchone()
        assert row is not None
        total, distinct, dates, numbers = row
        if total and field == "date" and dates >= MOSTLY * total and distinct > 1:
            fitting.append(column)
        if total and field == "units" and numbers >= MOSTLY * total and dates < MOSTLY * total and distinct > 1:
            fitting.append(column)
    return fitting[0] if len(fitting) == 1 else None


def encoding_of(path: Path) -> str:
    """Encoding of a CSV file: utf-8 if all of it is; utf-16 by its first bytes; else latin-1, which any bytes are."""
    opener = gzip.open if path.suffix == ".gz" else open
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opener(path, "rb") as file:
        chunk = file.read(CHUNK_BYTES)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(CHUNK_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def date_format_of(connection: Session, relation: Relation, column: str) -> str | None:
    """Date format; None: YYYY-MM-DD, or a date type of the database.

    Raises:
        InputError: the format is unknown, or two formats fit and give different days.
    """
    found = text(quoted(column))
    distinct = f"(select distinct {found} as found from {relation.sql} where {found} is not null)"

    def days(date: str) -> str:
        return f"count(*) filter (where year({date}) between {YEARS[0]} and {YEARS[1]})"

    shapes = list(date_shapes())
    counts = connection.execute(
        "select count(*), count(coalesce(try_cast(found as date), try_cast(found as timestamp))), "
        + ", ".join(days(f"try_strptime(found, '{shape}')") for shape in shapes)
        + f" from {distinct}"
    ).fetchone()
    assert counts is not None
    total, as_they_are, *each = counts
    if as_they_are == total:
        return None
    fitting = [shape for shape, count in zip(shapes, each, strict=True) if count == total]
    if len(fitting) == 1:
        return fitting[0]
    serials = connection.execute(
        f"select count(*) from {distinct} where try_cast(found as double) between {FIRST_SERIAL} and {LAST_SERIAL}"
    ).fetchone()
    if not fitting and serials[0] == total:
        return SERIAL_DATES
    if fitting:
        example = connection.execute(f"select min(found) from {distinct}").fetchone()
        raise input_fault(
            relation.name,
            "the date format is ambiguous: " + " or ".join(fitting),
            column=column,
            value=None if example is None else example[0],
            remedy="Give the format with --date-format, for example --date-format %d.%m.%Y.",
        )
    raise _no_format(
        connection, relation, column, total, [("YYYY-MM-DD", as_they_are), *zip(shapes, each, strict=True)]
    )


def _no_format(
    connection: Session, relation: Relation, column: str, total: int, counts: Sequence[tuple[str, int]]
) -> InputError:
    """The error for dates that no single format fits: the closest formats, and a value that the best one rejects."""
    best = sorted((c for c in counts if c[1]), key=lambda c: -c[1])
    found = text(quoted(column))
    if not best:
        remedy = "Give the format with --date-format, for example --date-format %d.%m.%Y, or the column with --date."
        example = connection.execute(f"select min({found}) from {relation.sql}").fetchone()[0]
        if example is not None and PERIOD.match(str(example)):
            remedy = "Write each period as the date of its first day; monthly and quarterly sales are not supported."
        return input_fault(
            relation.name, "no dates were recognised in this column", column=column, value=example,
            remedy=remedy,
        )  # fmt: skip

    def parses(shape: str) -> str:
        if shape == "YYYY-MM-DD":
            return f"coalesce(try_cast({found} as date), try_cast({found} as timestamp)) is not null"
        return f"try_strptime({found}, '{shape}') is not null"

    first = best[0][0]
    line, odd = relation.line(connection, f"{found} is not null and not {parses(first)}", quoted(column))
    others = [(shape, count) for shape, count in best[1:] if count + best[0][1] >= total]
    also = f" and {others[0][1] / total:.1%} as {others[0][0]}" if others else ""
    return input_fault(
        relation.name,
        f"{best[0][1] / total:.1%} of the dates are written as {first}{also}, and this one is not",
        line=line, column=column, value=odd,
        remedy="Write all dates in one way"
        + ("" if others else f", or leave such rows out by --where \"{quoted(column)} <> '{odd}'\"")
        + ".",
    )  # fmt: skip


def date_shapes() -> Iterable[str]:
    """Known date formats."""
    days = [
        order.replace("-", separator)
        for order in ("%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%d-%m-%y", "%m-%d-%y")
        for separator in "-/."
    ]
    days += ["%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%d%b%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y"]
    times = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
    return (day + time for day, time in itertools.product(days, times))


@dataclass(frozen=True)
class Rows:
    """Statistics of the sales rows.

    Attributes:
        rows: with units.
        repeated: rows that share date, store and item with another row.
        weekdays: number of distinct weekdays.
        dates: number of distinct dates.
        zero_share: share with zero units.
    """

    rows: int
    repeated: int
    weekdays: int
    dates: int
    zero_share: float

    @property
    def grain(self) -> str:
        """`week` if all dates fall on one weekday."""
        return "week" if self.weekdays == 1 and self.dates > 1 else "day"

    @property
    def missing_dates(self) -> str:
        """`gap` if zeros have rows."""
        return "gap" if self.zero_share >= ZEROS_SAID else "zero"


def rows_of(connection: Session, raw: RawTables) -> Rows:
    """Count the rows of the sales."""
    row = connection.execute(
        "select sum(n), sum(n) filter (where n > 1), count(distinct dayofweek(date)), count(distinct date),"
        f" sum(zeros) / sum(n) from (select date, count(*) as n, count(*) filter (where units = 0) as zeros"
        f" from ({raw.rows()}) as sales group by date, store_id, item_id) as sold"
    ).fetchone()
    assert row is not None
    return Rows(int(row[0] or 0), int(row[1] or 0), int(row[2]), int(row[3]), float(row[4] or 0.0))


def belongs_to(connection: Session, relation: Relation, column: str, owner: str) -> bool:
    """Whether a column with several values is constant for each value of `owner`."""
    own, of = text(quoted(column)), text(quoted(owner))
    row = connection.execute(
        f"select (select count(distinct {own}) from {relation.sql}), max(n), min(n) from"
        f" (select count(distinct {own}) as n from {relation.sql} group by {of}) as by_owner"
    ).fetchone()
    return row is not None and row[0] > 1 and row[1] == row[2] == 1


def keys_by_content(connection: Session, raw: RawTables, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns that make a date's rows different from each other: an item, or a store and an item; none if unclear.

    Their values repeat over the dates, as ids do and numbers of receipts do not.

    Args:
        connection: to read with.
        raw: sales whose item, and maybe store, is not known.
        columns: of the sales that mean nothing else.
    """
    relation, sales = raw.relations["sales"], raw.config.sales
    known = [raw.sales_date(), *([] if sales.store is None else [text(quoted(sales.store))])]

    def different(*names: str) -> int:
        """Distinct combinations of date, store and the columns."""
        of = ", ".join((*known, *(text(quoted(name)) for name in names)))
        return int(connection.execute(f"select count(distinct ({of})) from {relation.sql}").fetchone()[0])

    rows = int(connection.execute(f"select count(*) from {relation.sql}").fetchone()[0])
    values: dict[str, int] = {}
    for name in columns:
        found = text(quoted(name))
        filled, distinct, fractions = connection.execute(
            f"select count({found}), count(distinct {found}),"
            f" count(*) filter (where regexp_matches({found}, '^-?[0-9]*[.,][0-9]+$')) from {relation.sql}"
        ).fetchone()
        if filled == rows and not fractions and 1 < distinct <= rows / 4:
            values[name] = int(distinct)
    alone = [name for name in values if different(name) >= MOSTLY_UNIQUE * rows]
    if alone:
        return (min(alone, key=values.__getitem__),)
    if sales.store is not None:
        return ()
    pairs = [pair for pair in itertools.combinations(values, 2) if different(*pair) >= MOSTLY_UNIQUE * rows]
    return tuple(sorted(pairs[0], key=values.__getitem__)) if len(pairs) == 1 else ()


def known_in_advance(connection: Session, raw: RawTables, columns: Sequence[str], most_values: int) -> list[str]:
    """Columns with values for future days that could influence demand.

    Excluded are row numbers, constant columns, functions of weekday, store or item alone, and strings with more than
    `most_values` distinct values.
    """
    chosen = []
    for column in columns:
        rows = raw.dated(column)
        row = connection.execute(
            f"""
            with days as (select *, {value("found")} as given from ({rows}) as dated),
            last_day as (select max(date) as last_date from ({raw.sales()}) as sales)
            select
                count(given) filter (where date > last_date),
                count(distinct given) filter (where date > last_date),
                count(distinct given),
                count(distinct given) filter (where {number("given")} is null and {flag("given")} is null),
                count(distinct (dayofweek(date), given)) = count(distinct dayofweek(date))
                    and count(distinct dayofweek(date)) > 1,
                count(distinct (store_id, given)) = count(distinct store_id),
                count(distinct (item_id, given)) = count(distinct item_id)
            from days cross join last_day where given is not null
            """
        ).fetchone()
        assert row is not None
        coming, coming_values, values, texts, *follows = row
        row_numbers = coming_values == coming and coming > most_values
        if coming and values > 1 and texts <= most_values and not row_numbers and not any(follows):
            chosen.append(column)
    return chosen
