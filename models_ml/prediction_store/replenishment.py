"""Stock on hand, what is under way, and how goods are supplied: planners' data of today, checked row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, Table, bindparam, delete, func, insert, select

from models_ml.errors import InputError
from models_ml.prediction_store.bounds import MAX_UNITS
from models_ml.prediction_store.override_effects import hold_pointers
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import order_decisions, stock, stock_arrivals, supply
from models_ml.prediction_store.transactions import run_transaction

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STOCK_COLUMNS = ("store_id", "item_id", "as_of_date", "on_hand", "on_order", "arrival_date")
SUPPLY_KEYS = ("store_id", "department_id", "item_id")
SUPPLY_TERMS = ("supplier_id", "lead_time_days", "order_weekdays", "delivery_weekdays", "pack_size", "minimum_order",
                "shelf_life_days")  # fmt: skip
SUPPLY_COLUMNS = (*SUPPLY_KEYS, *SUPPLY_TERMS)
LONGEST = {"store_id": 64, "department_id": 64, "item_id": 128, "supplier_id": 64}
WHOLE_BOUNDS = {
    "lead_time_days": (0, 56),
    "pack_size": (1, 1_000_000),
    "minimum_order": (0, 1_000_000),
    "shelf_life_days": (1, 3650),
}
"""Bounds of whole numbers of supply. Lead time: whole days from an order to its delivery."""
MOST_ERRORS = 50


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row, counted from 0 without the header."""

    row: int
    field: str
    message: str


class RowsError(InputError):
    """Rows of which at least one cannot be stored, so none is."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        self.errors = list(errors)
        first = "; ".join(f"row {one.row + 1}, {one.field}: {one.message}" for one in self.errors[:5])
        more = f" and {len(errors) - 5} more" if len(errors) > 5 else ""
        super().__init__(f"Nothing was stored. {first}{more}.")


class ColumnsError(InputError):
    """A table without a column that it needs, or with one that is unknown."""


def csv_frame(content: bytes) -> pd.DataFrame:
    """Rows of a CSV with a header, as texts.

    Raises:
        ColumnsError: it is no CSV in UTF-8, or has no header.
        RowsError: a row has more or fewer values than the header.
    """
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        table = [line for line in lines if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ColumnsError(f"not a CSV in UTF-8 ({error})") from None
    if not table:
        raise ColumnsError("there is no header line")
    header, rows = [name.strip() for name in table[0]], table[1:]
    odd = [
        RowError(number, "row", f"it has {len(line)} values, the header has {len(header)}")
        for number, line in enumerate(rows)
        if len(line) != len(header)
    ]
    if odd:
        raise RowsError(odd)
    return pd.DataFrame(rows, columns=pd.Index(header), dtype=object)


class _Checker:
    """Collects what is wrong with the rows of a table."""

    def __init__(self, frame: pd.DataFrame, columns: Sequence[str], needed: Sequence[str]) -> None:
        missing, unknown = (
            [name for name in needed if name not in frame],
            [str(name) for name in frame.columns if name not in columns],
        )
        if missing or unknown or frame.columns.has_duplicates:
            said = f"the column {missing[0]} is missing" if missing else (
                f"there is no column {unknown[0][:80]!r}" if unknown else "a column is there twice"
            )  # fmt: skip
            raise ColumnsError(f"{said}; columns are {', '.join(columns)}")
        self.frame = frame.reindex(columns=list(columns))
        self.errors: list[RowError] = []

    def refuse(self, field: str, wrong: np.ndarray | pd.Series, message: Callable[[Any], str]) -> None:
        """Note the rows that are wrong; `message` is given the value."""
        for row in np.flatnonzero(np.asarray(wrong, dtype=bool))[: MOST_ERRORS + 1].tolist():
            self.errors.append(RowError(row, field, message(self.frame[field].iloc[row])))

    def blank(self, field: str) -> np.ndarray:
        """Whether a value is not given."""
        column = self.frame[field]
        return np.asarray(column.isna() | (column.astype(str).str.strip() == ""), dtype=bool)

    def text(self, field: str, *, needed: bool) -> np.ndarray:
        """Texts without blanks around them; "" where none is given."""
        blank = self.blank(field)
        texts = self.frame[field].astype(str).str.strip().where(~blank, "")
        if needed:
            self.refuse(field, blank, lambda _: "give a value")
        longest = LONGEST[field]
        wrong = (texts.str.len() > longest) | texts.str.contains(r"[\x00-\x1f\x7f]", regex=True)
        self.refuse(field, wrong, lambda _: f"give at most {longest} characters, none of them a control character")
        return texts.to_numpy(dtype=object)

    def number(self, field: str, low: float, high: float, *, needed: bool, whole: bool = False) -> np.ndarray:
        """Numbers; NaN where none is given."""
        blank = self.blank(field)
        values = pd.to_numeric(self.frame[field].where(~blank), errors="coerce").to_numpy(dtype=np.float64)
        wrong = ~blank & ~((values >= low) & (values <= high))
        if whole:
            wrong |= ~blank & (values % 1 != 0)
        kind = "a whole number" if whole else "a number"
        if needed:
            self.refuse(field, blank, lambda _: f"give {kind} from {low:g} to {high:g}")
        self.refuse(field, wrong, lambda value: f"{str(value)[:40]!r} is not {kind} from {low:g} to {high:g}")
        return np.where(blank | wrong, np.nan, values)

    def day(self, field: str, *, needed: bool) -> np.ndarray:
        """Dates as numpy days; NaT where none is given."""
        blank = self.blank(field)
        texts = self.frame[field].astype(str).str.strip().where(~blank)
        values = pd.to_datetime(texts.str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
        wrong = ~blank & (values.isna() | ~texts.fillna("").str.fullmatch(r"\d{4}-\d{2}-\d{2}( 00:00:00)?"))
        if needed:
            self.refuse(field, blank, lambda _: "give a date as YYYY-MM-DD")
        self.refuse(field, wrong, lambda value: f"{str(value)[:40]!r} is not a date; write it as YYYY-MM-DD")
        return values.to_numpy().astype("datetime64[D]")

    def weekdays(self, field: str) -> np.ndarray:
        """Weekdays as bits; NaN where none is given."""
        blank = self.blank(field)
        bits_of: dict[str, int | None] = {}
        texts = self.frame[field].astype(str).where(~blank, "")
        for text in texts.unique():
            names = [name.lower()[:3] for name in text.replace(";", " ").replace(",", " ").split()]
            known = all(name in WEEKDAYS for name in names)
            bits_of[text] = sum({1 << WEEKDAYS.index(name) for name in names}) if known else None
        values = texts.map(bits_of).to_numpy(dtype=np.float64)
        self.refuse(
            field, ~blank & np.isnan(values), lambda value: f"{str(value)[:40]!r} is not of {' '.join(WEEKDAYS)}"
        )
        return np.where(blank, np.nan, values)

    def done(self) -> None:
        """Raise what was found.

        Raises:
            RowsError: a row is wrong.
        """
        if self.errors:
            raise RowsError(sorted(self.errors, key=lambda one: one.row))


def weekday_names(bits: float | None) -> str | None:
    """Weekdays of a set of bits, as they are written: `mon thu`."""
    if bits is None or np.isnan(bits):
        return None
    return " ".join(name for number, name in enumerate(WEEKDAYS) if int(bits) >> number & 1)


@dataclass(frozen=True)
class StockRows:
    """Stock of items in stores, and what is under way to them.

    Attributes:
        levels: store_id, item_id, as_of_date, on_hand; one row a series.
        arrivals: store_id, item_id, arrival_date, units.
    """

    levels: pd.DataFrame
    arrivals: pd.DataFrame


def checked_stock(frame: pd.DataFrame) -> StockRows:
    """Stock of a table: one row an item and store, or several that differ in their arrivals alone.

    Args:
        frame: columns store_id, item_id, as_of_date, on_hand and, where something is under way, on_order and
            arrival_date; texts or typed.

    Raises:
        ColumnsError, RowsError: what is wrong.
    """
    check = _Checker(frame, STOCK_COLUMNS, STOCK_COLUMNS[:4])
    rows = pd.DataFrame(
        {
            "store_id": check.text("store_id", needed=True),
            "item_id": check.text("item_id", needed=True),
            "as_of_date": check.day("as_of_date", needed=True),
            "on_hand": check.number("on_hand", 0, MAX_UNITS, needed=True),
            "units": check.number("on_order", 0, MAX_UNITS, needed=False),
            "arrival_date": check.day("arrival_date", needed=False),
        }
    )
    keys = ["store_id", "item_id"]
    ordered = rows["units"].fillna(0) > 0
    check.refuse("arrival_date", ordered & check.blank("arrival_date"), lambda _: "say when the units on order arrive")
    check.refuse("on_order", ~ordered & ~check.blank("arrival_date"), lambda _: "say how many units arrive")
    for name in ("as_of_date", "on_hand"):
        first = rows.groupby(keys)[name].transform("first")
        check.refuse(
            name, rows[name].notna() & (rows[name] != first), lambda value: f"{value} differs from an earlier row's"
        )
    check.refuse(
        "item_id", rows.duplicated([*keys, "arrival_date"]), lambda value: f"{value!r} is given twice for the store"
    )
    check.done()
    levels = rows.drop_duplicates(keys)[[*keys, "as_of_date", "on_hand"]]
    return StockRows(levels, rows.loc[ordered, [*keys, "arrival_date", "units"]])


def checked_supply(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of supply, typed.

    Args:
        frame: `SUPPLY_COLUMNS`, any of the keys and of the terms; texts or typed. Weekdays are written `mon thu`.

    Returns:
        `SUPPLY_KEYS` ("": every value) and `SUPPLY_TERMS` (NaN or None: not given; weekdays as bits).

    Raises:
        ColumnsError, RowsError: what is wrong.
    """
    check = _Checker(frame, SUPPLY_COLUMNS, ())
    columns: dict[str, np.ndarray] = {name: check.text(name, needed=False) for name in SUPPLY_KEYS}
    suppliers = check.text("supplier_id", needed=False)
    columns["supplier_id"] = np.where(suppliers == "", None, suppliers)  # type: ignore[call-overload]
    for name, (low, high) in WHOLE_BOUNDS.items():
        columns[name] = check.number(name, low, high, needed=False, whole=True)
    for name in ("order_weekdays", "delivery_weekdays"):
        columns[name] = check.weekdays(name)
    rows = pd.DataFrame(columns, columns=list(SUPPLY_COLUMNS))
    check.refuse("item_id", rows.duplicated(list(SUPPLY_KEYS)), lambda _: "these keys are given twice")
    check.done()
    return rows


def put_stock(engine: Engine, rows: StockRows, *, author: str) -> None:
    """Store the stock of the series named, in place of what is known of these; other series stay as they are.

    Raises:
        StoreError: the store cannot be written, or is locked by another writer.
    """
    keys = _records(rows.levels[["store_id", "item_id"]])
    levels = [{**row, "author": author} for row in _records(rows.levels)]
    arrivals = _records(rows.arrivals)

    def work(connection: Connection) -> None:
        hold_pointers(connection)  # of two writers one waits
        now = utc_now()
        for table in (stock_arrivals, stock):
            _delete(connection, table, keys)
        if levels:
            connection.execute(insert(stock), [{**row, "stored_at": now} for row in levels])
        if arrivals:
            connection.execute(insert(stock_arrivals), arrivals)

    run_transaction(engine, work)


def _delete(connection: Connection, table: Table, keys: Sequence[dict[str, Any]]) -> None:
    """Delete rows by store and item: a statement for each, sent together."""
    if keys:
        of_key = (table.c.store_id == bindparam("of_store")) & (table.c.item_id == bindparam("of_item"))
        given = [{"of_store": key["store_id"], "of_item": key["item_id"]} for key in keys]
        connection.execute(delete(table).where(of_key), given)


def put_supply(engine: Engine, rows: pd.DataFrame, *, author: str) -> None:
    """Store how goods are supplied, in place of all that was known.

    Args:
        engine: of the store.
        rows: from `checked_supply`.
        author: who asks.

    Raises:
        StoreError: the store cannot be written, or is locked by another writer.
    """
    records = [{**row, "author": author} for row in _records(rows)]

    def work(connection: Connection) -> None:
        hold_pointers(connection)  # of two writers one waits
        now = utc_now()
        connection.execute(delete(supply))
        if records:
            connection.execute(insert(supply), [{**row, "stored_at": now} for row in records])

    run_transaction(engine, work)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with Python's values; NaN as None."""
    columns = {}
    for name in frame:
        values = frame[name]
        if values.dtype.kind == "M":
            columns[str(name)] = values.dt.date.tolist()
        elif name in WHOLE_BOUNDS or str(name).endswith("weekdays"):
            columns[str(name)] = [None if np.isnan(one) else int(one) for one in values]
        else:
            columns[str(name)] = values.tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def read_supply(connection: Connection) -> pd.DataFrame:
    """Rows as `checked_supply` returns them, ordered by their keys."""
    names = list(SUPPLY_COLUMNS)
    query = select(*(supply.c[name] for name in names)).order_by(*(supply.c[name] for name in SUPPLY_KEYS))
    frame = pd.DataFrame(connection.execute(query).all(), columns=names)
    numeric = [name for name in SUPPLY_TERMS if name != "supplier_id"]
    return frame.astype(dict.fromkeys(numeric, float)).astype({"supplier_id": object})


def state_of(connection: Connection) -> str:
    """Changes whenever stock, supply or a decision does."""
    parts: list[Any] = []
    for table in (stock, supply):
        parts += connection.execute(select(func.count(), func.max(table.c.stored_at))).one()
    parts.append(connection.execute(select(func.max(order_decisions.c.decision_id))).scalar_one())
    return "|".join(map(str, parts))


def as_of_dates(connection: Connection, store_id: str | None = None) -> tuple[date, date] | None:
    """First and last day whose stock is known; None without any."""
    query = select(func.min(stock.c.as_of_date), func.max(stock.c.as_of_date))
    first, last = connection.execute(query if store_id is None else query.where(stock.c.store_id == store_id)).one()
    return None if first is None else (first, last)
