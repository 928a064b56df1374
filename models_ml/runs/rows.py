"""A forecast, its series and their history as rows of the prediction store."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from models_ml.evaluation.demand_class import CLASS_DAYS, demand_classes
from models_ml.forecasters.base import Forecast
from models_ml.forecasters.quantiles.model import week_sums
from models_ml.hierarchy import WEEK_DAYS
from models_ml.hierarchy.aggregation import AGGREGATE_LEVELS, Hierarchy
from models_ml.hierarchy.steps import step_sums
from models_ml.settings import QUANTILE_COLUMNS
from models_ml.warehouse.marts import Marts, day_offsets

NODE_HISTORY_DAYS = 728


def forecast_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `forecasts`: one per series and target step (a day, or a week by its first day)."""
    days = len(marts.step_dates)
    return pa.table(
        {
            "store_id": repeated(forecast.series["store_id"], days),
            "item_id": repeated(forecast.series["item_id"], days),
            "target_date": target_column(marts, len(forecast.series)),
            **value_columns(forecast.mean, forecast.quantiles),
        }
    )


def node_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `node_forecasts`: one per node of levels 1-9 and target step."""
    nodes = forecast.hierarchy.nodes
    return pa.table(
        {
            "node_id": repeated(nodes["node_id"], len(marts.step_dates)),
            "target_date": target_column(marts, len(nodes)),
            **value_columns(forecast.node_mean, forecast.node_quantiles),
        }
    )


def period_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `node_period_forecasts`: one per node of levels 1-9 and week (the last may be shorter), and one per node
    for the whole horizon if that exceeds one week.
    """
    nodes, mean = forecast.hierarchy.nodes, week_sums(forecast.node_mean, marts.step_days)
    quantiles = forecast.week_quantiles
    starts = np.arange(0, marts.horizon_days, WEEK_DAYS)
    days = np.array(marts.target_dates, dtype="datetime64[D]")
    ends = np.append(starts[1:], marts.horizon_days) - 1
    if len(starts) > 1:
        starts, ends = np.append(starts, 0), np.append(ends, marts.horizon_days - 1)
        mean = np.append(mean, mean.sum(axis=1, keepdims=True), axis=1)
        if quantiles is not None and forecast.horizon_quantiles is not None:
            quantiles = np.append(quantiles, forecast.horizon_quantiles, axis=1)
    return pa.table(
        {
            "node_id": repeated(nodes["node_id"], len(starts)),
            "first_date": pa.array(np.tile(days[starts], len(nodes))),
            "last_date": pa.array(np.tile(days[ends], len(nodes))),
            **value_columns(mean, quantiles),
        }
    )


def series_rows(marts: Marts, forecast: Forecast) -> pa.Table:
    """Rows of `run_series`: a series' attributes, its last price, recent units and demand class."""
    series = forecast.series
    recent = marts.daily(marts.origin - timedelta(days=CLASS_DAYS - 1), marts.origin)
    price = marts.daily(marts.origin, marts.origin, "price")[:, 0].astype(np.float64)
    return pa.table(
        {
            **{c: pa.array(series[c]) for c in ("store_id", "item_id", "department_id", "category_id", "region_id")},
            "price": pa.array(np.where(price > 0, price, np.nan), from_pandas=True),
            "units_last_28": pa.array(recent[:, -28:].sum(axis=1, dtype=np.float64)),
            "demand_class": pa.array(demand_classes(recent, marts.days_on_sale)),
            "launch_date": pa.array(series["launch_date"].dt.date),
        }
    )


def repeated(values: pd.Series, times: int) -> pa.DictionaryArray:
    """Each value repeated `times` times, dictionary-encoded, because ids are long and few."""
    codes, names = pd.factorize(values)
    return pa.DictionaryArray.from_arrays(np.repeat(codes, times).astype(np.int32), pa.array(names, pa.string()))


def target_column(marts: Marts, rows: int) -> pa.Array:
    """The first days of the target steps, repeated for `rows` rows."""
    return pa.array(np.tile(np.array(marts.step_dates, dtype="datetime64[D]"), rows))


def value_columns(mean: np.ndarray, quantiles: np.ndarray | None) -> dict[str, pa.Array]:
    """Mean and quantiles as columns; without quantiles they are null."""
    columns = {"mean": pa.array(mean.ravel().astype(np.float64))}
    for position, name in enumerate(QUANTILE_COLUMNS):
        columns[name] = (
            pa.nulls(mean.size, pa.float64())
            if quantiles is None
            else pa.array(quantiles[:, :, position].ravel().astype(np.float64))
        )
    return columns


def history_rows(marts: Marts, history_days: int) -> dict[str, pa.Table]:
    """Recent actuals and their calendar, for charts.

    Returns:
        `sales_history` (series x step on sale), `node_history` (node x step), `calendar_days`, `calendar_region_flags`;
        a step is a day, or a week by its first day.
    """
    since = marts.origin - timedelta(days=history_days // marts.step_days * marts.step_days - 1)
    # Before a source's first day, sales are unknown, not zero.
    node_since = max(marts.first_day, marts.origin - timedelta(days=NODE_HISTORY_DAYS - 1))
    read = marts.warehouse.read
    sales = read(
        "core.fct_daily_sales", ["store_id", "item_id", "date", "cast(units as double) as units", "price"],
        stores=marts.stores, since=since, until=marts.origin,
    )  # fmt: skip
    days = read(
        "core.dim_calendar", ["date", "weekday_name", "event_name_1 as event_name"],
        since=node_since, until=marts.target_dates[-1],
    )  # fmt: skip
    flags = read(
        "core.fct_regional_flags", ["date", "region_id", "regional_flag"],
        since=node_since, until=marts.target_dates[-1],
    )  # fmt: skip
    return {
        "sales_history": by_step(marts, sales, units="sum", price="first"),
        "node_history": node_history_rows(marts, node_since),
        "calendar_days": by_step(marts, days, weekday_name="first", event_name="first"),
        "calendar_region_flags": by_step(marts, flags, regional_flag="max"),
    }


def by_step(marts: Marts, days: pa.Table, **aggregates: str) -> pa.Table:
    """Rows of days as rows of the source's steps.

    Args:
        marts: define the step; the origin ends one.
        days: with a column date; columns that are neither date nor aggregated are keys.
        aggregates: Arrow's function by column; `first` is the first non-null value.

    Returns:
        The same columns, `date` being the first day of each step; the table itself where a step is a day.
    """
    if marts.step_days == 1:
        return days
    offset = day_offsets(days["date"], marts.origin + timedelta(days=1))
    first = offset - offset % marts.step_days
    starts = np.datetime64(marts.origin) + 1 + first.astype("timedelta64[D]")
    sorted_days = days.set_column(days.schema.get_field_index("date"), "date", pa.array(starts)).take(
        np.argsort(offset, kind="stable")
    )
    keys = [name for name in days.column_names if name not in aggregates]
    grouped = sorted_days.group_by(keys, use_threads=False).aggregate(list(aggregates.items()))
    names = [f"{name}_{aggregates[name]}" if name in aggregates else name for name in days.column_names]
    return grouped.select(names).rename_columns(days.column_names)


def node_history_rows(marts: Marts, since: date) -> pa.Table:
    """Rows of `node_history`: units of each node of levels 1-9 by step, summed from store x department."""
    bottom, daily = marts.store_department_daily(since, marts.origin)
    units = step_sums(daily, marts.step_days)
    hierarchy = Hierarchy.of(bottom, AGGREGATE_LEVELS)
    days = np.arange(np.datetime64(since), np.datetime64(marts.origin) + 1)[:: marts.step_days]
    return pa.table(
        {
            "node_id": repeated(hierarchy.nodes["node_id"], len(days)),
            "date": pa.array(np.tile(days, len(hierarchy.nodes))),
            "units": pa.array(hierarchy.aggregate(units).ravel().astype(np.float64)),
        }
    )
