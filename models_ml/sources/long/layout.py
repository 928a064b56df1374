"""Detects the layout of a text file or sheet: lines above the header, delimiter, columns that are dates or items."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models_ml.sources.faults import input_fault

LINES_READ = 200
DELIMITERS = (",", ";", "\t", "|")
SEP_LINE = re.compile(r"^\ufeff?\"?sep=(.)\"?\s*$", re.IGNORECASE)
NUMBER = re.compile(r"^[-+]?[\d.,' \u00a0]*\d$")
DATE = re.compile(
    r"^\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([ T]\d{1,2}:\d{2}.*)?$|^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}$|^(?:19|20)\d{6}$"
    r"|^\d{1,2}[- ]?[A-Za-z]{3,9}[- ,]*\d{2,4}$|^[A-Za-z]{3,9}[- ]?\d{1,2},? ?\d{2,4}$"
)
LEAST_WIDE = 4


@dataclass(frozen=True)
class Layout:
    """Parameters for reading a text file.

    Attributes:
        skip_lines: lines above the header.
        delimiter: set if the file declares it or lines above the header hide it; else None.
    """

    skip_lines: int = 0
    delimiter: str | None = None


def text_layout(path: Path, encoding: str) -> Layout:
    """Detect the layout of a text file from its first lines.

    Raises:
        InputError: the first line holds values, not column names.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        lines = [line for line, _ in zip(file, range(LINES_READ), strict=False)]
    said = SEP_LINE.match(lines[0]) if lines else None
    first = 1 if said else 0
    tried = [said[1].replace("\\t", "\t")] if said else DELIMITERS
    parsed = {mark: [next(csv.reader([line], delimiter=mark), []) for line in lines[first:]] for mark in tried}
    widths = {mark: Counter(len(row) for row in rows if any(row)).most_common(1) for mark, rows in parsed.items()}
    width, _, mark = (
        max((of[0][0] > 1, of[0][1] * of[0][0], m) for m, of in widths.items() if of)
        if any(widths.values())
        else (False, 0, ",")
    )
    if not width:
        return Layout(first)
    rows = parsed[mark]
    header = header_of(rows)
    if header is None:
        raise input_fault(
            path.name, "the first line holds values, not column names", line=first + 1,
            value=mark.join(rows[0]), remedy="Add a line with the column names above it.",
        )  # fmt: skip
    skip = first + header
    return Layout(skip, mark if skip else None)


def header_of(rows: Sequence[Sequence[str]]) -> int | None:
    """Index of the header among the first rows of a table; None if the first full row already holds values."""
    widths = Counter(sum(1 for cell in row if cell.strip()) for row in rows)
    del widths[0]
    if not widths:
        return 0
    usual = widths.most_common(1)[0][0]
    for place, row in enumerate(rows):
        filled = [cell.strip() for cell in row if cell.strip()]
        if len(filled) < min(usual, 2) or len(filled) < 0.8 * usual:
            continue
        values = sum(1 for cell in filled if NUMBER.match(cell) or DATE.match(cell))
        if values and values < LEAST_WIDE and any(DATE.match(cell) for cell in filled) and len(filled) > 1:
            return None
        return place
    return 0


@dataclass(frozen=True)
class WideShape:
    """A wide table with one column per date or item.

    Attributes:
        into: what its column names hold.
        keep: the other columns.
        example: three of the names.
    """

    into: str
    keep: tuple[str, ...]
    example: tuple[str, ...]


def wide_dates(columns: Sequence[str]) -> WideShape | None:
    """The columns whose names are dates, if they are several."""
    dates = [column for column in columns if DATE.match(column.strip())]
    if len(dates) < LEAST_WIDE or len(dates) < len(columns) / 2:
        return None
    return WideShape("date", tuple(c for c in columns if c not in dates), tuple(dates[:3]))
