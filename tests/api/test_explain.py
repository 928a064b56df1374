from __future__ import annotations

import httpx
import pytest

from .conftest import ORIGIN, Published, World, assert_problem


@pytest.mark.parametrize("node_id", ["total", "store:CA_1", "store_department:CA_1|FOODS_1"])
def test_causes_are_those_of_the_run_and_add_up_to_the_forecast(
    client: httpx.Client, first_run: Published, node_id: str
) -> None:
    body = client.get("/forecast/explain", params={"node_id": node_id}).json()
    stored = first_run.contributions[first_run.contributions["node_id"] == node_id]
    units = stored.pivot_table(index="target_date", columns="family", values="units")
    assert body["causes"][0]["family"] == "level"
    assert {cause["family"] for cause in body["causes"]} == set(units.columns)
    for cause in body["causes"]:
        assert cause["days"] == pytest.approx(list(units[cause["family"]]))
        assert cause["units_per_step"] == pytest.approx(units[cause["family"]].mean())
        away = (units[cause["family"]] - units[cause["family"]].mean()).abs()
        assert cause["strongest_date"] == str(away.idxmax())
    forecast = client.get("/forecast/hierarchy", params={"node_id": node_id}).json()["nodes"][0]["days"]
    total = [sum(cause["days"][day] for cause in body["causes"]) for day in range(len(body["dates"]))]
    assert body["dates"] == [day["date"] for day in forecast]
    assert total == pytest.approx([day["mean"] for day in forecast])


def test_without_a_name_it_is_the_total(client: httpx.Client) -> None:
    assert client.get("/forecast/explain").json()["node_id"] == "total"


def test_an_item_has_its_share_of_what_moves_its_store_and_department(
    client: httpx.Client, first_run: Published
) -> None:
    asked = {"item_id": "FOODS_1_001", "store_id": "CA_1"}
    body = client.get("/forecast/explain", params=asked).json()
    assert body["node_id"] == "store_department:CA_1|FOODS_1"
    days = client.get("/forecast", params=asked).json()["days"]
    total = [sum(cause["days"][day] for cause in body["causes"]) for day in range(len(days))]
    assert total == pytest.approx([day["mean"] for day in days])
    both = first_run.forecasts.query("store_id == 'CA_1' and item_id.str.startswith('FOODS_1')")
    own = both[both["item_id"] == "FOODS_1_001"]["mean"].sum()
    assert body["share"] == pytest.approx(own / both["mean"].sum())


def test_what_cannot_be_explained_is_said(client: httpx.Client) -> None:
    def ask(**parameters: str) -> httpx.Response:
        return client.get("/forecast/explain", params=parameters)

    assert_problem(ask(node_id="store:WI_9"), 404, "unknown-node")
    assert_problem(ask(node_id="galaxy"), 404, "unknown-node")
    assert_problem(ask(item_id="FOODS_1_001", store_id="WI_9"), 404, "unknown-store")
    assert_problem(ask(item_id="HOBBIES_1_001", store_id="TX_1"), 404, "unknown-series")
    assert_problem(ask(item_id="NONE", store_id="TX_1"), 404, "unknown-item")
    assert_problem(ask(item_id="FOODS_1_001"), 422, "invalid-request")
    assert_problem(ask(node_id="total", store_id="CA_1"), 422, "invalid-request")
    assert_problem(ask(node_id="item:FOODS_1_001"), 422, "invalid-request")


def test_a_run_without_explanations_says_so(world: World) -> None:
    problem = assert_problem(world.client.get("/forecast/explain"), 404, "not-explained")
    assert world.published.run.run_id in problem["detail"]


def test_explanations_that_come_later_are_shown_at_once(world: World) -> None:
    assert_problem(world.client.get("/forecast/explain"), 404, "not-explained")
    with world.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into node_contributions values (?, 'total', ?, 'level', 7.0)",
            (world.published.run.run_id, ORIGIN.replace(day=ORIGIN.day + 1).isoformat()),
        )
    assert world.client.get("/forecast/explain").json()["causes"][0]["units_per_step"] == 7.0
