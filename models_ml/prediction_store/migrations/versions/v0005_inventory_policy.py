"""What to hold and to order, item by item."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
ITEM_ID = sa.Unicode(128).with_variant(mssql.NVARCHAR(128, collation=BINARY), "mssql")
REAL = sa.Float(53)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "inventory_policy",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("lead_time_days", sa.SmallInteger(), nullable=False),
        sa.Column("review_period_days", sa.SmallInteger(), nullable=False),
        sa.Column("service_level", REAL, nullable=False),
        sa.Column("holding_cost", REAL, nullable=False),
        sa.Column("shortage_cost", REAL, nullable=False),
        sa.Column("expected_demand", REAL, nullable=False),
        sa.Column("safety_stock", REAL, nullable=False),
        sa.Column("reorder_point", sa.Integer(), nullable=False),
        sa.Column("order_up_to", sa.Integer(), nullable=False),
        sa.Column("expected_short", REAL, nullable=False),
        sa.Column("days_of_cover", REAL, nullable=False),
        sa.Column("mean_stock", REAL, nullable=False),
        sa.CheckConstraint(
            "lead_time_days >= 0 and review_period_days >= 1", name=op.f("ck_inventory_policy_interval")
        ),
        sa.CheckConstraint("service_level > 0 and service_level < 1", name=op.f("ck_inventory_policy_service_level")),
        sa.CheckConstraint("holding_cost >= 0 and shortage_cost >= 0", name=op.f("ck_inventory_policy_costs")),
        sa.CheckConstraint(
            "reorder_point >= 0 and order_up_to >= reorder_point and order_up_to <= 1000000000",
            name=op.f("ck_inventory_policy_levels"),
        ),
        sa.CheckConstraint(
            "abs(order_up_to - expected_demand - safety_stock) <= 0.001",
            name=op.f("ck_inventory_policy_safety_stock"),
        ),
        sa.CheckConstraint(
            "expected_demand >= 0 and expected_short >= 0 and expected_short <= expected_demand * 1.001 + 0.001",
            name=op.f("ck_inventory_policy_demand"),
        ),
        sa.CheckConstraint(
            "days_of_cover >= 0 and mean_stock >= 0 and mean_stock <= order_up_to",
            name=op.f("ck_inventory_policy_stock"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "store_id", "item_id"],
            ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
            name=op.f("fk_inventory_policy_run_series"),
        ),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", name=op.f("pk_inventory_policy")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("inventory_policy")
