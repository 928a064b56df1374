"""Days of a step of a run's forecasts: 1, or 7 of a source whose sales are weekly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _schema() -> str | None:
    """The store's schema: Alembic sends tables and indexes there by itself, but not ALTER TABLE."""
    return op.get_context().version_table_schema


def upgrade() -> None:
    """Add the column; the runs that are there are of days."""
    step_days = sa.Column("step_days", sa.SmallInteger(), server_default="1", nullable=False)
    op.add_column("model_runs", step_days, schema=_schema())


def downgrade() -> None:
    """Drop the column, whose default is a constraint of its own on a SQL Server."""
    op.drop_column("model_runs", "step_days", schema=_schema(), mssql_drop_default=True)
