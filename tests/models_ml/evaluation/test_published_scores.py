"""The evaluator against figures published for the real M5 data (sNaive: the last week repeated)."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest

from models_ml.evaluation.metrics import Evaluator
from models_ml.hierarchy.aggregation import Hierarchy

pytestmark = pytest.mark.real_m5

PUBLISHED = [
    (1913, None, 0.86970),
    (1885, None, 0.92278),
    (1857, None, 0.88894),
    (1913, "CA_1", 0.65980),
]


@pytest.fixture(scope="module")
def m5(m5_zip) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    with zipfile.ZipFile(m5_zip) as archive:
        sales = pd.read_csv(archive.open("sales_train_evaluation.csv"))
        calendar = pd.read_csv(archive.open("calendar.csv"), usecols=["d", "wm_yr_wk"])
        prices = pd.read_csv(archive.open("sell_prices.csv"))
    series = sales[["item_id", "dept_id", "cat_id", "store_id", "state_id"]].set_axis(
        ["item_id", "department_id", "category_id", "store_id", "region_id"], axis=1
    )
    units = sales.filter(regex=r"^d_\d+$").to_numpy(dtype=np.float32)
    weekly = prices.pivot_table(index=["item_id", "store_id"], columns="wm_yr_wk", values="sell_price")
    weekly = weekly.reindex(pd.MultiIndex.from_frame(series[["item_id", "store_id"]]))
    daily_price = weekly.reindex(columns=calendar["wm_yr_wk"]).to_numpy(dtype=np.float64)
    return series, units, daily_price


@pytest.mark.parametrize(("origin", "store", "published"), PUBLISHED)
def test_seasonal_naive_scores_as_published(m5, origin: int, store: str | None, published: float) -> None:
    series, units, price = m5
    if store:
        rows = (series["store_id"] == store).to_numpy()
        series, units, price = series[rows], units[rows], price[rows]
    train, actual = units[:, :origin], units[:, origin : origin + 28]
    revenue = np.nan_to_num(train[:, -28:] * price[:, origin - 28 : origin]).sum(axis=1)
    evaluator = Evaluator.of(Hierarchy.of(series), train, actual, revenue)
    scores = evaluator.score(np.tile(train[:, -7:], 4))
    wrmsse = scores.query("level == 0 and metric == 'wrmsse'")["value"].item()
    assert round(wrmsse, 5) == published
