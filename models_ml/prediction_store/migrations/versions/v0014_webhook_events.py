"""Events that other systems are told of by a webhook."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
TIMESTAMP = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "webhook_events",
        sa.Column("event_id", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("stores", sa.JSON(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", TIMESTAMP, nullable=True),
        sa.Column("last_error", sa.Unicode(1000), nullable=True),
        sa.CheckConstraint("action in ('publish', 'promote', 'rollback')", name=op.f("ck_webhook_events_action")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_webhook_events_attempts")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_webhook_events")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("webhook_events")
