"""Ranges of sales that promotions move: they are learned from a twin that knows of promotions, too."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import numpy as np
import pytest

from models_ml.forecasters.quantiles import fit_quantiles
from models_ml.forecasters.quantiles.replay import FEWEST_REGRESSIONS, MOST_REPLAYS, replay
from models_ml.forecasters.registry import make_forecaster
from models_ml.job import raw_data
from models_ml.settings import QUANTILES, Settings
from models_ml.warehouse import dbt
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts
from tests.models_ml.sources.long.shapes import LAST_DAY, store_sales

HORIZON = 28
LOW, HIGH = QUANTILES.index(0.025), QUANTILES.index(0.975)


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Two years of store sales, as of four weeks before their end."""
    folder = tmp_path_factory.mktemp("promotions")
    settings = Settings(
        home=folder / "home", source="long", source_config=store_sales(folder / "raw", days=760), horizon_days=HORIZON
    )
    raw_data.prepare_home(settings)
    raw_data.ingest_raw(settings)
    dbt.build(settings, "warehouse", without=["test", "unit_test"])
    return Marts(DuckDBWarehouse(settings.warehouse_path), (LAST_DAY - timedelta(days=HORIZON)).date(), HORIZON)


@pytest.mark.dbt
@pytest.mark.slow
def test_ranges_of_promoted_sales_hold_and_are_narrow(marts: Marts, monkeypatch: pytest.MonkeyPatch) -> None:
    forecaster = make_forecaster("middle_out", seed=1, threads=2)
    forecaster.fit(marts)
    forecast = forecaster.forecast(marts)
    later = Marts(marts.warehouse, LAST_DAY.date(), HORIZON)
    came = later.daily(marts.origin + timedelta(days=1), marts.origin + timedelta(days=HORIZON))

    def ranges(fewest: int, method: str) -> tuple[float, float]:
        """Share of open days that the 95 % ranges hold, and their width by what was sold."""
        monkeypatch.setattr(import_module(replay.__module__), "FEWEST_REGRESSIONS", fewest)
        replayed = replay(marts)
        assert replayed.method == method
        quantiles = fit_quantiles(marts, replays=replayed).around(forecast).quantiles
        assert quantiles is not None
        low, high, sold = quantiles[came > 0, LOW], quantiles[came > 0, HIGH], came[came > 0]
        return float(np.mean((low <= sold) & (sold <= high))), float((high - low).sum() / sold.sum())

    held, width = ranges(FEWEST_REGRESSIONS, "regression")
    held_without, width_without = ranges(MOST_REPLAYS + 1, "trailing")
    assert held > 0.9
    assert width < 0.6 * width_without
    assert held_without == 1.0  # too wide: what a promotion brings is all error to a twin that knows of none
