"""Backtests: the same figures however many folds are scored side by side, and each fold is told of."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from models_ml.marts import Marts, last_sale_day
from models_ml.settings import Settings
from models_ml.training import backtest_metrics
from models_ml.warehouse import DuckDBWarehouse

pytestmark = pytest.mark.dbt


def test_folds_side_by_side_give_the_same_figures(published_home: Path) -> None:
    settings = Settings(home=published_home)
    warehouse = DuckDBWarehouse(published_home / "warehouse.duckdb")
    last = last_sale_day(warehouse)
    marts = Marts(warehouse, last, settings.horizon_days)
    folds = [last - timedelta(days=28 * back) for back in (1, 2)]
    told: list[date] = []

    def figures(jobs: int) -> pd.DataFrame:
        metrics = backtest_metrics(
            settings, marts, folds, ["moving_average"], jobs=jobs, on_result=lambda m: told.append(m["fold"].iloc[0])
        )
        return metrics[metrics["metric"] != "seconds"].reset_index(drop=True)

    pd.testing.assert_frame_equal(figures(1), figures(2), check_exact=True)
    assert sorted(told) == sorted(folds * 2)
