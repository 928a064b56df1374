"""Stock, supply, and what planners decide about orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
ITEM_ID = sa.Unicode(128).with_variant(mssql.NVARCHAR(128, collation=BINARY), "mssql")
REAL = sa.Float(53)
TIMESTAMP = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "stock",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("as_of_date", sa.DATE(), nullable=False),
        sa.Column("on_hand", REAL, nullable=False),
        sa.Column("author", sa.Unicode(200), nullable=False),
        sa.Column("stored_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("on_hand between 0 and 1000000000", name=op.f("ck_stock_on_hand")),
        sa.PrimaryKeyConstraint("store_id", "item_id", name=op.f("pk_stock")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stock_arrivals",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("arrival_date", sa.DATE(), nullable=False),
        sa.Column("units", REAL, nullable=False),
        sa.CheckConstraint("units > 0 and units <= 1000000000", name=op.f("ck_stock_arrivals_units")),
        sa.ForeignKeyConstraint(
            ["store_id", "item_id"], ["stock.store_id", "stock.item_id"], name=op.f("fk_stock_arrivals_stock")
        ),
        sa.PrimaryKeyConstraint("store_id", "item_id", "arrival_date", name=op.f("pk_stock_arrivals")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "supply",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("department_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("supplier_id", NAME, nullable=True),
        sa.Column("lead_time_days", sa.SmallInteger(), nullable=True),
        sa.Column("order_weekdays", sa.SmallInteger(), nullable=True),
        sa.Column("delivery_weekdays", sa.SmallInteger(), nullable=True),
        sa.Column("pack_size", sa.Integer(), nullable=True),
        sa.Column("minimum_order", sa.Integer(), nullable=True),
        sa.Column("shelf_life_days", sa.SmallInteger(), nullable=True),
        sa.Column("author", sa.Unicode(200), nullable=False),
        sa.Column("stored_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("lead_time_days >= 0", name=op.f("ck_supply_lead_time_days")),
        sa.CheckConstraint("order_weekdays between 1 and 127", name=op.f("ck_supply_order_weekdays")),
        sa.CheckConstraint("delivery_weekdays between 1 and 127", name=op.f("ck_supply_delivery_weekdays")),
        sa.CheckConstraint("pack_size >= 1", name=op.f("ck_supply_pack_size")),
        sa.CheckConstraint("minimum_order >= 0", name=op.f("ck_supply_minimum_order")),
        sa.CheckConstraint("shelf_life_days >= 1", name=op.f("ck_supply_shelf_life_days")),
        sa.PrimaryKeyConstraint("store_id", "department_id", "item_id", name=op.f("pk_supply")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_decisions",
        sa.Column("decision_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("creation_key", NAME, nullable=False),
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("supplier_id", NAME, nullable=True),
        sa.Column("decision", NAME, nullable=False),
        sa.Column("proposed_units", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("price", REAL, nullable=True),
        sa.Column("order_date", sa.DATE(), nullable=False),
        sa.Column("delivery_date", sa.DATE(), nullable=False),
        sa.Column("author", sa.Unicode(200), nullable=False),
        sa.Column("decided_at", TIMESTAMP, nullable=False),
        sa.CheckConstraint("decision in ('accepted', 'changed', 'rejected')", name=op.f("ck_order_decisions_decision")),
        sa.CheckConstraint(
            "proposed_units >= 0 and units between 0 and 1000000000 "
            "and (decision <> 'rejected' or units = 0) and (decision <> 'accepted' or units = proposed_units)",
            name=op.f("ck_order_decisions_units"),
        ),
        sa.CheckConstraint("order_date <= delivery_date", name=op.f("ck_order_decisions_dates")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_order_decisions")),
    )
    op.create_index("ix_order_decisions_creation_key", "order_decisions", ["creation_key"], unique=True)
    op.create_index("ix_order_decisions_store_id", "order_decisions", ["store_id", "item_id", "order_date"])


def downgrade() -> None:
    """Drop them."""
    for table in ("order_decisions", "supply", "stock_arrivals", "stock"):
        op.drop_table(table)
