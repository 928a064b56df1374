"""Tables of the prediction store, the same on SQLite and on SQL Server (Azure SQL).

Every run is written once under its `run_id` and never changed: a reader that knows the run knows the answer.
`active_runs` holds the one pointer a store has, so what is served changes by moving pointers alone.

Text that is compared (keys) equals itself alone on either database (`text.ExactKey`): `a`, `A` and `a ` are three.
Times are UTC without a zone. Quantile columns come from the settings.

Declarative, one table after another, so longer than other modules may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    DATE,
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Unicode,
    UnicodeText,
)
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeEngine

from models_ml.prediction_store.bounds import MAX_PERCENT, MAX_UNITS, MIN_PERCENT
from models_ml.prediction_store.grid import RESPONSE_COLUMNS
from models_ml.prediction_store.text import ExactKey
from models_ml.settings import QUANTILE_COLUMNS

MAX_LEVEL = 12
MAX_NODE_LEVEL = 9

STATUSES = ("running", "published", "failed")
ROLES = ("champion", "challenger")
DEMAND_CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new")
LEVEL_NAMES = (
    "total",
    "region",
    "store",
    "category",
    "department",
    "region_category",
    "region_department",
    "store_category",
    "store_department",
)
ACTIONS = ("publish", "promote", "rollback")
SEVERITIES = ("error", "warning")
OVERRIDE_KINDS = ("percent", "absolute")
RANGE_FROM = ("item", "department")
DECISIONS = ("accepted", "changed", "rejected")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(length: int) -> TypeEngine[str]:
    return Unicode(length).with_variant(ExactKey(length), "mssql")


RUN_ID = _key(40)
NAME = _key(64)
ITEM_ID = _key(128)
NODE_ID = _key(200)
REAL = Float(53)
LONG_TEXT = UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
TIMESTAMP = DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]


def _one_of(column: str, values: Sequence[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def _quantile_columns() -> list[Column[Any]]:
    return [Column(name, REAL, nullable=True) for name in QUANTILE_COLUMNS]


def _forecast_checks() -> list[CheckConstraint]:
    """Mean within bounds; quantiles all or none, from 0 upwards in order. NaN arrives as NULL."""
    bound = f"{MAX_UNITS:.0f}"
    none = " and ".join(f"{name} is null" for name in QUANTILE_COLUMNS)
    every = " and ".join(f"{name} is not null" for name in QUANTILE_COLUMNS)
    ladder = ["0", *QUANTILE_COLUMNS, bound]
    order = " and ".join(f"{low} <= {high}" for low, high in pairwise(ladder))
    return [
        CheckConstraint(f"mean >= 0 and mean <= {bound}", name="mean"),
        CheckConstraint(f"({none}) or ({every} and {order})", name="quantiles"),
    ]


model_runs = Table(
    "model_runs",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("model", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    Column("origin", DATE, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("status", NAME, nullable=False),
    Column("role", NAME, nullable=False),
    Column("reason", LONG_TEXT, nullable=True),
    Column("created_at", TIMESTAMP, nullable=False),
    Column("published_at", TIMESTAMP, nullable=True),
    Column("git_commit", Unicode(64), nullable=False),
    Column("data_fingerprint", Unicode(128), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("mlflow_run_id", Unicode(64), nullable=True),
    Column("series_count", Integer, nullable=False),
    Column("forecast_rows", Integer, nullable=False),
    Column("node_rows", Integer, nullable=False),
    Column("checksum", Unicode(64), nullable=True),
    Column("step_days", SmallInteger, nullable=False, server_default="1"),
    _one_of("status", STATUSES),
    _one_of("role", ROLES),
    CheckConstraint("horizon_days > 0", name="horizon_days"),
    CheckConstraint("status <> 'published' or (published_at is not null and checksum is not null)", name="published"),
    CheckConstraint("status <> 'failed' or reason is not null", name="failed"),
    Index("ix_model_runs_status_origin", "status", "origin"),
)

run_series = Table(
    "run_series",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("department_id", NAME, nullable=False),
    Column("category_id", NAME, nullable=False),
    Column("region_id", NAME, nullable=False),
    Column("price", REAL, nullable=True),
    Column("units_last_28", REAL, nullable=False),
    Column("demand_class", NAME, nullable=False),
    Column("launch_date", DATE, nullable=True),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint("price >= 0", name="price"),
    CheckConstraint("units_last_28 >= 0", name="units_last_28"),
    _one_of("demand_class", DEMAND_CLASSES),
    Index("ix_run_series_department", "run_id", "department_id", "store_id", "item_id"),
    Index("ix_run_series_item", "run_id", "item_id", "store_id"),
    Index("ix_run_series_volume", "run_id", "units_last_28", "store_id", "item_id"),
    sqlite_with_rowid=False,
)

run_nodes = Table(
    "run_nodes",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("level_name", NAME, nullable=False),
    Column("region_id", NAME, nullable=True),
    Column("store_id", NAME, nullable=True),
    Column("category_id", NAME, nullable=True),
    Column("department_id", NAME, nullable=True),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint(f"level between 1 and {MAX_NODE_LEVEL}", name="level"),
    _one_of("level_name", LEVEL_NAMES),
    Index("ix_run_nodes_level", "run_id", "level", "node_id"),
    sqlite_with_rowid=False,
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("target_date", DATE, primary_key=True),
    Column("mean", REAL, nullable=False),
    *_quantile_columns(),
    ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
    ),
    *_forecast_checks(),
    sqlite_with_rowid=False,
)

node_forecasts = Table(
    "node_forecasts",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("target_date", DATE, primary_key=True),
    Column("mean", REAL, nullable=False),
    *_quantile_columns(),
    ForeignKeyConstraint(["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"]),
    *_forecast_checks(),
    sqlite_with_rowid=False,
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("fold", DATE, primary_key=True),
    Column("model", NAME, primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("metric", NAME, primary_key=True),
    Column("value", REAL, nullable=False),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint(f"level between 0 and {MAX_LEVEL}", name="level"),
    sqlite_with_rowid=False,
)


inventory_policy = Table(
    "inventory_policy",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("lead_time_days", SmallInteger, nullable=False),
    Column("review_period_days", SmallInteger, nullable=False),
    Column("service_level", REAL, nullable=False),
    Column("holding_cost", REAL, nullable=False),
    Column("shortage_cost", REAL, nullable=False),
    Column("expected_demand", REAL, nullable=False),
    Column("safety_stock", REAL, nullable=False),
    Column("reorder_point", Integer, nullable=False),
    Column("order_up_to", Integer, nullable=False),
    Column("expected_short", REAL, nullable=False),
    Column("days_of_cover", REAL, nullable=False),
    Column("mean_stock", REAL, nullable=False),
    ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
    ),
    CheckConstraint("lead_time_days >= 0 and review_period_days >= 1", name="interval"),
    CheckConstraint("service_level > 0 and service_level < 1", name="service_level"),
    CheckConstraint("holding_cost >= 0 and shortage_cost >= 0", name="costs"),
    CheckConstraint(
        f"reorder_point >= 0 and order_up_to >= reorder_point and order_up_to <= {MAX_UNITS:.0f}", name="levels"
    ),
    # Negative where the level asked for is below the mean, as for an item that sells less than a unit an interval.
    CheckConstraint("abs(order_up_to - expected_demand - safety_stock) <= 0.001", name="safety_stock"),
    CheckConstraint(
        "expected_demand >= 0 and expected_short >= 0 and expected_short <= expected_demand * 1.001 + 0.001",
        name="demand",
    ),
    CheckConstraint("days_of_cover >= 0 and mean_stock >= 0 and mean_stock <= order_up_to", name="stock"),
    sqlite_with_rowid=False,
)


# Errors of the backtest folds as sums of units, so that any group of rows has its own WAPE and bias.
def _error_columns() -> list[Column[Any]]:
    return [Column(name, REAL, nullable=False) for name in ("actual_units", "forecast_units", "absolute_error_units")]


def _error_checks() -> list[CheckConstraint]:
    sums = "actual_units >= 0 and forecast_units >= 0 and absolute_error_units >= 0"
    # The errors of days add up to at least the error of their sum; a little less by rounding.
    apart = "abs(forecast_units - actual_units) <= absolute_error_units * 1.001 + 0.001"
    return [CheckConstraint(f"{sums} and {apart}", name="units")]


backtest_series = Table(
    "backtest_series",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("fold", DATE, primary_key=True),
    Column("model", NAME, primary_key=True),
    Column("rmsse", REAL, nullable=True),
    *_error_columns(),
    ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
    ),
    CheckConstraint("rmsse >= 0", name="rmsse"),
    *_error_checks(),
    Index("ix_backtest_series_rmsse", "run_id", "fold", "model", "rmsse"),
    sqlite_with_rowid=False,
)

backtest_nodes = Table(
    "backtest_nodes",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("fold", DATE, primary_key=True),
    Column("model", NAME, primary_key=True),
    Column("rmsse", REAL, nullable=True),
    *_error_columns(),
    ForeignKeyConstraint(["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"]),
    CheckConstraint("rmsse >= 0", name="rmsse"),
    *_error_checks(),
    sqlite_with_rowid=False,
)

backtest_leads = Table(
    "backtest_leads",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("fold", DATE, primary_key=True),
    Column("model", NAME, primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("lead_days", SmallInteger, primary_key=True, autoincrement=False),
    *_error_columns(),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint(f"level between 1 and {MAX_LEVEL}", name="level"),
    CheckConstraint("lead_days > 0", name="lead_days"),
    *_error_checks(),
    sqlite_with_rowid=False,
)

# Sums over several days have quantiles of their own: errors of neighbouring days go together.
node_period_forecasts = Table(
    "node_period_forecasts",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("first_date", DATE, primary_key=True),
    Column("last_date", DATE, primary_key=True),
    Column("mean", REAL, nullable=False),
    *_quantile_columns(),
    ForeignKeyConstraint(["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"]),
    CheckConstraint("first_date <= last_date", name="period"),
    *_forecast_checks(),
    sqlite_with_rowid=False,
)

sales_history = Table(
    "sales_history",
    metadata,
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("date", DATE, primary_key=True),
    Column("units", REAL, nullable=False),
    Column("price", REAL, nullable=True),
    CheckConstraint(f"units >= 0 and units <= {MAX_UNITS:.0f}", name="units"),
    CheckConstraint("price >= 0", name="price"),
    sqlite_with_rowid=False,
)

# What is there already need not be sent again.
sales_history_days = Table(
    "sales_history_days",
    metadata,
    Column("store_id", NAME, primary_key=True),
    Column("date", DATE, primary_key=True),
    Column("checksum", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Sales on their way to a server: a row holds `steps` days (or weeks) of a series at one price, from `first_date` on;
# `units` are their figures, each `width` characters wide.
STEPS = 28
_WIDEST_FIGURE = 24

staged_sales_history = Table(
    "staged_sales_history",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("first_date", DATE, primary_key=True),
    Column("price", REAL, nullable=True),
    Column("steps", SmallInteger, nullable=False),
    Column("width", SmallInteger, nullable=False),
    Column("units", Unicode(STEPS * _WIDEST_FIGURE), nullable=False),
    ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
    ),
    CheckConstraint(f"steps between 1 and {STEPS} and width between 1 and {_WIDEST_FIGURE}", name="units"),
    sqlite_with_rowid=False,
)

node_history = Table(
    "node_history",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("date", DATE, primary_key=True),
    Column("units", REAL, nullable=False),
    ForeignKeyConstraint(["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"]),
    CheckConstraint("units >= 0", name="units"),
    sqlite_with_rowid=False,
)

# Written after its run is published: a run without explanations is whole.
node_contributions = Table(
    "node_contributions",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("target_date", DATE, primary_key=True),
    Column("family", NAME, primary_key=True),
    Column("units", REAL, nullable=False),
    ForeignKeyConstraint(["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"]),
    CheckConstraint(f"abs(units) <= {MAX_UNITS:.0f}", name="units"),
    sqlite_with_rowid=False,
)

# What the fitted model reads. Importance: of the nodes' parts, mean units a day (either way) that the feature moves a
# store's department by; of the items' part, its share of what splits of trees gained.
run_features = Table(
    "run_features",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("part", NAME, primary_key=True),
    Column("feature", ITEM_ID, primary_key=True),
    Column("family", NAME, nullable=False),
    Column("importance", REAL, nullable=False),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint("importance >= 0", name="importance"),
    sqlite_with_rowid=False,
)

department_elasticities = Table(
    "department_elasticities",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("department_id", NAME, primary_key=True),
    Column("elasticity", REAL, nullable=True),
    Column("elasticity_error", REAL, nullable=True),
    Column("elasticity_low", REAL, nullable=True),
    Column("elasticity_high", REAL, nullable=True),
    Column("item_spread", REAL, nullable=True),
    Column("items", Integer, nullable=False),
    Column("own_estimates", Integer, nullable=False),
    Column("price_changes", Integer, nullable=False),
    Column("weeks", Integer, nullable=False),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint("elasticity_low <= elasticity and elasticity <= elasticity_high", name="elasticity"),
    sqlite_with_rowid=False,
)

# What a price, relative to the planned one, makes of a series' units: by its elasticity, and at steps by the model.
scenario_series = Table(
    "scenario_series",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("price", REAL, nullable=False),
    Column("lowest_ratio", REAL, nullable=False),
    Column("highest_ratio", REAL, nullable=False),
    Column("range_from", NAME, nullable=False),
    Column("price_changes", Integer, nullable=False),
    Column("own_estimate", SmallInteger, nullable=False),
    Column("elasticity", REAL, nullable=True),
    Column("elasticity_low", REAL, nullable=True),
    Column("elasticity_high", REAL, nullable=True),
    *(Column(name, REAL, nullable=True) for name in RESPONSE_COLUMNS),
    ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
    ),
    CheckConstraint("price > 0", name="price"),
    CheckConstraint("lowest_ratio > 0 and lowest_ratio <= 1 and highest_ratio >= 1", name="ratios"),
    _one_of("range_from", RANGE_FROM),
    CheckConstraint("own_estimate in (0, 1)", name="own_estimate"),
    CheckConstraint("elasticity_low <= elasticity and elasticity <= elasticity_high", name="elasticity"),
    sqlite_with_rowid=False,
)

# A declared 0/1 column known in advance: units with it over units without; `planned` has 0 or 1 for each target step.
scenario_flags = Table(
    "scenario_flags",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("regressor", NAME, primary_key=True),
    Column("ratio", REAL, nullable=False),
    Column("planned", Unicode(400), nullable=False),
    ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
    ),
    CheckConstraint("ratio >= 0", name="ratio"),
    sqlite_with_rowid=False,
)

scenario_events = Table(
    "scenario_events",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("store_id", NAME, primary_key=True),
    Column("department_id", NAME, primary_key=True),
    Column("event_name", ITEM_ID, primary_key=True),
    Column("offset_days", SmallInteger, primary_key=True, autoincrement=False),
    Column("ratio", REAL, nullable=False),
    Column("days_seen", Integer, nullable=False),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    CheckConstraint("ratio >= 0", name="ratio"),
    sqlite_with_rowid=False,
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("date", DATE, primary_key=True),
    Column("weekday_name", NAME, nullable=False),
    Column("event_name", Unicode(128), nullable=True),
)

calendar_region_flags = Table(
    "calendar_region_flags",
    metadata,
    Column("date", DATE, primary_key=True),
    Column("region_id", NAME, primary_key=True),
    Column("regional_flag", SmallInteger, nullable=False),
    ForeignKeyConstraint(["date"], ["calendar_days.date"]),
    CheckConstraint("regional_flag in (0, 1)", name="regional_flag"),
)

active_runs = Table(
    "active_runs",
    metadata,
    Column("store_id", NAME, primary_key=True),
    Column("run_id", RUN_ID, nullable=False),
    Column("activated_at", TIMESTAMP, nullable=False),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    Index("ix_active_runs_run_id", "run_id"),
)

# No foreign key: the log outlives the runs that retention prunes.
activations = Table(
    "activations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("store_id", NAME, nullable=False),
    Column("run_id", RUN_ID, nullable=False),
    Column("previous_run_id", RUN_ID, nullable=True),
    Column("activated_at", TIMESTAMP, nullable=False),
    Column("action", NAME, nullable=False),
    Column("reason", LONG_TEXT, nullable=True),
    Column("author", Unicode(200), nullable=True),
    _one_of("action", ACTIONS),
    Index("ix_activations_store_id_id", "store_id", "id"),
)

# What other systems are told of: written in the transaction that moves the pointers, sent afterwards until received.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("event_id", NAME, primary_key=True),
    Column("action", NAME, nullable=False),
    Column("run_id", RUN_ID, nullable=False),
    Column("stores", JSON, nullable=False),
    Column("created_at", TIMESTAMP, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", TIMESTAMP, nullable=True),
    Column("last_error", Unicode(1000), nullable=True),
    _one_of("action", ACTIONS),
    CheckConstraint("attempts >= 0", name="attempts"),
)

# Who is writing a run at the moment: the fence that keeps two publishers out of one run.
publish_claims = Table(
    "publish_claims",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("token", NAME, nullable=False),
    Column("host", Unicode(255), nullable=False),
    Column("process_id", Integer, nullable=False),
    Column("process_started", Unicode(64), nullable=False),
    Column("claimed_at", TIMESTAMP, nullable=False),
    Column("heartbeat_at", TIMESTAMP, nullable=False),
    Column("batches", Integer, nullable=False),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
)

# No foreign key: checks are recorded before a run exists, and for runs that were never published.
quality_results = Table(
    "quality_results",
    metadata,
    Column("check_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", RUN_ID, nullable=True),
    Column("suite", Unicode(128), nullable=False),
    Column("dataset", Unicode(128), nullable=False),
    Column("expectation", Unicode(255), nullable=False),
    Column("severity", NAME, nullable=False),
    Column("success", SmallInteger, nullable=False),
    Column("observed", LONG_TEXT, nullable=True),
    Column("checked_at", TIMESTAMP, nullable=False),
    _one_of("severity", SEVERITIES),
    CheckConstraint("success in (0, 1)", name="success"),
    Index("ix_quality_results_run_id", "run_id"),
    Index("ix_quality_results_checked_at", "checked_at"),
)

# No foreign key: what was measured of a run outlives it.
OVERRIDE_METRICS = (
    "override_model_error",
    "override_final_error",
    "override_series_model_error",
    "override_series_final_error",
)
"""Of `monitor_results`: absolute errors of an override (subject `override:<id>`) on a day, in units; sums add up."""

monitor_results = Table(
    "monitor_results",
    metadata,
    Column("result_id", Integer, primary_key=True, autoincrement=True),
    Column("metric", NAME, nullable=False),
    Column("subject", NODE_ID, nullable=False),
    Column("period_end", DATE, nullable=False),
    Column("run_id", RUN_ID, nullable=True),
    Column("value", REAL, nullable=False),
    Column("low", REAL, nullable=True),
    Column("high", REAL, nullable=True),
    Column("bad", SmallInteger, nullable=False),
    Column("measured_at", TIMESTAMP, nullable=False),
    CheckConstraint("bad in (0, 1)", name="bad"),
    Index("ix_monitor_results_metric_subject_period_end", "metric", "subject", "period_end"),
    Index("ix_monitor_results_period_end", "period_end"),
)

monitor_alarms = Table(
    "monitor_alarms",
    metadata,
    Column("alarm_id", Integer, primary_key=True, autoincrement=True),
    Column("metric", NAME, nullable=False),
    Column("subject", NODE_ID, nullable=False),
    Column("bad_weeks", SmallInteger, nullable=False),
    Column("weeks", SmallInteger, nullable=False),
    Column("last_week", DATE, nullable=False),
    Column("message", LONG_TEXT, nullable=False),
    Column("raised_at", TIMESTAMP, nullable=False),
    Column("cleared_at", TIMESTAMP, nullable=True),
    CheckConstraint("bad_weeks between 1 and weeks", name="weeks"),
    Index("ix_monitor_alarms_cleared_at", "cleared_at"),
)

# What planners change of forecasts. Rows are never deleted: a revoked override stays, with who revoked it and why.
overrides = Table(
    "overrides",
    metadata,
    Column("override_id", Integer, primary_key=True, autoincrement=True),
    Column("creation_key", NAME, nullable=False),
    Column("node_id", NODE_ID, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("value", REAL, nullable=False),
    Column("valid_from", DATE, nullable=False),
    Column("valid_to", DATE, nullable=False),
    Column("reason", Unicode(1000), nullable=False),
    Column("author", Unicode(200), nullable=False),
    Column("created_at", TIMESTAMP, nullable=False),
    Column("revoked_at", TIMESTAMP, nullable=True),
    Column("revoked_by", Unicode(200), nullable=True),
    Column("revoked_reason", Unicode(1000), nullable=True),
    _one_of("kind", OVERRIDE_KINDS),
    CheckConstraint(f"level between 1 and {MAX_LEVEL}", name="level"),
    CheckConstraint(
        f"(kind = 'percent' and value between {MIN_PERCENT} and {MAX_PERCENT}) "
        f"or (kind = 'absolute' and value between 0 and {MAX_UNITS:.0f})",
        name="value",
    ),
    CheckConstraint("valid_from <= valid_to", name="validity"),
    CheckConstraint(
        "(revoked_at is null and revoked_by is null and revoked_reason is null) "
        "or (revoked_at is not null and revoked_by is not null and revoked_reason is not null)",
        name="revoked",
    ),
    Index("ix_overrides_creation_key", "creation_key", unique=True),
    Index("ix_overrides_node_id", "node_id"),
)

# What an override does to each series below its node on a day: multiplied, or, where all were zero, set.
# Rows of a run that is served no more stay as they were when it was served last: what it came to is measured later.
override_effects = Table(
    "override_effects",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("override_id", Integer, primary_key=True, autoincrement=False),
    Column("target_date", DATE, primary_key=True),
    Column("factor", REAL, nullable=True),
    Column("units_each", REAL, nullable=True),
    ForeignKeyConstraint(["run_id"], ["model_runs.run_id"]),
    ForeignKeyConstraint(["override_id"], ["overrides.override_id"]),
    CheckConstraint(
        "(factor >= 0 and units_each is null) or (factor is null and units_each >= 0)",
        name="effect",
    ),
    sqlite_with_rowid=False,
)

# What all overrides together add to a node of levels 1 to 9 (below zero: take from it).
override_node_units = Table(
    "override_node_units",
    metadata,
    Column("run_id", RUN_ID, primary_key=True),
    Column("node_id", NODE_ID, primary_key=True),
    Column("target_date", DATE, primary_key=True),
    Column("added_units", REAL, nullable=False),
    ForeignKeyConstraint(["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"]),
    sqlite_with_rowid=False,
)

# What is there and under way: planners' data of today, replaced item by item, so no run owns it.
stock = Table(
    "stock",
    metadata,
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("as_of_date", DATE, nullable=False),
    Column("on_hand", REAL, nullable=False),
    Column("author", Unicode(200), nullable=False),
    Column("stored_at", TIMESTAMP, nullable=False),
    CheckConstraint(f"on_hand between 0 and {MAX_UNITS:.0f}", name="on_hand"),
    sqlite_with_rowid=False,
)

stock_arrivals = Table(
    "stock_arrivals",
    metadata,
    Column("store_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("arrival_date", DATE, primary_key=True),
    Column("units", REAL, nullable=False),
    ForeignKeyConstraint(["store_id", "item_id"], ["stock.store_id", "stock.item_id"]),
    CheckConstraint(f"units > 0 and units <= {MAX_UNITS:.0f}", name="units"),
    sqlite_with_rowid=False,
)

# How goods are supplied. An empty key matches every value; of a term, the row with the most specific keys decides.
# Weekdays are bits: 1 is Monday, 64 Sunday.
supply = Table(
    "supply",
    metadata,
    Column("store_id", NAME, primary_key=True),
    Column("department_id", NAME, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("supplier_id", NAME, nullable=True),
    Column("lead_time_days", SmallInteger, nullable=True),
    Column("order_weekdays", SmallInteger, nullable=True),
    Column("delivery_weekdays", SmallInteger, nullable=True),
    Column("pack_size", Integer, nullable=True),
    Column("minimum_order", Integer, nullable=True),
    Column("shelf_life_days", SmallInteger, nullable=True),
    Column("author", Unicode(200), nullable=False),
    Column("stored_at", TIMESTAMP, nullable=False),
    CheckConstraint("lead_time_days >= 0", name="lead_time_days"),
    CheckConstraint("order_weekdays between 1 and 127", name="order_weekdays"),
    CheckConstraint("delivery_weekdays between 1 and 127", name="delivery_weekdays"),
    CheckConstraint("pack_size >= 1", name="pack_size"),
    CheckConstraint("minimum_order >= 0", name="minimum_order"),
    CheckConstraint("shelf_life_days >= 1", name="shelf_life_days"),
    sqlite_with_rowid=False,
)

# What became of order proposals. Rows are only added; of an item and an order date the last one counts.
# No foreign key to the run: a decision outlives it.
order_decisions = Table(
    "order_decisions",
    metadata,
    Column("decision_id", Integer, primary_key=True, autoincrement=True),
    Column("creation_key", NAME, nullable=False),
    Column("run_id", RUN_ID, nullable=False),
    Column("store_id", NAME, nullable=False),
    Column("item_id", ITEM_ID, nullable=False),
    Column("supplier_id", NAME, nullable=True),
    Column("decision", NAME, nullable=False),
    Column("proposed_units", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("price", REAL, nullable=True),
    Column("order_date", DATE, nullable=False),
    Column("delivery_date", DATE, nullable=False),
    Column("author", Unicode(200), nullable=False),
    Column("decided_at", TIMESTAMP, nullable=False),
    _one_of("decision", DECISIONS),
    CheckConstraint(
        f"proposed_units >= 0 and units between 0 and {MAX_UNITS:.0f} "
        "and (decision <> 'rejected' or units = 0) and (decision <> 'accepted' or units = proposed_units)",
        name="units",
    ),
    CheckConstraint("order_date <= delivery_date", name="dates"),
    Index("ix_order_decisions_creation_key", "creation_key", unique=True),
    Index("ix_order_decisions_store_id", "store_id", "item_id", "order_date"),
)
