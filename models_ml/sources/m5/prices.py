"""Say where in `sell_prices.csv` a fault is that the set-wise checks of the ingest have found.

The seven million prices of M5 are checked as a set in DuckDB, which knows values but not lines. Only when a
check fails is the file read again, line by line, to name the place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from models_ml.errors import InputError
from models_ml.sources.faults import input_fault
from models_ml.sources.m5.layout import CALENDAR_FILE, PRICE_COLUMNS, PRICES_FILE
from models_ml.sources.m5.rows import read_header, read_rows


def check_price_header(path: Path) -> None:
    """Check the names and the order of the columns.

    Raises:
        InputError: a column is missing, unknown or out of its place.
    """
    header = read_header(path)
    wanted = f"The header must be {','.join(PRICE_COLUMNS)}."
    for column in PRICE_COLUMNS:
        if column not in header:
            raise input_fault(PRICES_FILE, f"column {column} is missing", line=1, column=column, remedy=wanted)
    for column in header:
        if column not in PRICE_COLUMNS or header.count(column) > 1:
            raise input_fault(
                PRICES_FILE,
                "a column is not known or comes twice",
                line=1,
                column=repr(column),
                remedy=wanted,
            )
    for found, column in zip(header, PRICE_COLUMNS, strict=True):
        if found != column:
            raise input_fault(
                PRICES_FILE,
                f"the columns are not in order: {column} should stand here",
                line=1,
                column=column,
                value=found,
                remedy=wanted,
            )


def unreadable_price(path: Path, weeks: Collection[str], reader_message: str) -> InputError:
    """The first line that is no price at all: wrong number of values, no such week, no positive number.

    Args:
        path: the price file.
        weeks: `wm_yr_wk` of the calendar, as text.
        reader_message: what DuckDB said, for a file that this reader finds nothing wrong with.
    """
    for line, fields in _lines(path):
        fault = _value_fault(line, fields, weeks)
        if fault:
            return fault
    return input_fault(
        PRICES_FILE,
        f"the file cannot be read as CSV: {reader_message.splitlines()[0]}",
        remedy="Save it as plain CSV in UTF-8, with the same line ends throughout.",
    )


def unknown_series(path: Path, store_id: str, item_id: str, sales_file: str) -> InputError:
    """A price of a series that the sales file does not have."""
    line = next(_where(path, lambda fields: fields[:2] == [store_id, item_id]), None)
    return input_fault(
        PRICES_FILE,
        f"a price is for item {item_id} in store {store_id}, which {sales_file} does not have",
        line=line,
        column="item_id",
        value=item_id,
        remedy="Remove the price, or add the series to the sales.",
    )


def repeated_price(path: Path, store_id: str, item_id: str, week: int) -> InputError:
    """A second price for the same store, item and week."""
    key = [store_id, item_id, str(week)]
    found = _where(path, lambda fields: fields[:3] == key)
    first, second = next(found, None), next(found, None)
    where = "" if first is None else f", the first on line {first:,}"
    return input_fault(
        PRICES_FILE,
        f"item {item_id} in store {store_id} has two prices in week {week}{where}",
        line=second,
        column="wm_yr_wk",
        value=week,
        remedy="Keep one price for each store, item and week.",
    )


def unpriced_series(store_id: str, item_id: str, count: int, sales_file: str) -> InputError:
    """Series of the sales file that never have a price, so nobody knows when they were on sale."""
    others = f" ({count - 1:,} more series have none either)" if count > 1 else ""
    return input_fault(
        PRICES_FILE,
        f"there is no price for item {item_id} in store {store_id}, which {sales_file} sells{others}",
        column="item_id",
        value=item_id,
        remedy="Add its prices from the first week on sale, or remove the series; the file may be cut.",
    )


def _value_fault(line: int, fields: list[str], weeks: Collection[str]) -> InputError | None:
    if len(fields) != len(PRICE_COLUMNS):
        return input_fault(
            PRICES_FILE,
            f"the line has {len(fields)} values and the header {len(PRICE_COLUMNS)} columns",
            line=line,
            value=",".join(fields),
            remedy="Get the file again; it may be cut short.",
        )
    store_id, item_id, week, price = fields
    for column, value in (("store_id", store_id), ("item_id", item_id)):
        if not value.strip():
            return input_fault(
                PRICES_FILE, "the value is blank", line=line, column=column, value=value, remedy="Fill it in."
            )
    if week not in weeks:
        return input_fault(
            PRICES_FILE,
            f"the week is not in {CALENDAR_FILE}",
            line=line,
            column="wm_yr_wk",
            value=week,
            remedy="Use the calendar that came with these prices, or remove the price.",
        )
    problem = _price_problem(price)
    if problem:
        return input_fault(
            PRICES_FILE,
            problem,
            line=line,
            column="sell_price",
            value=price,
            remedy="Write a price above 0, such as 2.98, or remove the line if the item was not on sale.",
        )
    return None


def _price_problem(text: str) -> str:
    if not text.strip():
        return "the price is blank"
    try:
        price = float(text)
    except ValueError:
        return "the price is not a number"
    if not math.isfinite(price):
        return "the price is not a finite number"
    return "" if price > 0 else "the price is not above 0"


def _where(path: Path, wanted: Callable[[list[str]], bool]) -> Iterator[int]:
    return (line for line, fields in _lines(path) if wanted(fields))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    return islice(read_rows(path), 1, None)
