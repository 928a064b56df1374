"""What monitoring measures week by week, and its alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
NODE_ID = sa.Unicode(200).with_variant(mssql.NVARCHAR(200, collation=BINARY), "mssql")
REAL = sa.Float(53)
LONG_TEXT = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
TIMESTAMP = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "monitor_alarms",
        sa.Column("alarm_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("metric", NAME, nullable=False),
        sa.Column("subject", NODE_ID, nullable=False),
        sa.Column("bad_weeks", sa.SmallInteger(), nullable=False),
        sa.Column("weeks", sa.SmallInteger(), nullable=False),
        sa.Column("last_week", sa.DATE(), nullable=False),
        sa.Column("message", LONG_TEXT, nullable=False),
        sa.Column("raised_at", TIMESTAMP, nullable=False),
        sa.Column("cleared_at", TIMESTAMP, nullable=True),
        sa.CheckConstraint("bad_weeks between 1 and weeks", name=op.f("ck_monitor_alarms_weeks")),
        sa.PrimaryKeyConstraint("alarm_id", name=op.f("pk_monitor_alarms")),
    )
    op.create_index("ix_monitor_alarms_cleared_at", "monitor_alarms", ["cleared_at"], unique=False)
    op.create_table(
        "monitor_results",
        sa.Column("result_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("metric", NAME, nullable=False),
        sa.Column("subject", NODE_ID, nullable=False),
        sa.Column("period_end", sa.DATE(), nullable=False),
        sa.Column("run_id", RUN_ID, nullable=True),
        sa.Column("value", REAL, nullable=False),
        sa.Column("low", REAL, nullable=True),
        sa.Column("high", REAL, nullable=True),
        sa.Column("bad", sa.SmallInteger(), nullable=False),
        sa.Column("measured_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("bad in (0, 1)", name=op.f("ck_monitor_results_bad")),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_monitor_results")),
    )
    op.create_index(
        "ix_monitor_results_metric_subject_period_end",
        "monitor_results",
        ["metric", "subject", "period_end"],
        unique=False,
    )
    op.create_index("ix_monitor_results_period_end", "monitor_results", ["period_end"], unique=False)


def downgrade() -> None:
    """Drop them."""
    for table in ("monitor_results", "monitor_alarms"):
        op.drop_table(table)
