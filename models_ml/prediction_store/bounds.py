"""Bounds of stored values; imported by the API's schemas without SQLAlchemy."""

from __future__ import annotations

MAX_UNITS = 1e9
"""Upper bound of any stored number of units: far above every sale, far below infinity."""

MIN_PERCENT, MAX_PERCENT = -100, 1000
"""Bounds of an override in percent: from nothing left to eleven times the forecast."""
