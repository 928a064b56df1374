"""Ordering terms: lead time, review period, service level and costs of each item in each store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from models_ml.errors import InputError
from models_ml.warehouse.connection import Warehouse

RELATION = "core.inventory_terms"
"""The dbt seed with the defaults."""

KEYS = ["store_id", "department_id", "item_id"]
"""Keys of a row of terms; an empty key matches every value."""

KEY_WEIGHTS = {"item_id": 4, "department_id": 2, "store_id": 1}
"""A row that names an item outranks one that names a department, which outranks one that names a store."""

BOUNDS: dict[str, tuple[float, float]] = {
    "lead_time_days": (0, 56),
    "review_period_days": (1, 56),
    "service_level": (0.5, 0.999),
    "holding_cost": (0.0, 10.0),
    "shortage_cost": (0.0, 10.0),
}
"""Each term and its bounds. Lead time: whole days from an order to the day before it can be sold. Review period:
whole days between orders. Service level: probability that stock lasts until the next order arrives; left empty, it
follows from the costs. Holding cost: of a unit for a year, as a share of its price. Shortage cost: of a unit asked for
but not there, as a share of its price."""

TERMS = list(BOUNDS)
WHOLE = ["lead_time_days", "review_period_days"]
YEAR_DAYS = 365


def read_terms(warehouse: Warehouse, overrides: Path | None = None) -> pd.DataFrame:
    """All rows of terms: the seed's, then the file's. A row of the file overrides the seed's row with the same keys.

    Args:
        warehouse: holds the seed.
        overrides: CSV with the keys and any of the terms; empty cells leave a term as it is.

    Returns:
        Columns `KEYS` ("" = every value) and `TERMS` (NaN = not given).

    Raises:
        InputError: a row of the seed or of the file is wrong.
    """
    seed = warehouse.read(RELATION, [*KEYS, *TERMS]).to_pandas()
    parts = [checked_terms(seed, "dbt_project/seeds/inventory/inventory_terms.csv")]
    if overrides is not None:
        try:
            frame = pd.read_csv(overrides, dtype="string", keep_default_na=False)
        except FileNotFoundError:
            raise InputError(f"{overrides}: there is no such file; correct DEMAND_INVENTORY_TERMS.") from None
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise InputError(f"{overrides}: not a CSV file with a header ({error}).") from None
        parts.append(checked_terms(frame, str(overrides)))
    return pd.concat(parts, ignore_index=True)


def checked_terms(frame: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Terms of one table, typed.

    Raises:
        InputError: names the row, column and value that is wrong.
    """
    unknown = set(frame.columns) - set(KEYS) - set(TERMS)
    if unknown or not set(frame.columns) & set(TERMS):
        raise InputError(
            f"{origin}: columns are {', '.join(KEYS)} and any of {', '.join(TERMS)}"
            + (f"; there is no {', '.join(sorted(unknown))}." if unknown else "; none of the latter is there.")
        )
    result = pd.DataFrame(index=frame.index)
    for key in KEYS:
        result[key] = frame[key].fillna("").astype(str).str.strip() if key in frame else ""
    for term, (low, high) in BOUNDS.items():
        text = frame[term] if term in frame else pd.Series(np.nan, index=frame.index)
        blank = text.isna() | (text.astype(str).str.strip() == "")
        values = pd.to_numeric(text.where(~blank), errors="coerce").astype(float)
        wrong = ~blank & ~values.between(low, high)
        if term in WHOLE:
            wrong |= ~blank & (values % 1 != 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            kind = "a whole number" if term in WHOLE else "a number"
            raise InputError(
                f"{origin}, row {row + 1}, {term}: {text.iloc[row]!r} is not {kind} from {low:g} to {high:g}."
            )
        result[term] = values
    twice = result.duplicated(KEYS)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        said = ", ".join(f"{key} {result[key].iloc[row] or 'any'}" for key in KEYS)
        raise InputError(f"{origin}, row {row + 1}: {said} is given twice; remove one of the two rows.")
    return result


def terms_of(series: pd.DataFrame, terms: pd.DataFrame) -> pd.DataFrame:
    """The terms of each series; the most specific row that gives a term decides it.

    Args:
        series: columns store_id, department_id, item_id.
        terms: from `read_terms`; of rows with the same keys the later one decides.

    Returns:
        Columns `TERMS`, one row a series; a service level that no row gives follows from the costs.

    Raises:
        InputError: a term is given for some series and not for others.
    """
    result = most_specific(series, terms, TERMS)
    needed = result.drop(columns="service_level").isna()
    if needed.to_numpy().any():
        term = str(needed.any().idxmax())
        first = series.loc[needed[term].idxmax()]
        raise InputError(
            f"{term} is given for no row of the inventory terms that fits item {first['item_id']} in store "
            f"{first['store_id']}; add a row with empty keys, which holds for every item."
        )
    result["service_level"] = result["service_level"].fillna(critical_ratio(result))
    return result.astype(dict.fromkeys(WHOLE, int))


def most_specific(series: pd.DataFrame, rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Of each series the value of the most specific row that gives one; of rows with the same keys the later one's.

    Args:
        series: columns `KEYS`.
        rows: columns `KEYS` ("": every value) and `names`, null where a row gives none.
        names: columns of the values.

    Returns:
        Columns `names`, on the index of `series`.
    """
    named = rows[KEYS] != ""
    weight = named.astype(int) @ pd.Series(KEY_WEIGHTS)[KEYS]
    result = pd.DataFrame({name: pd.Series(np.nan, index=series.index, dtype=rows[name].dtype) for name in names})
    for rank in sorted(set(weight)):
        own = rows[weight == rank]
        keys = [key for key in KEYS if named.loc[own.index[0], key]]
        own = own.groupby(keys, as_index=False, sort=False)[names].last() if keys else own[names].ffill().tail(1)
        joined = series[keys].merge(own, on=keys, how="left") if keys else series[[]].merge(own, how="cross")
        joined.index = series.index
        result = joined[names].where(joined[names].notna(), result)
    return result


def with_supply(terms: pd.DataFrame, series: pd.DataFrame, supply: pd.DataFrame) -> pd.DataFrame:
    """Terms of some series, with how they are supplied; a lead time of supply takes the place of the terms'.

    Args:
        terms: from `terms_of`.
        series: the same series, columns `KEYS`.
        supply: rows from `prediction_store.replenishment.checked_supply`.
    """
    names = [str(name) for name in supply if name not in KEYS]
    supplied = most_specific(series, supply, names).set_axis(terms.index)
    lead = supplied.pop("lead_time_days").fillna(terms["lead_time_days"]).astype(int)
    return terms.assign(lead_time_days=lead).join(supplied)


def digest_of(terms: pd.DataFrame) -> str:
    """SHA-256 (hex) of the terms of some series: runs with the same forecasts may have different terms."""
    return hashlib.sha256(terms[TERMS].to_csv(index=False).encode()).hexdigest()


def critical_ratio(terms: pd.DataFrame) -> pd.Series:
    """The service level at which one unit more costs as much to hold over a review period as it saves in shortages.

    Source: the newsvendor's critical fractile, shortage / (shortage + holding).
    """
    holding = terms["holding_cost"] * terms["review_period_days"] / YEAR_DAYS
    ratio = terms["shortage_cost"] / (terms["shortage_cost"] + holding).where(lambda total: total > 0)
    low, high = BOUNDS["service_level"]
    return ratio.fillna(high).clip(low, high)
