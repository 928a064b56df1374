"""A past day replayed in a home that has gone on since: what its run forecast then, byte for byte."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from models_ml.job.builds import build_warehouse
from models_ml.job.raw_data import ingest_raw, prepare_home
from models_ml.runs.backtest import Backtest
from models_ml.runs.fit import train
from models_ml.runs.plan import plan_training
from models_ml.settings import Settings
from models_ml.sources.m5.layout import FIRST_DAY, PRICES_FILE, SALES_FILE
from models_ml.sources.m5.simulate import simulate
from models_ml.warehouse.connection import open_warehouse

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DAYS, LATER = 500, 9
"""Up to a Monday, which is no day of the weekly grid; the files of later go on for nine days."""

REPLAYED = FIRST_DAY + timedelta(days=DAYS - 1)
CORRECTED_DAY = "d_455"


class Home:
    """A home whose raw files come anew."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, data_dir=home / "raw", memory_limit_gb=2.0)
        prepare_home(self.settings)

    def receive(self, days: int, *, corrected: bool) -> None:
        """New raw files: sales of so many days, with the late correction or before it came."""
        raw = self.settings.home / "raw"
        simulate(raw, stores=1, items=24, days=days, seed=7)
        sales = pd.read_csv(raw / SALES_FILE)
        sales.loc[3, CORRECTED_DAY] += 25 if corrected else 0
        sales.to_csv(raw / SALES_FILE, index=False)

    def build(self, as_of: date | None = None) -> None:
        ingest_raw(self.settings, as_of)
        build_warehouse(self.settings, force=False)

    def published(self) -> tuple[dict[str, bytes], pd.DataFrame]:
        """What a run of today's marts would publish: bytes by file, and the past sales, whose order is the engine's."""
        warehouse = open_warehouse(self.settings.effective_warehouse_url, threads=2, memory_limit_gb=2.0)
        plan = plan_training(self.settings, warehouse)
        assert plan.marts.origin == REPLAYED
        folder = train(plan, self.settings, Backtest.none(), self.settings.home / "models")
        files = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
        del files["sales_history.parquet"]
        past = pd.read_parquet(folder / "sales_history.parquet").astype({"store_id": str, "item_id": str})
        return files, past.sort_values(["store_id", "item_id", "date"], ignore_index=True)


def test_a_replay_is_the_run_of_then_on_the_sales_as_they_are_known_now(tmp_path: Path) -> None:
    """The marts have gone on for nine days, a correction came late, and they are built back incrementally.

    Corrections count in a replay, whenever they came: a retailer's tables do not say when a row was changed.
    """
    then, gone_on = Home(tmp_path / "then"), Home(tmp_path / "gone_on")
    then.receive(DAYS, corrected=True)
    then.build()
    gone_on.receive(DAYS, corrected=False)
    gone_on.build()
    gone_on.receive(DAYS + LATER, corrected=True)
    gone_on.build()
    assert len(pd.read_csv(gone_on.settings.home / "raw" / PRICES_FILE)) > len(
        pd.read_csv(then.settings.home / "raw" / PRICES_FILE)
    )
    gone_on.build(as_of=REPLAYED)
    (expected, past), (found, past_found) = then.published(), gone_on.published()
    assert {"forecasts.parquet", "node_forecasts.parquet", "inventory_policy.parquet"} <= expected.keys()
    assert found == expected
    pd.testing.assert_frame_equal(past_found, past)
