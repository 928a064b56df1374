"""A store fitted by itself knows nothing of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models_ml.errors import InputError
from models_ml.forecasters.item_boosting import ItemBoosting
from models_ml.scale_out.by_store import StoreWork, forecast_store, forecast_stores
from models_ml.warehouse.connection import DuckDBWarehouse
from models_ml.warehouse.marts import Marts, last_sale_day


@pytest.fixture(scope="module")
def work(published_home: Path) -> StoreWork:
    path = published_home / "warehouse.duckdb"
    return StoreWork(f"duckdb:///{path}", last_sale_day(DuckDBWarehouse(path)), horizon_days=28, seed=3, threads=1)


def test_it_is_the_item_model_on_the_stores_own_series(work: StoreWork) -> None:
    """What a run of one store gives: the same forecaster, its marts cut to the store."""
    warehouse = DuckDBWarehouse(Path(work.warehouse_url.removeprefix("duckdb:///")))
    stores = sorted(Marts(warehouse, work.origin, 28).series["store_id"].unique())
    assert len(stores) == 2
    together = forecast_stores(work, stores[::-1])
    for store in stores:
        marts = Marts(warehouse, work.origin, 28, (store,))
        forecaster = ItemBoosting(seed=3, threads=1)
        forecaster.fit(marts)
        own = together[together["store_id"] == store]
        assert list(own["item_id"].unique()) == list(marts.series["item_id"])
        np.testing.assert_array_equal(own["mean"].to_numpy().reshape(-1, 28), forecaster.forecast(marts).mean)
        assert sorted(own["target_date"].unique()) == marts.target_dates


def test_unknown_store(work: StoreWork) -> None:
    with pytest.raises(InputError, match="Unknown store NOWHERE"):
        forecast_store(work, "NOWHERE")
