"""What item features share over many series: the calendar, regional flags, and codes of places."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models_ml.warehouse.marts import Marts, codes, day_offsets

EVENT_DAYS_AHEAD, EVENT_DAYS_AFTER = 8, 5
"""How near a major event is felt before and after it."""


def read_calendar(marts: Marts) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """What is known of each day in advance, and the names behind the codes of events (0 is none)."""
    frame = marts.calendar
    ahead, after = frame["days_to_major_event"], frame["days_since_major_event"]
    named = {
        "event": frame["event_name_1"],
        "next_event": frame["next_major_event_name"].where(ahead <= EVENT_DAYS_AHEAD),
        "last_event": frame["previous_major_event_name"].where(after <= EVENT_DAYS_AFTER),
    }
    names = tuple(sorted(set().union(*(column.dropna().unique() for column in named.values()))))
    index = pd.Index(names)
    calendar = {
        "day_of_month": frame["day_of_month"],
        "weekday": frame["weekday"],
        "days_to_event": ahead.clip(upper=EVENT_DAYS_AHEAD + 1),
        "days_since_event": after.clip(upper=EVENT_DAYS_AFTER + 1),
        **{name: pd.Series(index.get_indexer(pd.Index(column)) + 1) for name, column in named.items()},
    }
    return {name: column.to_numpy().astype(np.float32) for name, column in calendar.items()}, names


def read_flags(marts: Marts, regions: tuple[str, ...]) -> np.ndarray:
    """The regional flag, regions x calendar days."""
    table = marts.warehouse.read(
        "core.fct_regional_flags", ["date", "region_id", "regional_flag"], until=marts.target_dates[-1]
    )
    region, day = codes(table["region_id"], pd.Index(regions)), day_offsets(table["date"], marts.first_day)
    known = (region >= 0) & (day >= 0)
    flags = np.zeros((len(regions), len(marts.calendar)), dtype=np.float32)
    flags[region[known], day[known]] = table["regional_flag"].to_numpy()[known]
    return flags


def read_places(series: pd.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    """Codes of the department, category, store and region of each series, and the names behind them."""
    places, names = {}, {}
    for name in ("department", "category", "store", "region"):
        places[name], unique = pd.factorize(series[f"{name}_id"], sort=True)
        names[name] = tuple(str(value) for value in unique)
    return places, names
