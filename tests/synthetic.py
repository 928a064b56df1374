"""A made-up run of any size, for benchmarks, load tests and fault tests of the store; no model is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models_ml.hierarchy.aggregation import LEVELS
from models_ml.prediction_store.frames import ARROW_SCHEMAS, RunFrames, empty
from models_ml.prediction_store.grid import RESPONSE_COLUMNS
from models_ml.prediction_store.records import Role, RunRecord, derive_run_id
from models_ml.prediction_store.schema import DEMAND_CLASSES
from models_ml.settings import QUANTILE_COLUMNS

DEPARTMENTS = ("FOODS_1", "FOODS_2", "HOBBIES_1")
_SPREAD = np.linspace(0.2, 2.2, len(QUANTILE_COLUMNS))


def synthetic_run(
    *,
    stores: tuple[str, ...],
    items: int,
    horizon_days: int = 28,
    history_days: int = 28,
    node_history_days: int | None = None,
    levels: Sequence[int] = (1, 9),
    origin: date = date(2016, 5, 22),
    seed: int = 0,
    role: Role = "champion",
) -> tuple[RunRecord, RunFrames]:
    """A run of `items` items in each store, with every frame filled; another seed is another run.

    Means are from 0 to 10 units, quantiles multiples of them. Nodes are those of `levels`: the total, and one a store
    and department, unless said. Nodes have `node_history_days` of history, or `history_days`.
    """
    record = RunRecord(
        run_id=derive_run_id(
            data_fingerprint=f"synthetic {seed}",
            configuration={"items": items, "horizon_days": horizon_days},
            code_version="synthetic",
            origin=origin,
            scope=stores,
        ),
        model="synthetic",
        version="1",
        origin=origin,
        horizon_days=horizon_days,
        scope=stores,
        role=role,
        git_commit="0" * 40,
        data_fingerprint=f"synthetic {seed}",
        parameters={"seed": seed},
        metrics={"wrmsse": 0.5},
    )
    generator = np.random.default_rng(seed)
    item_ids = np.array([f"{DEPARTMENTS[i % len(DEPARTMENTS)]}_{i:05d}" for i in range(items)])
    departments = np.array([DEPARTMENTS[i % len(DEPARTMENTS)] for i in range(items)])
    series = len(stores) * items
    store_column = np.repeat(np.array(stores), items)
    horizon = [origin + timedelta(days=day) for day in range(1, horizon_days + 1)]
    past = [origin - timedelta(days=day) for day in range(history_days - 1, -1, -1)]
    node_past = [origin - timedelta(days=day) for day in range((node_history_days or history_days) - 1, -1, -1)]

    frames = {
        "run_series": {
            "store_id": store_column,
            "item_id": np.tile(item_ids, len(stores)),
            "department_id": np.tile(departments, len(stores)),
            "category_id": np.array([name[:-2] for name in np.tile(departments, len(stores))]),
            "region_id": np.array([name[:2] for name in store_column]),
            "price": generator.uniform(0.5, 20.0, series).round(2),
            "units_last_28": generator.gamma(1.0, 30.0, series).round(),
            "demand_class": np.array(DEMAND_CLASSES)[generator.integers(0, len(DEMAND_CLASSES), series)],
            "launch_date": np.full(series, origin - timedelta(days=900)),
        },
        "forecasts": {
            "store_id": np.repeat(store_column, horizon_days),
            "item_id": np.repeat(np.tile(item_ids, len(stores)), horizon_days),
            "target_date": np.tile(np.array(horizon, dtype="datetime64[D]"), series),
            **_values(generator, series * horizon_days),
        },
        "sales_history": {
            "store_id": np.repeat(store_column, history_days),
            "item_id": np.repeat(np.tile(item_ids, len(stores)), history_days),
            "date": np.tile(np.array(past, dtype="datetime64[D]"), series),
            "units": generator.poisson(1.2, series * history_days).astype(float),
            "price": np.full(series * history_days, 2.5),
        },
    }
    places = [
        {"region_id": store[:2], "store_id": store, "category_id": department[:-2], "department_id": department}
        for store in stores
        for department in sorted(set(departments.tolist()))
    ]
    nodes: dict[str, dict[str, object]] = {}
    for level in (LEVELS[number - 1] for number in levels):
        for place in places:
            known = {key: value for key, value in place.items() if _above(key) & set(level.keys)}
            node_id = ":".join(filter(None, (level.name, "|".join(place[key] for key in level.keys))))
            nodes[node_id] = {"node_id": node_id, "level": level.number, "level_name": level.name, **known}
    tables = {name: pa.table(columns).cast(ARROW_SCHEMAS[name]) for name, columns in frames.items()}
    tables["run_nodes"] = pa.Table.from_pylist(list(nodes.values()), schema=ARROW_SCHEMAS["run_nodes"])
    node_ids = list(nodes)
    tables["node_forecasts"] = pa.table(
        {
            "node_id": np.repeat(node_ids, horizon_days),
            "target_date": np.tile(np.array(horizon, dtype="datetime64[D]"), len(nodes)),
            **_values(generator, len(nodes) * horizon_days),
        }
    ).cast(ARROW_SCHEMAS["node_forecasts"])
    tables["node_history"] = pa.table(
        {
            "node_id": np.repeat(node_ids, len(node_past)),
            "date": np.tile(np.array(node_past, dtype="datetime64[D]"), len(nodes)),
            "units": generator.poisson(50.0, len(nodes) * len(node_past)).astype(float),
        }
    ).cast(ARROW_SCHEMAS["node_history"])
    periods = [(horizon[day], horizon[min(day + 6, horizon_days - 1)]) for day in range(0, horizon_days, 7)]
    tables["node_period_forecasts"] = pa.table(
        {
            "node_id": np.repeat(node_ids, len(periods)),
            "first_date": [first for first, _ in periods] * len(nodes),
            "last_date": [last for _, last in periods] * len(nodes),
            **_values(generator, len(nodes) * len(periods)),
        }
    ).cast(ARROW_SCHEMAS["node_period_forecasts"])
    tables["inventory_policy"] = pa.table(
        {
            "store_id": store_column,
            "item_id": np.tile(item_ids, len(stores)),
            **policy_columns(tables["run_series"]["units_last_28"].to_numpy() / 28),
        }
    ).cast(ARROW_SCHEMAS["inventory_policy"])
    fold = origin - timedelta(days=28)
    tables["backtest_series"] = pa.table(
        {
            "store_id": store_column,
            "item_id": np.tile(item_ids, len(stores)),
            "fold": [fold] * series,
            "model": ["synthetic"] * series,
            **_errors(generator, series),
            "rmsse": generator.uniform(0.3, 2.0, series),
        }
    ).select(ARROW_SCHEMAS["backtest_series"].names)
    tables["backtest_nodes"] = pa.table(
        {
            "node_id": node_ids * 2,
            "fold": [fold] * 2 * len(nodes),
            "model": ["synthetic"] * len(nodes) + ["seasonal_naive"] * len(nodes),
            "rmsse": generator.uniform(0.3, 2.0, 2 * len(nodes)),
            **_errors(generator, 2 * len(nodes)),
        }
    ).cast(ARROW_SCHEMAS["backtest_nodes"])
    tables["backtest_leads"] = pa.table(
        {
            "fold": [fold] * 12 * horizon_days,
            "model": ["synthetic"] * 12 * horizon_days,
            "level": np.repeat(np.arange(1, 13, dtype=np.int32), horizon_days),
            "lead_days": np.tile(np.arange(1, horizon_days + 1, dtype=np.int32), 12),
            **_errors(generator, 12 * horizon_days),
        }
    ).cast(ARROW_SCHEMAS["backtest_leads"])
    tables["run_metrics"] = pa.table(
        {
            "fold": [fold] * 26,
            "model": ["synthetic"] * 13 + ["seasonal_naive"] * 13,
            "level": [*range(13), *range(13)],
            "metric": ["wrmsse"] * 26,
            "value": generator.uniform(0.4, 1.2, 26),
        }
    ).cast(ARROW_SCHEMAS["run_metrics"])
    days = past + horizon
    tables["calendar_days"] = pa.table(
        {
            "date": days,
            "weekday_name": [day.strftime("%A") for day in days],
            "event_name": [None] * len(days),
        },
        schema=ARROW_SCHEMAS["calendar_days"],
    )
    regions = sorted({store[:2] for store in stores})
    tables["calendar_region_flags"] = pa.table(
        {
            "date": [day for day in days for _ in regions],
            "region_id": regions * len(days),
            "regional_flag": [int(day.day <= 10) for day in days for _ in regions],
        },
        schema=ARROW_SCHEMAS["calendar_region_flags"],
    )
    tables |= _scenarios(generator, tables["run_series"])
    return record, RunFrames(**{name: tables.get(name, empty(name)) for name in ARROW_SCHEMAS})


def _scenarios(generator: np.random.Generator, run_series: pa.Table) -> dict[str, pa.Table]:
    """Features, elasticities and responses of every series, and an event in every store and department."""
    count = run_series.num_rows
    keys = {name: run_series.column(name) for name in ("store_id", "item_id")}
    elasticity = generator.normal(-1.0, 0.4, count)
    bounds = {"elasticity": elasticity, "elasticity_low": elasticity - 0.5, "elasticity_high": elasticity + 0.5}
    departments = pc.unique(run_series.column("department_id")).sort()
    some = np.ones(len(departments))
    nodes = run_series.select(["store_id", "department_id"]).group_by(["store_id", "department_id"]).aggregate([])
    rows = {
        "department_elasticities": {
            "department_id": departments,
            **{"elasticity": -some, "elasticity_error": 0.1 * some, "elasticity_low": -1.2 * some},
            **{"elasticity_high": -0.8 * some, "item_spread": 0.4 * some},
            **{name: some.astype(int) for name in ("items", "own_estimates", "price_changes", "weeks")},
        },
        "scenario_series": {
            **keys,
            "price": run_series.column("price"),
            "lowest_ratio": generator.uniform(0.6, 1.0, count),
            "highest_ratio": generator.uniform(1.0, 1.4, count),
            "range_from": ["item"] * count,
            "price_changes": generator.integers(0, 9, count),
            "own_estimate": generator.integers(0, 2, count),
            **bounds,
            **{name: generator.uniform(0.7, 1.5, count) for name in RESPONSE_COLUMNS},
        },
        "scenario_flags": {
            **keys,
            "regressor": ["promotion"] * count,
            "ratio": generator.uniform(1.0, 2.0, count),
            "planned": ["0"] * count,
        },
        "scenario_events": {
            **{name: nodes.column(name) for name in ("store_id", "department_id")},
            "event_name": ["Christmas"] * nodes.num_rows,
            "offset_days": np.zeros(nodes.num_rows, dtype=int),
            "ratio": generator.uniform(0.2, 1.5, nodes.num_rows),
            "days_seen": np.full(nodes.num_rows, 5),
        },
    }
    rows["run_features"] = {
        "part": ["items", "regression"],
        "feature": ["price_ratio", "weekday_1"],
        "family": ["price", "weekday"],
        "importance": [0.2, 3.5],
    }
    return {
        name: pa.table(columns).select(ARROW_SCHEMAS[name].names).cast(ARROW_SCHEMAS[name])
        for name, columns in rows.items()
    }


def policy_columns(daily: np.ndarray) -> dict[str, np.ndarray]:
    """A made-up policy of series that sell `daily` units a day: reviewed every week, three days of lead time."""
    lead, review = 3, 7
    expected = daily * (lead + review)
    level = np.ceil(expected + 1.64 * np.sqrt(2 * expected))
    return {
        "lead_time_days": np.full(len(daily), lead),
        "review_period_days": np.full(len(daily), review),
        "service_level": np.full(len(daily), 0.95),
        "holding_cost": np.full(len(daily), 0.25),
        "shortage_cost": np.full(len(daily), 0.3),
        "expected_demand": expected,
        "safety_stock": level - expected,
        "reorder_point": np.floor(level * 0.4).astype(int),
        "order_up_to": level.astype(int),
        "expected_short": expected * 0.01,
        "days_of_cover": np.where(daily > 0, level / np.where(daily > 0, daily, 1.0), 0.0),
        "mean_stock": np.clip(level - daily * (lead + review / 2), 0.0, None),
    }


def _above(key: str) -> set[str]:
    """Keys of a level that say what this one is: a store says its region."""
    return {key, *({"region_id": ["store_id"], "category_id": ["department_id"]}.get(key, []))}


def _errors(generator: np.random.Generator, size: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    actual, forecast = generator.uniform(0.0, 300.0, (2, size))
    return {
        "actual_units": actual,
        "forecast_units": forecast,
        "absolute_error_units": np.abs(forecast - actual) + generator.uniform(0.0, 50.0, size),
    }


def _values(generator: np.random.Generator, size: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    mean = generator.uniform(0.0, 10.0, size)
    return {
        "mean": mean,
        **{name: mean * factor for name, factor in zip(QUANTILE_COLUMNS, _SPREAD, strict=True)},
    }
