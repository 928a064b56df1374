"""Errors of a run's backtest by series, node and lead day, and forecasts of sums over several days."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
ITEM_ID = sa.Unicode(128).with_variant(mssql.NVARCHAR(128, collation=BINARY), "mssql")
NODE_ID = sa.Unicode(200).with_variant(mssql.NVARCHAR(200, collation=BINARY), "mssql")
REAL = sa.Float(53)

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

ERRORS_ADD_UP = (
    "actual_units >= 0 and forecast_units >= 0 and absolute_error_units >= 0 "
    "and abs(forecast_units - actual_units) <= absolute_error_units * 1.001 + 0.001"
)


def error_columns() -> list[sa.Column[Any]]:
    """What was sold, what was forecast, and how far off each day was, summed."""
    return [
        sa.Column(name, REAL, nullable=False) for name in ("actual_units", "forecast_units", "absolute_error_units")
    ]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "backtest_leads",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("fold", sa.DATE(), nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("lead_days", sa.SmallInteger(), autoincrement=False, nullable=False),
        *error_columns(),
        sa.CheckConstraint("level between 1 and 12", name=op.f("ck_backtest_leads_level")),
        sa.CheckConstraint("lead_days > 0", name=op.f("ck_backtest_leads_lead_days")),
        sa.CheckConstraint(ERRORS_ADD_UP, name=op.f("ck_backtest_leads_units")),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_backtest_leads_model_runs")),
        sa.PrimaryKeyConstraint("run_id", "fold", "model", "level", "lead_days", name=op.f("pk_backtest_leads")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "backtest_nodes",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("fold", sa.DATE(), nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("rmsse", REAL, nullable=True),
        *error_columns(),
        sa.CheckConstraint("rmsse >= 0", name=op.f("ck_backtest_nodes_rmsse")),
        sa.CheckConstraint(ERRORS_ADD_UP, name=op.f("ck_backtest_nodes_units")),
        sa.ForeignKeyConstraint(
            ["run_id", "node_id"], ["run_nodes.run_id", "run_nodes.node_id"], name=op.f("fk_backtest_nodes_run_nodes")
        ),
        sa.PrimaryKeyConstraint("run_id", "node_id", "fold", "model", name=op.f("pk_backtest_nodes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "backtest_series",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("fold", sa.DATE(), nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("rmsse", REAL, nullable=True),
        *error_columns(),
        sa.CheckConstraint("rmsse >= 0", name=op.f("ck_backtest_series_rmsse")),
        sa.CheckConstraint(ERRORS_ADD_UP, name=op.f("ck_backtest_series_units")),
        sa.ForeignKeyConstraint(
            ["run_id", "store_id", "item_id"],
            ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
            name=op.f("fk_backtest_series_run_series"),
        ),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", "fold", "model", name=op.f("pk_backtest_series")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_backtest_series_rmsse", "backtest_series", ["run_id", "fold", "model", "rmsse"], unique=False)
    op.create_table(
        "node_period_forecasts",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("first_date", sa.DATE(), nullable=False),
        sa.Column("last_date", sa.DATE(), nullable=False),
        sa.Column("mean", REAL, nullable=False),
        *[sa.Column(name, REAL, nullable=True) for name in QUANTILES],
        sa.CheckConstraint("first_date <= last_date", name=op.f("ck_node_period_forecasts_period")),
        sa.CheckConstraint(QUANTILES_IN_ORDER, name=op.f("ck_node_period_forecasts_quantiles")),
        sa.CheckConstraint("mean >= 0 and mean <= 1000000000", name=op.f("ck_node_period_forecasts_mean")),
        sa.ForeignKeyConstraint(
            ["run_id", "node_id"],
            ["run_nodes.run_id", "run_nodes.node_id"],
            name=op.f("fk_node_period_forecasts_run_nodes"),
        ),
        sa.PrimaryKeyConstraint("run_id", "node_id", "first_date", "last_date", name=op.f("pk_node_period_forecasts")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("node_period_forecasts", "backtest_series", "backtest_nodes", "backtest_leads"):
        op.drop_table(table)
