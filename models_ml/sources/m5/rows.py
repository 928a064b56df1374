"""Read the rows of a CSV file with their line numbers, and say where it is no CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from models_ml.sources.faults import input_fault


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and values of each line, the header first; blank lines are passed over, as DuckDB does.

    Raises:
        InputError: the text is no CSV.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            for fields in reader:
                if fields:
                    yield reader.line_num, fields
        except csv.Error as error:
            raise input_fault(
                path.name,
                f"the text is no CSV: {error}",
                line=max(reader.line_num, 1),
                remedy="Look for a quotation mark that does not end, or save the file as plain CSV again.",
            ) from None


def read_header(path: Path) -> list[str]:
    """Names of the columns; empty if there is no line.

    Raises:
        InputError: the text is no CSV.
    """
    return next((fields for _, fields in read_rows(path)), [])
