"""What is checked, a module a dataset; each knows its SQL, `thresholds.yml` knows the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Engine

from expectations.checks import Dataset
from expectations.sql import Sql
from models_ml.errors import InputError
from models_ml.settings import Settings


def raw_datasets(engine: Engine, sql: Sql, settings: Settings) -> list[Dataset]:
    """Tables that the ingest of the configured source has written."""
    if settings.source == "m5":
        from expectations.suites.m5 import raw_calendar, raw_prices, raw_sales

        return [raw_calendar.dataset(sql), raw_sales.dataset(engine, sql), raw_prices.dataset(sql)]
    if settings.source == "long":
        from expectations.suites import raw_long

        return [raw_long.sales(sql), raw_long.regressors(sql)]
    raise InputError(f"DEMAND_SOURCE: there are no raw checks for source {settings.source!r}; add expectations/suites.")


def marts_datasets(sql: Sql, settings: Settings) -> list[Dataset]:
    """Core and feature marts, also against what is served now."""
    from expectations.served import served_departments
    from expectations.suites import (
        core_calendar,
        core_daily_sales,
        core_items,
        core_node_sales,
        core_prices,
        core_series,
        core_stores,
        feature_nodes,
        feature_series,
    )

    served = served_departments(settings)
    datasets = [
        core_items.dataset(sql),
        core_stores.dataset(sql, served),
        core_calendar.dataset(sql, settings.horizon_days),
        core_series.dataset(sql, served),
        core_prices.dataset(sql, settings.horizon_days),
        core_daily_sales.dataset(sql),
        core_node_sales.dataset(sql, served),
        feature_series.dataset(sql),
        feature_nodes.dataset(sql),
    ]
    return [replace(dataset, source=settings.source) for dataset in datasets]


def store_datasets(sql: Sql, settings: Settings, run_ids: Sequence[str] | None, *, fresh: bool) -> list[Dataset]:
    """Published runs: those of `run_ids`, or the served ones."""
    from expectations.served import last_sale_day, stored_runs
    from expectations.suites import (
        store_forecasts,
        store_history,
        store_inventory_policy,
        store_metrics,
        store_node_forecasts,
        store_runs,
        store_series,
    )

    runs = [run.run_id for run in stored_runs(settings, run_ids)]
    datasets = [
        store_runs.dataset(sql, runs, last_sale_day(settings) if fresh else None),
        store_series.dataset(sql, runs),
        store_forecasts.dataset(sql, runs),
        store_node_forecasts.dataset(sql, runs),
        store_inventory_policy.dataset(sql, runs),
        store_metrics.dataset(sql, runs),
        store_history.dataset(sql, runs),
    ]
    run_id = runs[0] if len(runs) == 1 else None
    return [replace(dataset, run_id=run_id, source=settings.source) for dataset in datasets]
