"""What-ifs, computed again from the published frames."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from .conftest import STORES, Published, World, assert_problem

ITEM = {"item_id": "FOODS_1_001", "store_id": "CA_1"}
STILL = {"item_id": "FOODS_1_002", "store_id": "CA_1"}
DEPARTMENT = {"department_id": "FOODS_1"}


def ask(client: httpx.Client, **body: Any) -> dict[str, Any]:
    response = client.post("/what-if", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def means(run: Published, **where: str) -> pd.DataFrame:
    """Forecasts of series as series x days."""
    rows = run.forecasts.merge(run.series, on=["store_id", "item_id"])
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.pivot_table(index=["store_id", "item_id"], columns="target_date", values="mean")


def test_a_cheaper_item_sells_by_its_elasticity_on_the_days_asked(client: httpx.Client, first_run: Published) -> None:
    body = ask(client, **ITEM, price_change_percent=-20, first_date="2016-05-25", last_date="2016-05-26")
    base = means(first_run, **ITEM).to_numpy()[0]
    assert [day["base"] for day in body["days"]] == pytest.approx(base)
    factor = np.ones(28)
    factor[2:4] = 0.8**-2
    assert [day["scenario"] for day in body["days"]] == pytest.approx(base * factor)
    assert body["days"][2]["low"] == pytest.approx(base[2] * 0.8**-1.6)
    assert body["days"][2]["high"] == pytest.approx(base[2] * 0.8**-2.4)
    assert body["base"]["units"] == pytest.approx(base[2:4].sum())
    price = first_run.series.query("item_id == 'FOODS_1_001' and store_id == 'CA_1'")["price"].iloc[0]
    assert body["trusted"]["price"] == price
    assert body["by_elasticity"]["revenue"] == pytest.approx(base[2:4].sum() * 0.8**-2 * price * 0.8)
    assert body["by_model"]["units"] == pytest.approx(body["by_elasticity"]["units"])
    assert body["elasticity"] == {
        **{"item_id": "FOODS_1_001", "elasticity": -2.0, "low": -2.4, "high": -1.6},
        **{"own_estimate": True, "price_changes": 5},
    }
    assert body["model_is_monotone"]


def test_21_08_past_price_moves_are_counted(client: httpx.Client, first_run: Published) -> None:
    body = client.get("/elasticities/moves", params={"department_id": "FOODS_1", "store_id": "CA_1"}).json()
    history = first_run.frames.sales_history.to_pandas().merge(
        first_run.series[["store_id", "item_id", "department_id"]]
    )
    own = history[(history["store_id"] == "CA_1") & (history["department_id"] == "FOODS_1")]
    moved = own.groupby("item_id")["price"].nunique() > 1
    assert (body["moves"] > 0) == moved.any()
    for name in ("elasticity", "model"):
        if body[name]:
            assert body[name]["share"] == pytest.approx(body[name]["right"] / body[name]["moves"])
    assert_problem(client.get("/elasticities/moves", params={"department_id": "NONE"}), 422, "invalid-request")


def test_a_price_and_its_percentage_are_the_same(client: httpx.Client, first_run: Published) -> None:
    price = ask(client, **ITEM)["trusted"]["price"]
    by_price, by_percent = ask(client, **ITEM, price=price * 0.9), ask(client, **ITEM, price_change_percent=-10)
    assert by_price["by_elasticity"]["units"] == pytest.approx(by_percent["by_elasticity"]["units"])
    assert by_price["price_ratio"] == pytest.approx(0.9)


@pytest.mark.parametrize("where", [DEPARTMENT, {**DEPARTMENT, "store_id": "CA_2"}, ITEM])
@pytest.mark.parametrize("method", ["elasticity", "model"])
def test_every_level_above_adds_up(
    client: httpx.Client, first_run: Published, where: dict[str, str], method: str
) -> None:
    body = ask(client, **where, price_change_percent=-8, method=method)
    levels = {one["node_id"]: one for one in body["levels"]}
    change = body["by_" + method]["units"] - body["base"]["units"]
    assert change > 0
    nodes = first_run.node_forecasts.groupby("node_id")["mean"].sum()
    for number in range(1, 10):
        at = [one for one in body["levels"] if one["level"] == number]
        assert sum(one["scenario"] - one["base"] for one in at) == pytest.approx(change), number
        for one in at:
            assert one["base"] == pytest.approx(nodes[one["node_id"]])
    assert sum(day["scenario"] - day["base"] for day in body["days"]) == pytest.approx(change)
    assert levels["total"]["scenario"] > levels["total"]["base"]


def test_a_department_in_all_stores_is_the_sum_of_its_stores(client: httpx.Client) -> None:
    whole = ask(client, **DEPARTMENT, price_change_percent=-8)
    parts = [ask(client, **DEPARTMENT, store_id=store, price_change_percent=-8) for store in STORES]
    for figure in ("units", "revenue", "low_units", "high_units"):
        total = sum(part["by_elasticity"][figure] for part in parts)
        assert whole["by_elasticity"][figure] == pytest.approx(total)
    assert whole["elasticity"]["low"] == pytest.approx(-2.2)


def test_what_history_has_not_seen_is_refused_with_what_it_has(client: httpx.Client) -> None:
    def refused(**body: Any) -> dict[str, Any]:
        return assert_problem(client.post("/what-if", json=body), 422, "outside-history")

    assert "-30.0 % to +20.0 %" in refused(**ITEM, price_change_percent=-31)["detail"]
    assert "-10.0 % to +10.0 %" in refused(**STILL, price_change_percent=15)["detail"]
    price = ask(client, **ITEM)["trusted"]["price"]
    assert f"from {price * 0.7:.4g} to {price * 1.2:.4g}" in refused(**ITEM, price=price * 1.3)["detail"]
    assert "% of the planned price" in refused(**DEPARTMENT, price_change_percent=-50)["detail"]
    easter = {"date": "2016-05-25", "event_name": "Easter"}
    assert refused(**ITEM, events=[easter])["errors"][0]["allowed"] == ["Christmas", "Memorial day", "MemorialDay"]
    assert refused(**ITEM, flags={"leaflet": True})["errors"][0]["allowed"] == ["promotion"]


def test_the_ends_of_the_range_are_within_it(client: httpx.Client) -> None:
    trusted = ask(client, **ITEM)["trusted"]
    for end in ("lowest", "highest"):
        body = ask(client, **ITEM, price=trusted[f"{end}_price"])
        assert body["price_ratio"] == pytest.approx(trusted[f"{end}_ratio"])
        percent = 100 * (trusted[f"{end}_ratio"] - 1)
        assert ask(client, **ITEM, price_change_percent=percent)["price_ratio"] == body["price_ratio"]
    assert ask(client, **STILL)["trusted"]["seen_by"] == "department"


def test_a_scenario_is_a_factor_on_the_final_and_every_level_adds_up(world: World) -> None:
    plain = ask(world.client, **ITEM, price_change_percent=-20)
    period = {"valid_from": "2016-05-25", "valid_to": "2016-06-02", "reason": "a fair", "author": "ann"}
    made = []
    for node, kind, value in (
        ("department:FOODS_1", "percent", 50),
        ("store:CA_1", "absolute", 400),
        ("item_store:FOODS_1_001|CA_1", "absolute", 7),
        ("store:TX_1", "percent", 9),
    ):
        answer = world.client.post("/overrides", json={"node_id": node, "kind": kind, "value": value, **period})
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["override_id"])
    days = world.client.get("/forecast", params=ITEM).json()["days"]
    changed = ask(world.client, **ITEM, price_change_percent=-20)
    assert [day["base"] for day in changed["days"]] == pytest.approx([day["final"] for day in days])
    assert [day["model"] for day in changed["days"]] == pytest.approx([day["mean"] for day in days])
    assert changed["days"][2]["base"] == pytest.approx(7)
    assert changed["overrides"] == made[:3]
    assert plain["overrides"] == []
    assert [day["scenario"] / day["base"] for day in changed["days"]] == pytest.approx(
        [day["scenario"] / day["base"] for day in plain["days"]]
    )
    assert changed["model"] == plain["base"]
    whole = ask(world.client, **DEPARTMENT, price_change_percent=-8)
    finals = {}
    for node in ("total", "store:CA_1", "department:FOODS_1", "store_department:TX_1|FOODS_1"):
        page = world.client.get("/forecast/hierarchy", params={"node_id": node}).json()
        finals[node] = page["nodes"][0]["final_units"]
    levels = {one["node_id"]: one for one in whole["levels"]}
    for node, units in finals.items():
        assert levels[node]["base"] == pytest.approx(units), node
    change = sum(day["scenario"] - day["base"] for day in whole["days"])
    for number in range(1, 10):
        at = [one for one in whole["levels"] if one["level"] == number]
        assert sum(one["scenario"] - one["base"] for one in at) == pytest.approx(change), number


def test_an_event_put_and_taken_away(client: httpx.Client, first_run: Published) -> None:
    base = means(first_run, **ITEM).to_numpy()[0]
    put = ask(client, **ITEM, events=[{"date": "2016-06-01", "event_name": "Christmas"}])
    factor = np.ones(28)
    factor[8:11] = [1.25, 0.5, 1.0]
    assert [day["scenario"] for day in put["days"]] == pytest.approx(base * factor)
    away = ask(client, **ITEM, events=[{"date": "2016-05-30", "event_name": "MemorialDay", "on": False}])
    factor = np.ones(28)
    factor[6:9] = [1 / 1.25, 1 / 0.5, 1.0]
    assert [day["scenario"] for day in away["days"]] == pytest.approx(base * factor)
    for wrong in (
        {"date": "2016-05-30", "event_name": "MemorialDay"},
        {"date": "2016-06-01", "event_name": "Christmas", "on": False},
    ):
        assert_problem(client.post("/what-if", json={**ITEM, "events": [wrong]}), 422, "invalid-request")


def test_a_promotion_counts_on_days_where_it_is_not_planned_yet(client: httpx.Client, first_run: Published) -> None:
    base = means(first_run, **DEPARTMENT).to_numpy().sum(axis=0)
    on = ask(client, **DEPARTMENT, flags={"promotion": True}, last_date="2016-05-25")
    assert [day["scenario"] / day["base"] for day in on["days"]] == pytest.approx([1, 1.5, 1.5, *[1.0] * 25])
    off = ask(client, **DEPARTMENT, flags={"promotion": False})
    assert [day["scenario"] for day in off["days"]] == pytest.approx(base * [1 / 1.5, *[1.0] * 27])


def test_a_model_that_sells_more_at_a_higher_price_is_told_of(client: httpx.Client) -> None:
    body = ask(client, department_id="HOBBIES_1", price_change_percent=10, method="model")
    assert not body["model_is_monotone"]
    assert body["by_model"]["units"] > body["base"]["units"] > body["by_elasticity"]["units"]
    assert [point["price_ratio"] for point in body["curve"]] == sorted(p["price_ratio"] for p in body["curve"])
    assert {point["price_ratio"] for point in body["curve"]} >= {0.7, 1.0, 1.2}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"store_id": "CA_1"},
        {"item_id": "FOODS_1_001"},
        {**ITEM, **DEPARTMENT},
        {**DEPARTMENT, "price": 2.0},
        {**ITEM, "price": 2.0, "price_change_percent": 1.0},
        {**ITEM, "first_date": "2016-05-22"},
        {**ITEM, "first_date": "2016-06-02", "last_date": "2016-06-01"},
        {**ITEM, "first_date": 1463875200},
        {**ITEM, "colour": "red"},
        {"department_id": "NOTHING"},
    ],
)
def test_a_question_without_a_meaning_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    assert_problem(client.post("/what-if", json=body), 422, "invalid-request")


def test_unknown_names_are_told_apart(client: httpx.Client) -> None:
    def post(**body: str) -> httpx.Response:
        return client.post("/what-if", json=body)

    assert_problem(post(item_id="FOODS_1_001", store_id="WI_9"), 404, "unknown-store")
    assert_problem(post(item_id="HOBBIES_1_001", store_id="TX_1"), 404, "unknown-series")
    assert_problem(post(item_id="NONE", store_id="TX_1"), 404, "unknown-item")


def test_elasticities_of_departments_and_of_the_items_of_one(client: httpx.Client) -> None:
    body = client.get("/elasticities").json()
    assert {one["department_id"]: one["elasticity"] for one in body["departments"]} == {
        "FOODS_1": -2.0, "FOODS_3": -2.0, "HOBBIES_1": -0.5,
    }  # fmt: skip
    assert body["items"] is None
    items = client.get("/elasticities", params={"department_id": "FOODS_1"}).json()["items"]
    assert [(one["item_id"], one["own_estimate"]) for one in items] == [("FOODS_1_001", True), ("FOODS_1_002", False)]
    assert_problem(client.get("/elasticities", params={"department_id": "X"}), 422, "invalid-request")
    assert_problem(client.get("/elasticities", params={"store_id": "X"}), 404, "unknown-store")


def test_a_run_that_stored_no_prices_says_so(world: World) -> None:
    with world.engine.begin() as connection:
        for table in ("scenario_series", "department_elasticities", "scenario_flags", "scenario_events"):
            connection.exec_driver_sql(f"delete from {table}")
    body = ask(world.client, **ITEM)
    assert body["trusted"] is None
    assert body["base"]["revenue"] is None
    assert body["by_model"] is None
    asked = {**ITEM, "price_change_percent": -1}
    assert "no price" in assert_problem(world.client.post("/what-if", json=asked), 422, "outside-history")["detail"]
    assert world.client.get("/elasticities").json()["departments"] == []


def test_without_an_elasticity_no_price_is_answered(world: World) -> None:
    with world.engine.begin() as connection:
        connection.exec_driver_sql("update scenario_series set elasticity = null, elasticity_low = null")
        connection.exec_driver_sql("update scenario_series set elasticity_high = null")
    asked = {**ITEM, "price_change_percent": -5}
    problem = assert_problem(world.client.post("/what-if", json=asked), 422, "outside-history")
    assert "did not move by itself" in problem["detail"]
    assert ask(world.client, **asked, method="model")["by_model"]["units"] > 0
    assert ask(world.client, **ITEM)["elasticity"] is None
