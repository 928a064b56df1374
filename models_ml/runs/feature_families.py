"""Families of features, by the names of the features: what a reader is told of instead of hundreds of columns."""

from __future__ import annotations

import re

LEVEL, RECONCILIATION, OTHER = "level", "reconciliation", "other"
CLOSED, STORE_DEPARTMENT = "closed_days", "store_department"

FAMILIES: tuple[tuple[str, str], ...] = (
    ("level|last_week|recent_mean|recent_weeks|smoothed", LEVEL),
    ("(known|past|static)_.*", "declared"),
    (".*_years?_ago|last_year.*|growth_.*", "last_year"),
    ("weekday.*|same_weekday_.*|(item|node)_weekday|lead", "weekday"),
    ("day_of_month.*|week_of_month", "day_of_month"),
    ("season_.*|day_of_year|month", "season"),
    (".*event.*|major_.*", "events"),
    ("flag.*", "regional_flag"),
    ("ratio_.*|momentum_.*|time|log_level|zero_share_.*|spread_.*|days_since_last_sale", "recent_sales"),
    (r"(item|node|department)_\d+", "kin"),
    ("on_sale_.*", "assortment"),
    ("days_on_sale", "age"),
    (".*price.*|.*discount.*", "price"),
    ("region|store|category|department", "place"),
)
"""Pattern of a feature's name -> its family; the first that matches whole."""

MEANINGS = {
    LEVEL: "what it sells at its recent level, all else being usual",
    "weekday": "the day of the week",
    "day_of_month": "the day of the month: paydays",
    "season": "the time of the year",
    "events": "events and the days around them",
    "regional_flag": "the region's flag",
    "recent_sales": "where recent weeks are heading",
    "last_year": "the same weeks of earlier years",
    "kin": "recent sales of the same item elsewhere, and of its department",
    "assortment": "items launched",
    "age": "how long it has been on sale",
    "price": "prices",
    "declared": "promotions and other columns that the source declares",
    "place": "the store, department or region itself",
    CLOSED: "days on which the store is closed: what it would sell if it were open is taken off",
    RECONCILIATION: "making levels and node models agree",
    STORE_DEPARTMENT: "what its department in the store is forecast to sell, beyond the sum of its items",
    OTHER: "anything else",
}
"""What each family means to a reader."""


def family_of(feature: str) -> str:
    """The family of a feature."""
    for pattern, family in FAMILIES:
        if re.fullmatch(pattern, feature):
            return family
    return OTHER
