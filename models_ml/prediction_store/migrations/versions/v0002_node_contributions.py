"""What moved the forecast of each node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
NODE_ID = sa.Unicode(200).with_variant(mssql.NVARCHAR(200, collation=BINARY), "mssql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "node_contributions",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("target_date", sa.DATE(), nullable=False),
        sa.Column("family", NAME, nullable=False),
        sa.Column("units", sa.Float(53), nullable=False),
        sa.CheckConstraint("abs(units) <= 1000000000", name=op.f("ck_node_contributions_units")),
        sa.ForeignKeyConstraint(
            ["run_id", "node_id"],
            ["run_nodes.run_id", "run_nodes.node_id"],
            name=op.f("fk_node_contributions_run_nodes"),
        ),
        sa.PrimaryKeyConstraint("run_id", "node_id", "target_date", "family", name=op.f("pk_node_contributions")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("node_contributions")
