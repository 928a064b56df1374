"""Tables: what the database itself refuses, and that migrations make what the schema module says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from models_ml.errors import StoreError
from models_ml.prediction_store import migrate
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import (
    active_runs,
    backtest_leads,
    backtest_nodes,
    backtest_series,
    calendar_region_flags,
    forecasts,
    inventory_policy,
    metadata,
    model_runs,
    node_forecasts,
    node_period_forecasts,
    quality_results,
    run_metrics,
    run_nodes,
    run_series,
    sales_history,
)
from models_ml.settings import QUANTILE_COLUMNS

ORDERED = dict(zip(QUANTILE_COLUMNS, range(9), strict=True))
NEW_DAY = date(2017, 1, 1)


@pytest.fixture
def run_id(engine: Engine, made: Callable[..., Any]) -> str:
    """A published run."""
    run, frames = made()
    publish(engine, run, frames)
    return str(run.run_id)


@pytest.mark.parametrize(
    "values",
    [
        {"mean": -0.001},
        {"mean": 1e10},
        {"mean": float("inf")},
        {"mean": None},
        {"mean": 1.0, **ORDERED, "q_0_5": None},
        {"mean": 1.0, "q_0_5": 1.0},
        {"mean": 1.0, **ORDERED, "q_0_005": 2.0},
        {"mean": 1.0, **ORDERED, "q_0_995": 1.0},
        {"mean": 1.0, **ORDERED, "q_0_005": -1.0},
        {"mean": 1.0, **ORDERED, "q_0_995": 1e10},
    ],
    ids=str,
)
def test_forecast_that_no_forecast_can_be_is_refused(engine: Engine, run_id: str, values: dict[str, Any]) -> None:
    series = {"run_id": run_id, "store_id": "CA_1", "item_id": "FOODS_1_00000", "target_date": NEW_DAY}
    node = {"run_id": run_id, "node_id": "total", "target_date": NEW_DAY}
    with engine.connect() as connection:
        connection.execute(insert(forecasts).values(**series, mean=1.0, **ORDERED))
        connection.execute(insert(node_forecasts).values(**node, mean=1.0))
        connection.rollback()
    for table, key in ((forecasts, series), (node_forecasts, node)):
        with engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(insert(table).values(**key, **values))


def test_row_is_stored_once(engine: Engine, run_id: str) -> None:
    for table in (
        forecasts,
        node_forecasts,
        run_series,
        run_nodes,
        run_metrics,
        inventory_policy,
        backtest_series,
        sales_history,
        active_runs,
    ):
        with engine.connect() as connection:
            row = dict(connection.execute(select(table).limit(1)).mappings().one())
            with pytest.raises(IntegrityError):
                connection.execute(insert(table).values(**row))


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        (forecasts, {"item_id": "NO_SUCH_ITEM"}),
        (backtest_series, {"item_id": "NO_SUCH_ITEM"}),
        (inventory_policy, {"item_id": "NO_SUCH_ITEM"}),
        (backtest_nodes, {"node_id": "no such node"}),
        (node_period_forecasts, {"node_id": "no such node"}),
        (backtest_leads, {"run_id": "no such run"}),
        (forecasts, {"run_id": "no such run"}),
        (node_forecasts, {"node_id": "no such node"}),
        (run_series, {"run_id": "no such run"}),
        (run_metrics, {"run_id": "no such run"}),
        (active_runs, {"store_id": "NEW", "run_id": "no such run"}),
        (calendar_region_flags, {"date": NEW_DAY}),
    ],
    ids=str,
)
def test_row_without_its_parent_is_refused(engine: Engine, run_id: str, table: Any, changes: dict[str, Any]) -> None:
    with engine.connect() as connection:
        row = dict(connection.execute(select(table).limit(1)).mappings().one())
        with pytest.raises(IntegrityError):
            connection.execute(insert(table).values(**{**row, **changes}))


def test_served_run_cannot_be_deleted(engine: Engine, run_id: str) -> None:
    for table in (model_runs, run_series, run_nodes):
        with engine.connect() as connection, pytest.raises(IntegrityError):
            connection.execute(delete(table).where(table.c.run_id == run_id))


def shown(part: Any) -> str:
    """The same in every worker: an expression of columns by its SQL, not by its address."""
    if isinstance(part, dict):
        return ",".join(f"{name}={value}" for name, value in part.items())
    return str(part)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (model_runs, {"status": "done"}),
        (model_runs, {"role": "king"}),
        (model_runs, {"horizon_days": 0}),
        (model_runs, {"checksum": None}),
        (model_runs, {"published_at": None}),
        (model_runs, {"status": "failed"}),
        (run_series, {"units_last_28": -1}),
        (run_series, {"price": -0.01}),
        (run_series, {"demand_class": "odd"}),
        (run_nodes, {"level": 10}),
        (run_nodes, {"level_name": "galaxy"}),
        (run_metrics, {"level": 13}),
        (inventory_policy, {"reorder_point": -1}),
        (inventory_policy, {"order_up_to": -1, "reorder_point": -2}),
        (inventory_policy, {"order_up_to": inventory_policy.c.reorder_point - 1}),
        (inventory_policy, {"safety_stock": inventory_policy.c.safety_stock + 1}),
        (inventory_policy, {"service_level": 1.0}),
        (inventory_policy, {"review_period_days": 0}),
        (inventory_policy, {"lead_time_days": -1}),
        (inventory_policy, {"shortage_cost": -0.1}),
        (inventory_policy, {"expected_short": inventory_policy.c.expected_demand * 2 + 1}),
        (inventory_policy, {"mean_stock": inventory_policy.c.order_up_to + 1}),
        (backtest_series, {"rmsse": -0.1}),
        (backtest_nodes, {"absolute_error_units": -1}),
        (backtest_nodes, {"actual_units": 1e6}),
        (backtest_leads, {"lead_days": 0}),
        (backtest_leads, {"level": 0}),
        (node_period_forecasts, {"q_0_5": None}),
        (node_period_forecasts, {"last_date": date(2016, 1, 1)}),
        (sales_history, {"units": -1}),
        (calendar_region_flags, {"regional_flag": 2}),
    ],
    ids=shown,
)
def test_value_outside_its_domain_is_refused(engine: Engine, run_id: str, table: Any, values: dict[str, Any]) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(update(table).values(**values))


def test_quality_result_needs_no_run(engine: Engine) -> None:
    row = {
        "suite": "s",
        "dataset": "d",
        "expectation": "e",
        "severity": "error",
        "success": 0,
        "observed": "Größe 7 ≠ 8",
        "checked_at": datetime(2026, 1, 1),
    }
    with engine.begin() as connection:
        connection.execute(insert(quality_results), [row, row])
        stored = connection.execute(select(quality_results.c.check_id, quality_results.c.observed)).all()
    assert len({row.check_id for row in stored}) == 2
    assert {row.observed for row in stored} == {"Größe 7 ≠ 8"}


class TestMigrations:
    def test_migrated_store_is_what_the_schema_says(self, engine: Engine) -> None:
        assert migrate.is_current(engine)
        assert migrate.differences(engine) == []

    def test_a_difference_would_be_found(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url)
        with engine.begin() as connection:
            connection.execute(text("drop index ix_run_series_item"))
            connection.execute(text("alter table model_runs add column extra text"))
        found = {entry[0] for entry in migrate.differences(engine)}  # type: ignore[index]
        engine.dispose()
        assert found == {"add_index", "remove_column"}

    def test_migrations_make_the_same_sqlite_tables_as_the_schema(self, tmp_path: Path, sqlite_url: str) -> None:
        """Alembic compares no checks and no WITHOUT ROWID; the stored text of each table has them all."""
        made = make_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
        metadata.create_all(made)
        migrated = make_engine(sqlite_url)
        assert _definitions(made) == _definitions(migrated)
        made.dispose()
        migrated.dispose()

    @pytest.mark.parametrize("revision", migrate.revisions())
    def test_every_released_state_goes_up_and_back_down(self, tmp_path: Path, revision: str) -> None:
        engine = make_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
        assert migrate.current_revision(engine) is None
        assert not migrate.is_current(engine)
        migrate.upgrade(engine, revision)
        assert migrate.current_revision(engine) == revision
        migrate.upgrade(engine)
        assert migrate.is_current(engine)
        assert migrate.differences(engine) == []
        migrate.downgrade(engine, revision)
        assert migrate.current_revision(engine) == revision
        migrate.downgrade(engine, "base")
        assert migrate.current_revision(engine) is None
        assert set(_definitions(engine)) <= {migrate.VERSION_TABLE}
        migrate.upgrade(engine)
        assert migrate.differences(engine) == []
        engine.dispose()

    def test_upgrade_keeps_runs_and_other_peoples_tables(self, sqlite_url: str, made: Callable[..., Any]) -> None:
        engine = make_engine(sqlite_url)
        run, frames = made()
        checksum = publish(engine, run, frames).checksum
        with engine.begin() as connection:
            connection.execute(text("create table rpt_theirs (x int)"))
        migrate.upgrade(engine)
        assert migrate.differences(engine) == []
        assert publish(engine, run, frames).checksum == checksum
        engine.dispose()

    def test_store_of_a_later_version_is_refused(self, sqlite_url: str) -> None:
        engine = make_engine(sqlite_url)
        with engine.begin() as connection:
            connection.execute(text(f"update {migrate.VERSION_TABLE} set version_num = 'later'"))
        assert not migrate.is_current(engine)
        with pytest.raises(StoreError, match="install the version that made the store"):
            migrate.upgrade(engine)
        engine.dispose()

    def test_failed_upgrade_changes_nothing(self, tmp_path: Path) -> None:
        engine = make_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
        with engine.begin() as connection:
            connection.execute(text("create table staged_sales_history (x int)"))
        with pytest.raises(StoreError, match="already exists"):
            migrate.upgrade(engine)
        assert set(_definitions(engine)) == {"staged_sales_history"}
        engine.dispose()


def _definitions(engine: Engine) -> dict[str, list[str]]:
    """Each table and index of a SQLite file: its definition in parts, since their order is free."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("select name, sql from sqlite_master where sql is not null and name <> 'store_schema_version'")
        ).all()
    return {name: sorted(part.strip() for part in re.split(r"[,()]", " ".join(sql.split()))) for name, sql in rows}


def test_first_and_last_day_are_dates(engine: Engine, run_id: str) -> None:
    with engine.connect() as connection:
        days = connection.execute(select(forecasts.c.target_date).distinct()).scalars().all()
    assert sorted(days) == [date(2016, 5, 22) + timedelta(days=day) for day in range(1, 8)]
