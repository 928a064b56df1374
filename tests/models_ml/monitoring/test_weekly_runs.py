"""Monitoring of weekly sales against pandas over the file: whole weeks, and overrides measured by the week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select, update

from models_ml.inventory.terms import read_terms, terms_of
from models_ml.monitoring.accuracy import (
    first_day_needed,
    published_forecasts,
    store_department_sales,
    weekly_accuracy,
)
from models_ml.monitoring.override_value import override_errors
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.overrides import NewOverride, make
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import forecasts, node_forecasts
from models_ml.runs import artifact
from models_ml.runs.backtest import Backtest
from models_ml.runs.fit import train
from models_ml.runs.plan import Plan
from models_ml.settings import Settings
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts
from tests.models_ml.test_weekly import FOLD, HORIZON, LAST_DAY, units, warehouse, weeks

__all__ = ["units", "warehouse", "weeks"]

TOO_HIGH = 1.3
MONDAYS = [FOLD + timedelta(days=1 + 7 * week) for week in range(4)]


@pytest.fixture(scope="module")
def with_nodes(warehouse: DuckDBWarehouse, tmp_path_factory: pytest.TempPathFactory) -> DuckDBWarehouse:
    """The marts of the weekly shop, and the nodes that monitoring reads."""
    path = tmp_path_factory.mktemp("monitored") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"attach '{warehouse.path}' as shop (read_only)")
        connection.execute("copy from database shop to warehouse")
        connection.execute(
            "create table core.dim_nodes as select distinct 'store_department:' || store_id || '|' || department_id"
            " as node_id, 9 as level, store_id, department_id from core.dim_series"
        )
    return DuckDBWarehouse(path)


@pytest.fixture(scope="module")
def engine(with_nodes: DuckDBWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store that serves the run made four weeks ago, whose forecasts are too high."""
    folder = tmp_path_factory.mktemp("monitored_store")
    marts = Marts(with_nodes, FOLD, HORIZON)
    terms = terms_of(marts.series, read_terms(with_nodes))
    plan = Plan(marts, "seasonal_naive", {}, ("shop-1", "shop-2"), "fingerprint", terms, "run_weekly")
    run = artifact.load(train(plan, Settings(home=folder, threads=1), Backtest.none(), folder / "models"))
    engine = make_engine(f"sqlite:///{folder / 'prediction_store.sqlite'}")
    upgrade(engine)
    publish(engine, artifact.record_of(run), artifact.frames_of(run))
    with engine.begin() as connection:
        for table in (forecasts, node_forecasts):
            connection.execute(update(table).values(mean=table.c.mean * TOO_HIGH))
    yield engine
    engine.dispose()


@pytest.mark.parametrize(("last_day", "whole_weeks"), [(LAST_DAY, 4), (LAST_DAY - timedelta(days=3), 3)])
def test_accuracy_is_of_whole_weeks(
    engine: Engine, with_nodes: DuckDBWarehouse, weeks: pd.DataFrame, last_day: date, whole_weeks: int
) -> None:
    with engine.connect() as connection:
        made = published_forecasts(connection, last_day)
        kept = connection.execute(select(node_forecasts)).mappings().all()
    ranges = {(row["node_id"], row["target_date"]): (row["q_0_025"], row["q_0_975"]) for row in kept}
    sales = store_department_sales(with_nodes, first_day_needed(made))
    found = weekly_accuracy(made, sales, last_day).set_index(["metric", "subject", "period_end"])["value"]
    sold = weeks.dropna(subset=["quantity"]).astype({"quantity": float})
    nodes = {"total": sold, **{f"department:{brand}": own for brand, own in sold.groupby("brand")}}
    expected = {}
    for node, own in nodes.items():
        by_week = own.groupby("week")["quantity"].sum()
        before = by_week[str(FOLD - timedelta(days=6))]  # the last week known: what seasonal naive repeats
        for monday in MONDAYS[:whole_weeks]:
            actual, (low, high) = by_week[str(monday)], ranges[node, monday]
            key = (node, monday + timedelta(days=6))
            expected["wape", *key] = abs(TOO_HIGH * before - actual) / actual
            expected["bias", *key] = (TOO_HIGH * before - actual) / actual
            expected["wape_against_baseline", *key] = abs(TOO_HIGH * before - actual) / abs(before - actual)
            expected["coverage_95", *key] = float(low <= actual <= high)
    assert found.to_dict() == pytest.approx(expected, rel=1e-5)


def test_an_override_is_measured_by_its_weeks(engine: Engine, with_nodes: DuckDBWarehouse, units: pd.DataFrame) -> None:
    """From the second week to the middle of the third: both begin within it; the fourth is not over."""
    asked = NewOverride("store:shop-1", "percent", -20.0, MONDAYS[1], MONDAYS[2] + timedelta(days=2), "rain", "planner")
    number = make(engine, asked)
    with engine.connect() as connection:
        measured = override_errors(connection, with_nodes, LAST_DAY - timedelta(days=3))
    own = measured[measured["subject"] == f"override:{number}"].set_index(["metric", "period_end"])["value"].unstack()
    assert list(own.columns) == [MONDAYS[1], MONDAYS[2]]
    shop = units.loc["shop-1"]
    model = TOO_HIGH * shop[str(FOLD - timedelta(days=6))]
    for monday in own.columns:
        missed, missed_finally = (factor * model - shop[str(monday)] for factor in (1.0, 0.8))
        expected = [abs(missed.sum()), abs(missed_finally.sum()), np.abs(missed).sum(), np.abs(missed_finally).sum()]
        assert sorted(own[monday]) == pytest.approx(sorted(expected), rel=1e-5)
