"""Runs, forecasts, metrics, history, pointers and checks: the store as first released.

A revision is frozen: it spells its types and checks itself, so that a later change of the schema module cannot
change what an earlier release made.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
ITEM_ID = sa.Unicode(128).with_variant(mssql.NVARCHAR(128, collation=BINARY), "mssql")
NODE_ID = sa.Unicode(200).with_variant(mssql.NVARCHAR(200, collation=BINARY), "mssql")
LONG_TEXT = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
REAL = sa.Float(53)
TIMESTAMP = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]

QUANTILES = (
    "q_0_005",
    "q_0_025",
    "q_0_165",
    "q_0_25",
    "q_0_5",
    "q_0_75",
    "q_0_835",
    "q_0_975",
    "q_0_995",
)
_NONE = " and ".join(f"{name} is null" for name in QUANTILES)
_EVERY = " and ".join(f"{name} is not null" for name in QUANTILES)
_ORDER = " and ".join(f"{low} <= {high}" for low, high in pairwise(("0", *QUANTILES, "1000000000")))
QUANTILES_IN_ORDER = f"({_NONE}) or ({_EVERY} and {_ORDER})"

TABLES = (
    "activations",
    "calendar_days",
    "model_runs",
    "quality_results",
    "sales_history",
    "active_runs",
    "calendar_region_flags",
    "publish_claims",
    "run_metrics",
    "run_nodes",
    "run_series",
    "forecasts",
    "node_forecasts",
    "node_history",
    "staged_sales_history",
)
"""Parents before children."""


def quantile_columns() -> list[sa.Column[Any]]:
    """The nine quantiles of a forecast table."""
    return [sa.Column(name, REAL, nullable=True) for name in QUANTILES]


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "activations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("previous_run_id", RUN_ID, nullable=True),
        sa.Column("activated_at", TIMESTAMP, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("reason", LONG_TEXT, nullable=True),
        sa.CheckConstraint("action in ('publish', 'promote', 'rollback')", name=op.f("ck_activations_action")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activations")),
    )
    op.create_index("ix_activations_store_id_id", "activations", ["store_id", "id"], unique=False)
    op.create_table(
        "calendar_days",
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("weekday_name", NAME, nullable=False),
        sa.Column("event_name", sa.Unicode(length=128), nullable=True),
        sa.PrimaryKeyConstraint("date", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "model_runs",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("version", NAME, nullable=False),
        sa.Column("origin", sa.DATE(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("role", NAME, nullable=False),
        sa.Column("reason", LONG_TEXT, nullable=True),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("published_at", TIMESTAMP, nullable=True),
        sa.Column("git_commit", sa.Unicode(length=64), nullable=False),
        sa.Column("data_fingerprint", sa.Unicode(length=128), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("mlflow_run_id", sa.Unicode(length=64), nullable=True),
        sa.Column("series_count", sa.Integer(), nullable=False),
        sa.Column("forecast_rows", sa.Integer(), nullable=False),
        sa.Column("node_rows", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.Unicode(length=64), nullable=True),
        sa.CheckConstraint("role in ('champion', 'challenger')", name=op.f("ck_model_runs_role")),
        sa.CheckConstraint("status <> 'failed' or reason is not null", name=op.f("ck_model_runs_failed")),
        sa.CheckConstraint(
            "status <> 'published' or (published_at is not null and checksum is not null)",
            name=op.f("ck_model_runs_published"),
        ),
        sa.CheckConstraint("status in ('running', 'published', 'failed')", name=op.f("ck_model_runs_status")),
        sa.CheckConstraint("horizon_days > 0", name=op.f("ck_model_runs_horizon_days")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_model_runs")),
    )
    op.create_index("ix_model_runs_status_origin", "model_runs", ["status", "origin"], unique=False)
    op.create_table(
        "quality_results",
        sa.Column("check_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", RUN_ID, nullable=True),
        sa.Column("suite", sa.Unicode(length=128), nullable=False),
        sa.Column("dataset", sa.Unicode(length=128), nullable=False),
        sa.Column("expectation", sa.Unicode(length=255), nullable=False),
        sa.Column("severity", NAME, nullable=False),
        sa.Column("success", sa.SmallInteger(), nullable=False),
        sa.Column("observed", LONG_TEXT, nullable=True),
        sa.Column("checked_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("severity in ('error', 'warning')", name=op.f("ck_quality_results_severity")),
        sa.CheckConstraint("success in (0, 1)", name=op.f("ck_quality_results_success")),
        sa.PrimaryKeyConstraint("check_id", name=op.f("pk_quality_results")),
    )
    op.create_index("ix_quality_results_checked_at", "quality_results", ["checked_at"], unique=False)
    op.create_index("ix_quality_results_run_id", "quality_results", ["run_id"], unique=False)
    op.create_table(
        "sales_history",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("units", REAL, nullable=False),
        sa.Column("price", REAL, nullable=True),
        sa.CheckConstraint("price >= 0", name=op.f("ck_sales_history_price")),
        sa.CheckConstraint("units >= 0 and units <= 1000000000", name=op.f("ck_sales_history_units")),
        sa.PrimaryKeyConstraint("store_id", "item_id", "date", name=op.f("pk_sales_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "active_runs",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("activated_at", TIMESTAMP, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_active_runs_model_runs")),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_active_runs")),
    )
    op.create_index("ix_active_runs_run_id", "active_runs", ["run_id"], unique=False)
    op.create_table(
        "calendar_region_flags",
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("region_id", NAME, nullable=False),
        sa.Column("regional_flag", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("regional_flag in (0, 1)", name=op.f("ck_calendar_region_flags_regional_flag")),
        sa.ForeignKeyConstraint(["date"], ["calendar_days.date"], name=op.f("fk_calendar_region_flags_calendar_days")),
        sa.PrimaryKeyConstraint("date", "region_id", name=op.f("pk_calendar_region_flags")),
    )
    op.create_table(
        "publish_claims",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("token", NAME, nullable=False),
        sa.Column("host", sa.Unicode(length=255), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Unicode(length=64), nullable=False),
        sa.Column("claimed_at", TIMESTAMP, nullable=False),
        sa.Column("heartbeat_at", TIMESTAMP, nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_publish_claims_model_runs")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_publish_claims")),
    )
    op.create_table(
        "run_metrics",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("fold", sa.DATE(), nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("metric", NAME, nullable=False),
        sa.Column("value", REAL, nullable=False),
        sa.CheckConstraint("level between 0 and 12", name=op.f("ck_run_metrics_level")),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_run_metrics_model_runs")),
        sa.PrimaryKeyConstraint("run_id", "fold", "model", "level", "metric", name=op.f("pk_run_metrics")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_nodes",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("level_name", NAME, nullable=False),
        sa.Column("region_id", NAME, nullable=True),
        sa.Column("store_id", NAME, nullable=True),
        sa.Column("category_id", NAME, nullable=True),
        sa.Column("department_id", NAME, nullable=True),
        sa.CheckConstraint(
            "level_name in ('total', 'region', 'store', 'category', 'department', 'region_category', "
            "'region_department', 'store_category', 'store_department')",
            name=op.f("ck_run_nodes_level_name"),
        ),
        sa.CheckConstraint("level between 1 and 9", name=op.f("ck_run_nodes_level")),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_run_nodes_model_runs")),
        sa.PrimaryKeyConstraint("run_id", "node_id", name=op.f("pk_run_nodes")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_nodes_level", "run_nodes", ["run_id", "level", "node_id"], unique=False)
    op.create_table(
        "run_series",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("department_id", NAME, nullable=False),
        sa.Column("category_id", NAME, nullable=False),
        sa.Column("region_id", NAME, nullable=False),
        sa.Column("price", REAL, nullable=True),
        sa.Column("units_last_28", REAL, nullable=False),
        sa.Column("demand_class", NAME, nullable=False),
        sa.Column("launch_date", sa.DATE(), nullable=True),
        sa.CheckConstraint(
            "demand_class in ('smooth', 'erratic', 'intermittent', 'lumpy', 'new')",
            name=op.f("ck_run_series_demand_class"),
        ),
        sa.CheckConstraint("price >= 0", name=op.f("ck_run_series_price")),
        sa.CheckConstraint("units_last_28 >= 0", name=op.f("ck_run_series_units_last_28")),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_run_series_model_runs")),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", name=op.f("pk_run_series")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_run_series_department", "run_series", ["run_id", "department_id", "store_id", "item_id"], unique=False
    )
    op.create_index("ix_run_series_item", "run_series", ["run_id", "item_id", "store_id"], unique=False)
    op.create_index(
        "ix_run_series_volume", "run_series", ["run_id", "units_last_28", "store_id", "item_id"], unique=False
    )
    op.create_table(
        "forecasts",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("target_date", sa.DATE(), nullable=False),
        sa.Column("mean", REAL, nullable=False),
        *quantile_columns(),
        sa.CheckConstraint(QUANTILES_IN_ORDER, name=op.f("ck_forecasts_quantiles")),
        sa.CheckConstraint("mean >= 0 and mean <= 1000000000", name=op.f("ck_forecasts_mean")),
        sa.ForeignKeyConstraint(
            ["run_id", "store_id", "item_id"],
            ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
            name=op.f("fk_forecasts_run_series"),
        ),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", "target_date", name=op.f("pk_forecasts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "node_forecasts",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("target_date", sa.DATE(), nullable=False),
        sa.Column("mean", REAL, nullable=False),
        *quantile_columns(),
        sa.CheckConstraint(QUANTILES_IN_ORDER, name=op.f("ck_node_forecasts_quantiles")),
        sa.CheckConstraint("mean >= 0 and mean <= 1000000000", name=op.f("ck_node_forecasts_mean")),
        sa.ForeignKeyConstraint(
            ["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"], name=op.f("fk_node_forecasts_run_nodes")
        ),
        sa.PrimaryKeyConstraint("run_id", "node_id", "target_date", name=op.f("pk_node_forecasts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "node_history",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("units", REAL, nullable=False),
        sa.CheckConstraint("units >= 0", name=op.f("ck_node_history_units")),
        sa.ForeignKeyConstraint(
            ["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"], name=op.f("fk_node_history_run_nodes")
        ),
        sa.PrimaryKeyConstraint("run_id", "node_id", "date", name=op.f("pk_node_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "staged_sales_history",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("units", REAL, nullable=False),
        sa.Column("price", REAL, nullable=True),
        sa.CheckConstraint("price >= 0", name=op.f("ck_staged_sales_history_price")),
        sa.CheckConstraint("units >= 0 and units <= 1000000000", name=op.f("ck_staged_sales_history_units")),
        sa.ForeignKeyConstraint(
            ["run_id", "store_id", "item_id"],
            ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
            name=op.f("fk_staged_sales_history_run_series"),
        ),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", "date", name=op.f("pk_staged_sales_history")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop every table."""
    for table in reversed(TABLES):
        op.drop_table(table)
