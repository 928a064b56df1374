"""Error messages for the user's files, worded alike for every source: place, problem, value and remedy."""

from __future__ import annotations

from models_ml.errors import InputError

_LONGEST_VALUE = 80


def input_fault(
    file: str,
    problem: str,
    *,
    remedy: str,
    line: int | None = None,
    column: str | None = None,
    value: object | None = None,
) -> InputError:
    """The error `file, line L, column C: problem (found 'value'). Remedy. Nothing was loaded.`

    Args:
        file: the file's name, as the user gave it.
        problem: what is wrong, without a full stop.
        remedy: what to do: a sentence with its full stop.
        line: line of the file, the header being line 1.
        column: name of the column.
        value: the value found, shortened if it is long.
    """
    place = [file]
    if line is not None:
        place.append(f"line {line:,}")
    if column is not None:
        place.append(f"column {column}")
    found = "" if value is None else f" (found {_shortened(value)})"
    return InputError(f"{', '.join(place)}: {problem}{found}. {remedy} Nothing was loaded.")


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
