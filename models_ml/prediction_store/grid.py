"""Relative prices at which the model is asked, and what the store calls the answers."""

from __future__ import annotations

PRICE_STEPS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3, 1.5)
"""Price over the planned one. A step beyond what a series has seen is asked at the end of what it has seen."""

RESPONSE_COLUMNS = tuple(f"response_{step:g}".replace(".", "_") for step in PRICE_STEPS)
