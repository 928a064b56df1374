"""What is checked, a module a dataset; each knows its SQL, `thresholds.yml` knows the limits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from expectations.checks import Dataset
from expectations.sql import Sql
from models_ml.errors import InputError
from models_ml.settings import Settings


def raw_datasets(engine: Engine, sql: Sql, settings: Settings) -> list[Dataset]:
    """Tables that the ingest of the configured source has written."""
    if settings.source == "m5":
        from expectations.suites import raw_calendar, raw_prices, raw_sales

        return [raw_calendar.dataset(sql), raw_sales.dataset(engine, sql), raw_prices.dataset(sql)]
    raise InputError(f"DEMAND_SOURCE: there are no raw checks for source {settings.source!r}; add expectations/suites.")


def marts_datasets(engine: Engine, sql: Sql, settings: Settings) -> list[Dataset]:
    """Core and feature marts."""
    return []


def store_datasets(engine: Engine, sql: Sql, settings: Settings, run_ids: Sequence[str] | None) -> list[Dataset]:
    """Published runs: those of `run_ids`, or the served ones."""
    return []
