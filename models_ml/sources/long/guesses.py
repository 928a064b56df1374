"""What a table's columns probably mean: by their names, and by what is in them."""

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
"""Names that a column of a field often has, in words; the first that is there is taken. `*` is any words."""

ID_WORDS = ("id", "nbr", "nr", "no", "num", "number", "code", "key")
"""Last words that say nothing of what a column is of."""

GROUPS_OF_ITEMS = ("department", "category")
"""What is sold where a table of sales has no item column, the finest first."""

ZEROS_SAID = 0.01
"""Share of rows with zero units from which on zeros have rows of their own, so that a date without a row is a gap."""

YEARS = (1950, 2100)
MOSTLY = 0.95
DATE_LIKE = r"^[0-9]{1,4}[-/. ]([0-9]{1,2}|[A-Za-z]{3,9})[-/. ][0-9]{1,4}([ T].*)?$"
NUMBER_LIKE = r"^-?[0-9][0-9.,]*$"
PERIOD = re.compile(
    r"^(?:19|20)\d{2}[-/ ]?(?:[QqHhWw]\d{1,2}|\d{1,2})$|^[QqWw]\d{1,2}[-/ ]?(?:19|20)\d{2}$|^\d{1,2}[-/](?:19|20)\d{2}$"
)
"""Months, quarters and weeks that people write in place of a date."""
CHUNK_BYTES = 4 * 2**20


def words(column: str) -> str:
    """A column's name in lower case with `_` between its words: `InvoiceDate`, `Invoice Date` -> `invoice_date`."""
    plain = unicodedata.normalize("NFKD", column.replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "_".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)).lower() or "column"


def named(field: str, columns: Sequence[str], taken: Collection[str] = ()) -> str | None:
    """The column that is probably meant by a field, or None.

    Args:
        field: key of `NAMES`.
        columns: of the table, in its order.
        taken: columns that mean something else.
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
    """The only column whose values look like a field's, or None: dates for `date`, numbers that repeat for `units`."""
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
    """How dates are written; None: as YYYY-MM-DD, or as dates of the database.

    Raises:
        InputError: in no way that is known, or in two ways of which each would be another day.
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
            "dates are written in more than one possible way: " + " or ".join(fitting),
            column=column,
            value=None if example is None else example[0],
            remedy="Say the format by --date-format, for example --date-format %d.%m.%Y.",
        )
    raise _no_format(
        connection, relation, column, total, [("YYYY-MM-DD", as_they_are), *zip(shapes, each, strict=True)]
    )


def _no_format(
    connection: Session, relation: Relation, column: str, total: int, counts: Sequence[tuple[str, int]]
) -> InputError:
    """The error for dates that no format fits: the formats that fit some, and a value that the best does not fit."""
    best = sorted((c for c in counts if c[1]), key=lambda c: -c[1])
    found = text(quoted(column))
    if not best:
        remedy = "Say the format by --date-format, for example --date-format %d.%m.%Y, or the column by --date."
        example = connection.execute(f"select min({found}) from {relation.sql}").fetchone()[0]
        if example is not None and PERIOD.match(str(example)):
            remedy = "Write each period as the date of its first day; sales by the month or quarter are not forecast."
        return input_fault(
            relation.name, "this column holds no dates that could be recognised", column=column, value=example,
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
    """Ways in which people write dates."""
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
    """What the rows of sales say of themselves.

    Attributes:
        rows: with units.
        repeated: of them, those of a date, store and item that another one has.
        weekdays: different weekdays of their dates.
        dates: different dates.
        zero_share: share with zero units.
    """

    rows: int
    repeated: int
    weekdays: int
    dates: int
    zero_share: float

    @property
    def grain(self) -> str:
        """`week` if all dates are of one weekday."""
        return "week" if self.weekdays == 1 and self.dates > 1 else "day"

    @property
    def missing_dates(self) -> str:
        """`gap` if zeros have rows of their own."""
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
    """Whether each value of `owner` has one value of a column in all its rows, and there are several values."""
    own, of = text(quoted(column)), text(quoted(owner))
    row = connection.execute(
        f"select (select count(distinct {own}) from {relation.sql}), max(n), min(n) from"
        f" (select count(distinct {own}) as n from {relation.sql} group by {of}) as by_owner"
    ).fetchone()
    return row is not None and row[0] > 1 and row[1] == row[2] == 1


def known_in_advance(connection: Session, raw: RawTables, columns: Sequence[str], most_values: int) -> list[str]:
    """Columns that have values for coming days and could move demand.

    Left out are row numbers, columns that never change, those that follow from the weekday, the store or the item
    alone, and texts of more than `most_values` different ones.
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
