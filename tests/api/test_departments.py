from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from .conftest import HORIZON, ORIGIN, Published, World, assert_problem


def test_departments_are_the_sums_of_their_items(client: httpx.Client, first_run: Published) -> None:
    merged = first_run.forecasts.merge(first_run.series, on=["store_id", "item_id"])
    sums = merged.groupby(["store_id", "department_id"])["mean"].sum()
    rows = client.get("/forecast/departments").json()["departments"]
    assert [(row["store_id"], row["department_id"]) for row in rows] == list(sums.index)
    for row in rows:
        assert row["forecast_units"] == pytest.approx(sums[row["store_id"], row["department_id"]])
        assert row["forecast_units"] == pytest.approx(sum(day["mean"] for day in row["days"]))
        assert len(row["days"]) == HORIZON


def test_the_past_is_the_same_number_of_days_and_last_year_the_same_weekdays(
    client: httpx.Client, first_run: Published
) -> None:
    past = first_run.node_history.set_index(["node_id", "date"])["units"]
    row = client.get("/forecast/departments", params={"store_id": "TX_1"}).json()["departments"][0]
    recent = [past[row["node_id"], ORIGIN - timedelta(days=n)] for n in range(HORIZON)]
    year_ago = [past[row["node_id"], ORIGIN + timedelta(days=n - 364)] for n in range(1, HORIZON + 1)]
    assert row["last_period_units"] == sum(recent)
    assert row["last_year_units"] == sum(year_ago)


def test_a_gap_in_the_past_is_null_and_not_a_smaller_sum(world: World) -> None:
    with world.engine.begin() as connection:
        connection.exec_driver_sql("delete from node_history where date = ?", (ORIGIN.isoformat(),))
    row = world.client.get("/forecast/departments").json()["departments"][0]
    assert row["last_period_units"] is None
    assert row["last_year_units"] is not None


def test_one_department_of_all_stores(client: httpx.Client) -> None:
    rows = client.get("/forecast/departments", params={"department_id": "FOODS_3"}).json()["departments"]
    assert [row["store_id"] for row in rows] == ["CA_1", "CA_2", "TX_1"]
    assert {row["category_id"] for row in rows} == {"FOODS"}
    assert [row["region_id"] for row in rows] == ["CA", "CA", "TX"]


def test_unknown_names_are_refused(client: httpx.Client) -> None:
    assert_problem(client.get("/forecast/departments", params={"store_id": "WI_9"}), 404, "unknown-store")
    problem = assert_problem(
        client.get("/forecast/departments", params={"department_id": "TOYS_1"}), 404, "unknown-node"
    )
    assert problem["errors"][0]["allowed"] == ["FOODS_1", "FOODS_3", "HOBBIES_1"]


def test_each_store_comes_from_its_own_run(world: World) -> None:
    world.publish(2, stores=("CA_2",))
    rows = world.client.get("/forecast/departments").json()["departments"]
    runs = {row["store_id"]: row["run"]["run_id"] for row in rows}
    assert runs == {"CA_1": "run_0000000000000001", "CA_2": "run_0000000000000002", "TX_1": "run_0000000000000001"}
