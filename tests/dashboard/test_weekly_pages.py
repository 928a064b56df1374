"""The pages over a run of weekly sales: they speak of weeks, and of the run's own horizon."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import data
from dashboard.client import ApiClient
from dashboard.settings import get_settings
from tests.dashboard.conftest import api_server
from tests.dashboard.test_pages import show, words
from tests.models_ml.test_weekly import scored, store, units, warehouse, weeks

__all__ = ["scored", "store", "units", "warehouse", "weeks"]

BRAND = "Garden A"


@pytest.fixture(scope="module")
def weekly_api(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API over a weekly run of four weeks; gives its address."""
    folder = tmp_path_factory.mktemp("weekly_pages")
    shutil.copy(store, folder / "prediction_store.sqlite")
    server = api_server(folder)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(autouse=True)
def served(weekly_api: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DEMAND_API_URL", weekly_api)
    data.forget()
    get_settings.cache_clear()
    yield
    data.forget()
    get_settings.cache_clear()


PICKS = {"place": "store:shop-1", "product": f"department:{BRAND}"}
PAGES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "overview": (PICKS | {"days": "28"}, ("units a week on average", "against the 4 weeks before")),
    "explore": (PICKS | {"item": "A0001"}, ("units in the last 4 weeks", "against the week before")),
    "accuracy": ({}, ("How far off is a department in a week?", "by weeks ahead", "that repeats last week")),
    "inventory": (PICKS | {"item": "A0001"}, ("How many A0001 to order?", "expected demand of 10 days")),
    "what_if": ({"shop": "shop-1", "dept": BRAND, "article": "A0001"}, ("Week by week",)),
    "overrides": (PICKS, ("in 4 weeks", "A week is changed if its first day is within")),
}
DAILY = re.compile(r"units a day|days ahead|[Dd]ay by day|by day|a day was off|\b28 days|\bdays fall|7 days before")
"""What only a daily run may say."""


@pytest.mark.parametrize("page", PAGES)
def test_a_weekly_run_is_told_in_weeks(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address, expected = PAGES[page]
    answered = data.what_if  # these sales have neither prices nor promotions, so there would be nothing to ask
    monkeypatch.setattr(data, "what_if", lambda *asked: answered(*asked).model_copy(update={"flags": ["promotion"]}))
    test = show(page, **address)
    labels = [one.label for kind in ("selectbox", "slider", "number_input") for one in getattr(test, kind)]
    tables = [column for table in test.dataframe for column in table.value.columns]
    said = " ".join([words(test), *labels, *tables, *(option for one in test.selectbox for option in one.options)])
    for sentence in expected:
        assert sentence in said
    assert not DAILY.search(said)


def test_a_window_is_a_week_or_the_whole_horizon(weekly_api: str) -> None:
    test = show("overview", **PICKS)
    assert test.segmented_control[0].options == ["Next week", "Next 4 weeks"]
    client = ApiClient(weekly_api)
    [node] = client.nodes({"level": 9, "node_id": f"store_department:shop-1|{BRAND}"}).nodes
    client.close()
    assert f"{node.days[0].mean:,.0f} units" in words(test)
    test.segmented_control[0].set_value("28").run()
    assert f"{node.forecast_units:,.0f} units" in words(test)
