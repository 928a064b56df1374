"""What-ifs: elasticities, trusted price ranges, and the model's responses to prices, flags and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BINARY = "Latin1_General_100_BIN2"
RUN_ID = sa.Unicode(40).with_variant(mssql.NVARCHAR(40, collation=BINARY), "mssql")
NAME = sa.Unicode(64).with_variant(mssql.NVARCHAR(64, collation=BINARY), "mssql")
ITEM_ID = sa.Unicode(128).with_variant(mssql.NVARCHAR(128, collation=BINARY), "mssql")
REAL = sa.Float(53)
STEPS = ("0_5", "0_6", "0_7", "0_8", "0_9", "0_95", "1_05", "1_1", "1_2", "1_3", "1_5")
IN_ORDER = "elasticity_low <= elasticity and elasticity <= elasticity_high"


def of_series(table: str) -> sa.ForeignKeyConstraint:
    """Rows belong to a series of the run."""
    return sa.ForeignKeyConstraint(
        ["run_id", "store_id", "item_id"],
        ["run_series.run_id", "run_series.store_id", "run_series.item_id"],
        name=op.f(f"fk_{table}_run_series"),
    )


def of_run(table: str) -> sa.ForeignKeyConstraint:
    """Rows belong to a run."""
    return sa.ForeignKeyConstraint(["run_id"], ["model_runs.run_id"], name=op.f(f"fk_{table}_model_runs"))


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "department_elasticities",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("department_id", NAME, nullable=False),
        sa.Column("elasticity", REAL, nullable=True),
        sa.Column("elasticity_error", REAL, nullable=True),
        sa.Column("elasticity_low", REAL, nullable=True),
        sa.Column("elasticity_high", REAL, nullable=True),
        sa.Column("item_spread", REAL, nullable=True),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("own_estimates", sa.Integer(), nullable=False),
        sa.Column("price_changes", sa.Integer(), nullable=False),
        sa.Column("weeks", sa.Integer(), nullable=False),
        sa.CheckConstraint(IN_ORDER, name=op.f("ck_department_elasticities_elasticity")),
        of_run("department_elasticities"),
        sa.PrimaryKeyConstraint("run_id", "department_id", name=op.f("pk_department_elasticities")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scenario_series",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("price", REAL, nullable=False),
        sa.Column("lowest_ratio", REAL, nullable=False),
        sa.Column("highest_ratio", REAL, nullable=False),
        sa.Column("range_from", NAME, nullable=False),
        sa.Column("price_changes", sa.Integer(), nullable=False),
        sa.Column("own_estimate", sa.SmallInteger(), nullable=False),
        sa.Column("elasticity", REAL, nullable=True),
        sa.Column("elasticity_low", REAL, nullable=True),
        sa.Column("elasticity_high", REAL, nullable=True),
        *(sa.Column(f"response_{step}", REAL, nullable=True) for step in STEPS),
        sa.CheckConstraint("price > 0", name=op.f("ck_scenario_series_price")),
        sa.CheckConstraint(
            "lowest_ratio > 0 and lowest_ratio <= 1 and highest_ratio >= 1", name=op.f("ck_scenario_series_ratios")
        ),
        sa.CheckConstraint("range_from in ('item', 'department')", name=op.f("ck_scenario_series_range_from")),
        sa.CheckConstraint("own_estimate in (0, 1)", name=op.f("ck_scenario_series_own_estimate")),
        sa.CheckConstraint(IN_ORDER, name=op.f("ck_scenario_series_elasticity")),
        of_series("scenario_series"),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", name=op.f("pk_scenario_series")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scenario_flags",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("item_id", ITEM_ID, nullable=False),
        sa.Column("regressor", NAME, nullable=False),
        sa.Column("ratio", REAL, nullable=False),
        sa.Column("planned", sa.Unicode(400), nullable=False),
        sa.CheckConstraint("ratio >= 0", name=op.f("ck_scenario_flags_ratio")),
        of_series("scenario_flags"),
        sa.PrimaryKeyConstraint("run_id", "store_id", "item_id", "regressor", name=op.f("pk_scenario_flags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scenario_events",
        sa.Column("run_id", RUN_ID, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("department_id", NAME, nullable=False),
        sa.Column("event_name", ITEM_ID, nullable=False),
        sa.Column("offset_days", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ratio", REAL, nullable=False),
        sa.Column("days_seen", sa.Integer(), nullable=False),
        sa.CheckConstraint("ratio >= 0", name=op.f("ck_scenario_events_ratio")),
        of_run("scenario_events"),
        sa.PrimaryKeyConstraint(
            "run_id", "store_id", "department_id", "event_name", "offset_days", name=op.f("pk_scenario_events")
        ),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("scenario_events", "scenario_flags", "scenario_series", "department_elasticities"):
        op.drop_table(table)
