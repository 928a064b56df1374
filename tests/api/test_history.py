from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from .conftest import HISTORY, ORIGIN, Published, World, assert_problem

ASK = {"item_id": "FOODS_1_001", "store_id": "CA_1"}


def test_sales_are_those_published(client: httpx.Client, first_run: Published) -> None:
    sales = first_run.history
    expected = sales[(sales["store_id"] == "CA_1") & (sales["item_id"] == "FOODS_1_001")].sort_values("date")
    body = client.get("/forecast/history", params={**ASK, "days": 728}).json()
    assert [day["date"] for day in body["days"]] == [day.isoformat() for day in expected["date"]]
    assert [day["units"] for day in body["days"]] == list(expected["units"])
    assert {day["price"] for day in body["days"]} == {2.5}


@pytest.mark.parametrize("days", [1, 7, HISTORY])
def test_as_many_days_as_asked_for_up_to_the_origin(client: httpx.Client, days: int) -> None:
    body = client.get("/forecast/history", params={**ASK, "days": days}).json()
    assert len(body["days"]) == days
    assert body["days"][-1]["date"] == ORIGIN.isoformat() == body["run"]["origin"]


def test_sales_after_the_origin_of_the_served_run_are_not_shown(world: World) -> None:
    """The history goes forward with a newer run of which only another store is served."""
    with world.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into sales_history values ('CA_1', 'FOODS_1_001', ?, 99, null)",
            ((ORIGIN + timedelta(days=1)).isoformat(),),
        )
    body = world.client.get("/forecast/history", params=ASK).json()
    assert body["days"][-1]["date"] == ORIGIN.isoformat()


def test_a_correction_of_sales_is_seen_at_once(world: World) -> None:
    before = world.client.get("/forecast/history", params=ASK)
    with world.engine.begin() as connection:
        connection.exec_driver_sql("update sales_history set units = 77")
    after = world.client.get("/forecast/history", params=ASK, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert {day["units"] for day in after.json()["days"]} == {77}


@pytest.mark.parametrize("days", ["0", "729", "x", "-1", "1.5"])
def test_days_out_of_range_are_refused(client: httpx.Client, days: str) -> None:
    assert_problem(client.get("/forecast/history", params={**ASK, "days": days}), 422, "invalid-request")


def test_unknown_names_are_refused(client: httpx.Client) -> None:
    assert_problem(client.get("/forecast/history", params={**ASK, "item_id": "NONE"}), 404, "unknown-item")
    assert_problem(client.get("/forecast/history", params={**ASK, "store_id": "NONE"}), 404, "unknown-store")
