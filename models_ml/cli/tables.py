"""Tables of the list commands: aligned text that is the same on a terminal and in a pipe, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def print_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows; values are never truncated, whatever the terminal's width.

    Args:
        rows: values by column.
        columns: the columns and their order; printed even if there are no rows.
        as_json: print a JSON array of objects.
    """
    if as_json:
        typer.echo(json.dumps([{name: row[name] for name in columns} for row in rows], indent=2, default=str))
        return
    texts = [list(columns), *([text_of(row[name]) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def text_of(value: Any) -> str:
    """A cell; a missing value is printed as a dash, so that every line has every column."""
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    return "-" if value is None or value == "" else str(value)
