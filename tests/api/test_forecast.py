from __future__ import annotations

import httpx
import pandas as pd
import pytest

from api.schemas.forecast import SeriesForecast
from models_ml.settings import QUANTILE_COLUMNS, QUANTILES

from .conftest import HORIZON, ONLY_IN_CA_1, Published, World, assert_problem

ASK = {"item_id": "FOODS_1_001", "store_id": "CA_1"}


def _days(run: Published, store: str, item: str) -> pd.DataFrame:
    rows = run.forecasts
    return rows[(rows["store_id"] == store) & (rows["item_id"] == item)].sort_values("target_date")


def test_every_series_is_served_as_it_was_published(client: httpx.Client, first_run: Published) -> None:
    asked = ",".join(f"{p:g}" for p in QUANTILES)
    for store, item in first_run.series[["store_id", "item_id"]].itertuples(index=False):
        answer = client.get("/forecast", params={"item_id": item, "store_id": store, "quantiles": asked})
        assert answer.status_code == 200
        body = SeriesForecast.model_validate_json(answer.content)
        expected = _days(first_run, store, item)
        assert [day.date for day in body.days] == list(expected["target_date"])
        assert [day.mean for day in body.days] == list(expected["mean"])
        for probability, column in zip(QUANTILES, QUANTILE_COLUMNS, strict=True):
            assert [day.quantiles[f"{probability:g}"] for day in body.days] == list(expected[column])  # type: ignore[index]
        assert body.run.run_id == first_run.run.run_id
        assert body.run.origin == first_run.run.origin


def test_the_short_way_and_the_route_give_the_same_bytes(client: httpx.Client) -> None:
    """A percent sign sends the same question past the lane to the route."""
    plain = client.get("/forecast?item_id=FOODS_1_001&store_id=CA_1&quantiles=0.025,0.975")
    encoded = client.get("/forecast?item_id=FOODS%5F1_001&store_id=CA_1&quantiles=0.025%2C0.975")
    assert plain.content == encoded.content
    for header in ("etag", "cache-control", "vary", "content-type"):
        assert plain.headers[header] == encoded.headers[header]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("0.975,0.025", ["0.025", "0.975"]),
        ("0.5", ["0.5"]),
        (".50, 0.5", ["0.5"]),
        ("none", []),
        (None, ["0.025", "0.5", "0.975"]),
    ],
)
def test_quantiles_come_as_chosen(client: httpx.Client, given: str | None, names: list[str]) -> None:
    body = client.get("/forecast", params={**ASK, **({} if given is None else {"quantiles": given})}).json()
    assert len(body["days"]) == HORIZON
    assert all(list(day["quantiles"]) == names for day in body["days"])


def test_a_quantile_that_is_not_stored_says_which_are(client: httpx.Client) -> None:
    problem = assert_problem(client.get("/forecast", params={**ASK, "quantiles": "0.9"}), 422, "invalid-request")
    assert problem["errors"][0]["field"] == "quantiles"
    assert "0.975" in problem["errors"][0]["allowed"]


def test_an_unknown_item_is_told_apart_from_an_unknown_store(client: httpx.Client) -> None:
    problem = assert_problem(
        client.get("/forecast", params={"item_id": "NO_SUCH", "store_id": "CA_1"}), 404, "unknown-item"
    )
    assert "NO_SUCH" in problem["detail"]
    problem = assert_problem(
        client.get("/forecast", params={"item_id": "FOODS_1_001", "store_id": "WI_9"}), 404, "unknown-store"
    )
    assert problem["errors"][0]["allowed"] == ["CA_1", "CA_2", "TX_1"]


def test_an_item_of_other_stores_says_where_it_is(client: httpx.Client) -> None:
    problem = assert_problem(
        client.get("/forecast", params={"item_id": ONLY_IN_CA_1, "store_id": "TX_1"}), 404, "unknown-series"
    )
    assert problem["errors"][0]["allowed"] == ["CA_1"]


def test_names_are_compared_as_they_are(client: httpx.Client) -> None:
    assert_problem(client.get("/forecast", params={"item_id": "foods_1_001", "store_id": "CA_1"}), 404, "unknown-item")


@pytest.mark.parametrize(
    "query",
    [
        "item_id=FOODS_1_001",
        "store_id=CA_1",
        "",
        "item_id=&store_id=CA_1",
        "item_id=FOODS_1_001&store_id=CA_1&qantiles=0.5",
        "item_id=FOODS_1_001&store_id=CA_1&quantiles=",
        "item_id=FOODS_1_001%00&store_id=CA_1",
        f"item_id={'x' * 129}&store_id=CA_1",
    ],
)
def test_a_wrong_question_is_told_so(client: httpx.Client, query: str) -> None:
    problem = assert_problem(client.get(f"/forecast?{query}"), 422, "invalid-request")
    assert problem["errors"]


def test_only_reads_are_allowed(client: httpx.Client) -> None:
    answer = client.post("/forecast", params=ASK)
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_run_without_quantiles_says_null(world: World) -> None:
    with world.engine.begin() as connection:
        columns = ", ".join(f"{name} = null" for name in QUANTILE_COLUMNS)
        connection.exec_driver_sql(f"update forecasts set {columns}")
    body = world.client.get("/forecast", params=ASK).json()
    assert all(day["quantiles"] is None for day in body["days"])
    SeriesForecast.model_validate(body)


def test_each_store_is_served_from_its_own_run(world: World) -> None:
    world.publish(2, stores=("CA_2",))
    runs = {
        store: world.client.get("/forecast", params={"item_id": "FOODS_1_001", "store_id": store}).json()["run"][
            "run_id"
        ]
        for store in ("CA_1", "CA_2")
    }
    assert runs == {"CA_1": "run_0000000000000001", "CA_2": "run_0000000000000002"}
