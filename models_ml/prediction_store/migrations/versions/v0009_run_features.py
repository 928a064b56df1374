"""Features that a run's model reads, with what they weigh in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
FEATURE = sa.Unicode(128).with_variant(mssql.NVARCHAR(128, collation=BINARY), "mssql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "run_features",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("part", NAME, nullable=False),
        sa.Column("feature", FEATURE, nullable=False),
        sa.Column("family", NAME, nullable=False),
        sa.Column("importance", sa.Float(53), nullable=False),
        sa.CheckConstraint("importance >= 0", name=op.f("ck_run_features_importance")),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_run_features_model_runs")),
        sa.PrimaryKeyConstraint("run_id", "part", "feature", name=op.f("pk_run_features")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("run_features")
