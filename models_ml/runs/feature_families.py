"""Groups features into families by name, because hundreds of columns are too many to explain."""

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
"""Pattern of a feature name -> family; the first full match wins."""

MEANINGS = {
    LEVEL: "its recent level of sales, all else being typical",
    "weekday": "the day of the week",
    "day_of_month": "the day of the month: paydays",
    "season": "the time of the year",
    "events": "events and the days around them",
    "regional_flag": "the region's flag",
    "recent_sales": "the trend of recent weeks",
    "last_year": "the same weeks of earlier years",
    "kin": "recent sales of the same item elsewhere, and of its department",
    "assortment": "newly launched items",
    "age": "how long it has been on sale",
    "price": "prices",
    "declared": "promotions and other declared columns",
    "place": "the store, department or region itself",
    CLOSED: "days on which the store is closed: its usual sales are subtracted",
    RECONCILIATION: "reconciliation of levels and node models",
    STORE_DEPARTMENT: "forecast of its department in the store, beyond the sum of its items",
    OTHER: "anything else",
}
"""Description of each family for users."""


def family_of(feature: str) -> str:
    """The family of a feature."""
    for pattern, family in FAMILIES:
        if re.fullmatch(pattern, feature):
            return family
    return OTHER
