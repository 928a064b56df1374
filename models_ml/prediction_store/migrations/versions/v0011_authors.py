"""Who moved a pointer: a rollback is a decision of somebody, which stands until a run is promoted by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _schema() -> str | None:
    """The store's schema: Alembic sends tables and indexes there by itself, but not ALTER TABLE."""
    return op.get_context().version_table_schema


def upgrade() -> None:
    """Add the column; of the moves that are there nobody knows."""
    op.add_column("activations", sa.Column("author", sa.Unicode(200), nullable=True), schema=_schema())


def downgrade() -> None:
    """Drop it."""
    op.drop_column("activations", "author", schema=_schema())
