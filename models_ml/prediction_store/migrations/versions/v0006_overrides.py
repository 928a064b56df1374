"""Overrides of forecasts, and what they do to the runs that are served."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
NODE_ID = sa.Unicode(200).with_variant(mssql.NVARCHAR(200, collation=BINARY), "mssql")
REAL = sa.Float(53)
TIMESTAMP = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]

WITHIN_BOUNDS = (
    "(kind = 'percent' and value between -100 and 1000) or (kind = 'absolute' and value between 0 and 1000000000)"
)
REVOKED_WHOLE = (
    "(revoked_at is null and revoked_by is null and revoked_reason is null) "
    "or (revoked_at is not null and revoked_by is not null and revoked_reason is not null)"
)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "overrides",
        sa.Column("override_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("creation_key", NAME, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("value", REAL, nullable=False),
        sa.Column("valid_from", sa.DATE(), nullable=False),
        sa.Column("valid_to", sa.DATE(), nullable=False),
        sa.Column("reason", sa.Unicode(1000), nullable=False),
        sa.Column("author", sa.Unicode(200), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("revoked_at", TIMESTAMP, nullable=True),
        sa.Column("revoked_by", sa.Unicode(200), nullable=True),
        sa.Column("revoked_reason", sa.Unicode(1000), nullable=True),
        sa.CheckConstraint("kind in ('percent', 'absolute')", name=op.f("ck_overrides_kind")),
        sa.CheckConstraint("level between 1 and 12", name=op.f("ck_overrides_level")),
        sa.CheckConstraint(WITHIN_BOUNDS, name=op.f("ck_overrides_value")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_overrides_validity")),
        sa.CheckConstraint(REVOKED_WHOLE, name=op.f("ck_overrides_revoked")),
        sa.PrimaryKeyConstraint("override_id", name=op.f("pk_overrides")),
    )
    op.create_index("ix_overrides_creation_key", "overrides", ["creation_key"], unique=True)
    op.create_index("ix_overrides_node_id", "overrides", ["node_id"], unique=False)
    op.create_table(
        "override_effects",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("override_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target_date", sa.DATE(), nullable=False),
        sa.Column("factor", REAL, nullable=True),
        sa.Column("units_each", REAL, nullable=True),
        sa.CheckConstraint(
            "(factor >= 0 and units_each is null) or (factor is null and units_each >= 0)",
            name=op.f("ck_override_effects_effect"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f("fk_override_effects_model_runs")),
        sa.ForeignKeyConstraint(["override_id"], ["overrides.override_id"], name=op.f("fk_override_effects_overrides")),
        sa.PrimaryKeyConstraint("run_id", "override_id", "target_date", name=op.f("pk_override_effects")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "override_node_units",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("node_id", NODE_ID, nullable=False),
        sa.Column("target_date", sa.DATE(), nullable=False),
        sa.Column("added_units", REAL, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "node_id"],
            ["run_nodes.run_id", "run_nodes.node_id"],
            name=op.f("fk_override_node_units_run_nodes"),
        ),
        sa.PrimaryKeyConstraint("run_id", "node_id", "target_date", name=op.f("pk_override_node_units")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("override_node_units", "override_effects", "overrides"):
        op.drop_table(table)
