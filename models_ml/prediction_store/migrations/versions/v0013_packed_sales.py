"""Sales wait for their run in packed rows: up to 28 days of a series in one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _key(length: int) -> sa.types.TypeEngine[str]:
    return sa.Unicode(length).with_variant(mssql.NVARCHAR(length, collation="Latin1_General_100_BIN2"), "mssql")


def upgrade() -> None:
    """Replace the table: what is staged is of a publish that has not ended, which begins again."""
    _replace(
        sa.Column("first_date", sa.DATE(), nullable=False),
        sa.Column("price", sa.Float(53), nullable=True),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.Unicode(672), nullable=False),
        sa.CheckConstraint(
            "steps between 1 and 28 and width between 1 and 24", name=op.f("ck_staged_sales_history_units")
        ),
    )


def downgrade() -> None:
    """A row a day again."""
    _replace(
        sa.Column("date", sa.DATE(), nullable=False),
        sa.Column("units", sa.Float(53), nullable=False),
        sa.Column("price", sa.Float(53), nullable=True),
        sa.CheckConstraint("price >= 0", name=op.f("ck_staged_sales_history_price")),
        sa.CheckConstraint("units >= 0 and units <= 1000000000", name=op.f("ck_staged_sales_history_units")),
    )


def _replace(*parts: sa.schema.SchemaItem) -> None:
    day = next(part.name for part in parts if isinstance(part, sa.Column))
    op.drop_table("staged_sales_history")
    op.create_table(
        "staged_sales_history",
        sa.Column("run_id", _key(40), nullable=False),
        sa.Column("store_id", _key(64), nullable=False),
        sa.Column("item_id", _key(128), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(
            ["run_id", "store_id", "item_id"],
            ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
            name=op.f("fk_staged_sales_history_run_series"),
        ),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", day, name=op.f("pk_staged_sales_history")),
        sqlite_with_rowid=False,
    )
