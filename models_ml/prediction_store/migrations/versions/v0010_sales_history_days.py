"""A checksum of each store's day of sales, so that a publish sends the days that are new or changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation="Latin1_General_100_BIN2"), "mssql")


def upgrade() -> None:
    """Create the table; a store that has sales gets its checksums with the next publish, which sends all days."""
    op.create_table(
        "sales_history_days",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "date", name=op.f("pk_sales_history_days")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("sales_history_days")
