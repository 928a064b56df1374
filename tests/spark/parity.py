"""Two engines' copies of a table, row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd

TOLERANCE = 1e-9
"""Relative above one, absolute below."""


OF_ONE_BUILD = {"updated_at"}
"""Columns that say when a build wrote a row."""
OF_ONE_ENGINE = {"digest"}
"""Columns that engines compute each in its own way."""


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that two builds of the same data on any engine agree in."""
    return frame.drop(columns=[c for c in frame.columns if c in OF_ONE_BUILD | OF_ONE_ENGINE])


def differences(expected: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """What differs between two frames of the same table, in words; empty if nothing does.

    Rows are matched by their values that are no floats, which hold the key; floats may differ by `TOLERANCE`.
    """
    if list(expected.columns) != list(found.columns):
        return [f"columns {list(found.columns)} instead of {list(expected.columns)}"]
    if len(expected) != len(found):
        return [f"{len(found)} rows instead of {len(expected)}"]
    floats = [c for c in expected.columns if pd.api.types.is_float_dtype(expected[c])]
    exact = [c for c in expected.columns if c not in floats]
    left, right = (_in_order(frame, exact) for frame in (expected, found))
    words = []
    for column in exact:
        wrong = left[column] != right[column]
        if wrong.any():
            words.append(_first(column, wrong.to_numpy(), left, right))
    for column in floats:
        a, b = (frame[column].to_numpy(dtype=float, na_value=np.nan) for frame in (left, right))
        with np.errstate(invalid="ignore"):
            close = np.abs(a - b) <= TOLERANCE * np.maximum(1.0, np.abs(a))
        wrong = ~(close | (np.isnan(a) & np.isnan(b)))
        if wrong.any():
            words.append(_first(column, wrong, left, right))
    return words


def _in_order(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The frame sorted by these columns, each as text with a word for null, so that engines' types do not matter."""
    texts = {c: frame[c].map(_text) for c in columns}
    return frame.assign(**texts).sort_values(columns, ignore_index=True)


def _text(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "null"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _first(column: str, wrong: np.ndarray, left: pd.DataFrame, right: pd.DataFrame) -> str:
    row = int(np.argmax(wrong))
    return (
        f"{column} differs in {int(wrong.sum())} of {len(left)} rows, first {right[column][row]!r} "
        f"instead of {left[column][row]!r} in {left.iloc[row, :4].to_dict()}"
    )
