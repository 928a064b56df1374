from __future__ import annotations

import httpx

from .conftest import World, assert_problem


def test_stores_with_departments_and_runs(client: httpx.Client) -> None:
    stores = client.get("/stores").json()["stores"]
    assert [(s["store_id"], s["region_id"], s["series_count"]) for s in stores] == [
        ("CA_1", "CA", 4),
        ("CA_2", "CA", 3),
        ("TX_1", "TX", 3),
    ]
    assert stores[0]["departments"] == ["FOODS_1", "FOODS_3", "HOBBIES_1"]


def test_departments_with_their_stores(client: httpx.Client) -> None:
    departments = client.get("/departments").json()["departments"]
    assert [(d["department_id"], d["category_id"], d["series_count"]) for d in departments] == [
        ("FOODS_1", "FOODS", 6),
        ("FOODS_3", "FOODS", 3),
        ("HOBBIES_1", "HOBBIES", 1),
    ]
    assert departments[2]["stores"] == ["CA_1"]


def test_stores_name_the_run_that_each_is_served_from(world: World) -> None:
    world.publish(2, stores=("TX_1",))
    stores = world.client.get("/stores").json()["stores"]
    assert [s["run"]["run_id"][-1] for s in stores] == ["1", "1", "2"]


def test_only_get_is_allowed(client: httpx.Client) -> None:
    assert_problem(client.delete("/stores"), 405, "method-not-allowed")
    assert_problem(client.get("/stores/CA_1"), 404, "not-found")
