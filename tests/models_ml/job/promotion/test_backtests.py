"""Backtests: the same figures however many folds are scored side by side, and each fold is told of."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from models_ml.runs import artifact
from models_ml.runs.backtest import Backtest, forecast_value_added
from models_ml.runs.folds import backtest_folds
from models_ml.settings import Settings
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts, last_sale_day

pytestmark = pytest.mark.dbt


def test_folds_side_by_side_give_the_same_figures(published_home: Path) -> None:
    settings = Settings(home=published_home)
    warehouse = DuckDBWarehouse(published_home / "warehouse.duckdb")
    last = last_sale_day(warehouse)
    marts = Marts(warehouse, last, settings.horizon_days)
    folds = [last - timedelta(days=28 * back) for back in (1, 2)]
    told: list[date] = []

    def figures(jobs: int) -> Backtest:
        scored = backtest_folds(
            settings,
            marts,
            folds,
            ["moving_average"],
            jobs=jobs,
            on_result=lambda one: told.append(one.metrics["fold"].iloc[0]),
        )
        return replace(scored, metrics=scored.metrics[scored.metrics["metric"] != "seconds"].reset_index(drop=True))

    one, other = figures(1), figures(2)
    for frame in fields(Backtest):
        pd.testing.assert_frame_equal(getattr(one, frame.name), getattr(other, frame.name), check_exact=True)
    assert sorted(told) == sorted(folds * 2)


def test_what_is_added_to_a_forecast_without_error_has_no_figure() -> None:
    """Seasonal naive is exact on the first level: the store takes no infinite figure."""
    rows = [(model, level, value) for model, values in (("a", (0.2, 0.3)), ("seasonal_naive", (0.0, 0.6)))
            for level, value in enumerate(values)]  # fmt: skip
    metrics = pd.DataFrame(rows, columns=["model", "level", "value"]).assign(fold=date(2019, 6, 2), metric="wrmsse")
    added = forecast_value_added(metrics)
    assert added[["model", "level", "value"]].to_numpy().tolist() == [["a", 1, 0.5]]


def test_a_run_keeps_the_errors_behind_its_metrics(published_home: Path) -> None:
    """Of each series, node and lead day, for its model and the baseline."""
    (folder,) = (published_home / "models").glob("run_*")
    tables = {name: table.to_pandas() for name, table in artifact.load(folder).tables.items()}
    rmsse = tables["run_metrics"].query("metric == 'rmsse'").set_index(["model", "level"])["value"]
    by_series = tables["backtest_series"].groupby("model")["rmsse"].mean()
    assert set(by_series.index) == {"middle_out", "seasonal_naive"}
    for model, mean in by_series.items():
        assert mean == pytest.approx(rmsse[model, 12])
    total = tables["backtest_nodes"].query("node_id == 'total'").set_index("model")["rmsse"]
    assert total.to_dict() == pytest.approx({model: rmsse[model, 1] for model in total.index})
    leads = tables["backtest_leads"].groupby(["model", "level"])["actual_units"].sum()
    assert leads.to_numpy() == pytest.approx(tables["backtest_series"].groupby("model")["actual_units"].sum().iloc[0])
