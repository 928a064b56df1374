from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest

from .conftest import ORIGIN, POLICY_DAYS, WITHOUT_POLICY, Published, World, assert_problem, pages_of
from .test_overrides import make

TERMS = ["lead_time_days", "review_period_days", "service_level", "holding_cost", "shortage_cost"]
FIGURES = ["expected_demand", "safety_stock", "reorder_point", "order_up_to", "expected_short", "days_of_cover",
           "mean_stock"]  # fmt: skip
ONE = {"item_id": "FOODS_1_001", "store_id": "CA_1"}


def told(run: Published) -> pd.DataFrame:
    """What was published, with the value of the stock."""
    rows = run.frames.inventory_policy.to_pandas().merge(run.series, on=["store_id", "item_id"])
    return rows.assign(stock_value=rows["mean_stock"] * rows["price"])


def test_a_policy_is_the_published_one_with_its_terms(client: httpx.Client, first_run: Published) -> None:
    body = client.get("/inventory", params=ONE).json()
    expected = told(first_run).set_index(["item_id", "store_id"]).loc[tuple(ONE.values())]
    assert body["run"]["run_id"] == first_run.run.run_id
    assert body["order"] is None
    assert body["policy"]["terms"] == pytest.approx(expected[TERMS].to_dict())
    for name in [*FIGURES, "price", "stock_value"]:
        assert body["policy"][name] == pytest.approx(expected[name]), name


def test_an_order_lifts_the_stock_to_the_level_and_no_further(client: httpx.Client) -> None:
    policy = client.get("/inventory", params=ONE).json()["policy"]
    level, reorder = policy["order_up_to"], policy["reorder_point"]
    assert 0 < reorder < level
    for on_hand, on_order, units, low in (
        (0, 0, level, True),
        (reorder - 1, 0, level - reorder + 1, True),
        (reorder - 1, 1, level - reorder, False),
        (level, 0, 0, False),
        (level + 5, 3, 0, False),
        (level - 0.5, 0, 1, False),
    ):
        order = client.get("/inventory", params={**ONE, "on_hand": on_hand, "on_order": on_order}).json()["order"]
        assert (order["order_units"], order["below_reorder_point"]) == (units, low)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "2e9", "x"])
def test_stock_that_cannot_be_is_refused(client: httpx.Client, value: str) -> None:
    assert_problem(client.get("/inventory", params={**ONE, "on_hand": value}), 422, "invalid-request")


def test_unknown_names_are_refused(client: httpx.Client) -> None:
    for changes, kind in (
        ({"store_id": "WI_9"}, "unknown-store"),
        ({"item_id": "TOYS_1_001"}, "unknown-item"),
        ({"item_id": WITHOUT_POLICY, "store_id": "TX_1"}, "unknown-series"),
        ({"item_id": WITHOUT_POLICY}, "no-policy"),
    ):
        assert_problem(client.get("/inventory", params={**ONE, **changes}), 404, kind)


@pytest.mark.parametrize("sort", ["name", "value"])
def test_all_policies_come_once_over_the_pages(client: httpx.Client, first_run: Published, sort: str) -> None:
    rows = pages_of(client, "/inventory/items", "items", limit=2, sort=sort)
    expected = told(first_run).sort_values(
        ["item_id", "store_id"] if sort == "name" else ["stock_value", "item_id", "store_id"],
        ascending=True if sort == "name" else [False, True, True],
    )
    assert [(row["item_id"], row["store_id"]) for row in rows] == list(
        expected[["item_id", "store_id"]].itertuples(index=False, name=None)
    )


def test_items_without_a_price_come_last_and_have_no_value(world: World) -> None:
    with world.engine.begin() as connection:
        connection.exec_driver_sql("update run_series set price = null where item_id = 'FOODS_1_001'")
    rows = pages_of(world.client, "/inventory/items", "items", limit=1, sort="value")
    assert [row["item_id"] for row in rows[-3:]] == ["FOODS_1_001"] * 3
    assert [row["stock_value"] for row in rows[-3:]] == [None] * 3
    departments = world.client.get("/inventory/departments").json()["departments"]
    assert {row["unpriced_items"] for row in departments if row["department_id"] == "FOODS_1"} == {1}


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"store_id": "CA_1"}, 3),
        ({"department_id": "FOODS_1"}, 6),
        ({"category_id": "FOODS"}, 9),
        ({"category_id": "HOBBIES"}, 0),
        ({"store_id": "TX_1", "department_id": "FOODS_3"}, 1),
    ],
)
def test_filters(client: httpx.Client, filters: dict[str, str], count: int) -> None:
    body = client.get("/inventory/items", params=filters).json()
    assert body["total"] == len(body["items"]) == count


def test_departments_are_the_sums_of_their_items(client: httpx.Client, first_run: Published) -> None:
    rows = told(first_run)
    rows["safety_stock_value"] = rows["safety_stock"] * rows["price"]
    sums = rows.groupby(["store_id", "department_id"]).sum(numeric_only=True)
    body = client.get("/inventory/departments").json()["departments"]
    assert [(row["store_id"], row["department_id"]) for row in body] == list(sums.index)
    for row in body:
        expected = sums.loc[row["store_id"], row["department_id"]]
        for name in ("expected_demand", "order_up_to", "mean_stock", "expected_short", "stock_value",
                     "safety_stock_value"):  # fmt: skip
            assert row[name] == pytest.approx(expected[name]), name
        assert row["unpriced_items"] == 0
    assert sum(row["items"] for row in body) == len(rows)
    one = client.get("/inventory/departments", params={"store_id": "TX_1", "category_id": "FOODS"}).json()
    assert [row["department_id"] for row in one["departments"]] == ["FOODS_1", "FOODS_3"]


def test_a_cursor_ends_with_its_run_and_its_filters(world: World) -> None:
    cursor = world.client.get("/inventory/items", params={"limit": 1}).json()["next_cursor"]
    other = {"limit": 1, "cursor": cursor, "sort": "value"}
    assert_problem(world.client.get("/inventory/items", params=other), 409, "unusable-cursor")
    world.publish(2)
    assert_problem(world.client.get("/inventory/items", params={"limit": 1, "cursor": cursor}), 409, "unusable-cursor")


# --- after overrides ------------------------------------------------------------------------------------

ROUTES = ("/inventory?item_id=FOODS_1_001&store_id=CA_1", "/inventory/items", "/inventory/items?sort=value",
          "/inventory/departments")  # fmt: skip
ALWAYS = {"valid_from": str(ORIGIN), "valid_to": str(ORIGIN + timedelta(days=40))}


def final_demand(world: World) -> dict[tuple[str, str], float]:
    """By item and store, the finals of the days that an order covers, as the forecast serves them."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for day in world.client.get("/forecast/bulk?quantiles=none").json()["rows"]:
        if date.fromisoformat(day["date"]) <= ORIGIN + timedelta(days=POLICY_DAYS):
            sums[day["item_id"], day["store_id"]] += day["final"]
    return sums


def policies(world: World, **asked: Any) -> dict[tuple[str, str], Any]:
    """All policies by item and store, in order of the answers."""
    rows = pages_of(world.client, "/inventory/items", "items", limit=2, **asked)
    return {(row["item_id"], row["store_id"]): row for row in rows}


def test_without_an_override_a_policy_is_the_models(client: httpx.Client) -> None:
    for row in pages_of(client, "/inventory/items", "items"):
        assert (row["model"], row["overrides"]) == (None, [])
    for row in client.get("/inventory/departments").json()["departments"]:
        assert (row["model"], row["overridden_items"]) == (None, 0)


def test_an_order_follows_an_override_until_it_is_revoked(world: World) -> None:
    before = {path: world.client.get(path).content for path in ROUTES}
    stored = world.engine.connect().exec_driver_sql("select * from inventory_policy order by 1, 2, 3").all()
    old = policies(world)
    made = make(world.client, value=50, **ALWAYS)
    for key, row in policies(world).items():
        assert row["overrides"] == [made.override_id]
        assert row["model"] == {name: old[key][name] for name in [*FIGURES, "stock_value"]}
        assert row["expected_demand"] == pytest.approx(old[key]["expected_demand"] * 1.5, rel=1e-5)
        assert old[key]["order_up_to"] < row["order_up_to"] <= 1.5 * old[key]["order_up_to"] + 1
        assert row["safety_stock"] == pytest.approx(row["order_up_to"] - row["expected_demand"])
        assert old[key]["reorder_point"] <= row["reorder_point"] <= row["order_up_to"]
        assert row["stock_value"] == pytest.approx(row["mean_stock"] * row["price"])
        assert row["terms"] == old[key]["terms"]
    answer = world.client.get("/inventory", params={**ONE, "on_hand": 0}).json()
    assert answer["policy"] == policies(world)["FOODS_1_001", "CA_1"]
    assert answer["order"]["order_units"] == answer["policy"]["order_up_to"]
    assert world.engine.connect().exec_driver_sql("select * from inventory_policy order by 1, 2, 3").all() == stored
    world.client.post(f"/overrides/{made.override_id}/revoke", json={"reason": "rain", "author": "bob"})
    for path, content in before.items():
        assert world.client.get(path).content == content


@pytest.mark.parametrize("node", ["store_department:CA_1|FOODS_1", "category:FOODS", "item:FOODS_1_002"])
def test_policies_below_a_node_take_their_share_and_add_up(world: World, node: str) -> None:
    old = policies(world)
    make(world.client, node_id="store:CA_1", value=-20, **ALWAYS)
    make(world.client, node_id=node, kind="absolute", value=40, valid_to=str(ORIGIN + timedelta(days=4)))
    wanted, found = final_demand(world), policies(world)
    for key, row in found.items():
        assert row["expected_demand"] == pytest.approx(wanted[key], rel=1e-4)
        if not row["overrides"]:
            assert row == old[key]
    assert {key for key, row in found.items() if row["overrides"]} >= {key for key in old if key[1] == "CA_1"}
    summed: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in found.values():
        own = summed[row["store_id"], row["department_id"]]
        own["moved"] += row["model"] is not None
        own["safety_stock_value"] += row["safety_stock"] * row["price"]
        own["model_order_up_to"] += (row["model"] or row)["order_up_to"]
        for name in ("expected_demand", "order_up_to", "mean_stock", "expected_short", "stock_value"):
            own[name] += row[name]
    for row in world.client.get("/inventory/departments").json()["departments"]:
        own = summed[row["store_id"], row["department_id"]]
        assert row["overridden_items"] == own.pop("moved")
        assert (row["model"] or row)["order_up_to"] == own.pop("model_order_up_to")
        assert (row["model"] is None) == (row["overridden_items"] == 0)
        assert {name: row[name] for name in own} == pytest.approx(dict(own))


def test_days_that_no_order_covers_move_nothing(world: World) -> None:
    before = {path: world.client.get(path).content for path in ROUTES}
    late = ORIGIN + timedelta(days=POLICY_DAYS + 1)
    make(world.client, valid_from=str(late), valid_to=str(late + timedelta(days=9)))
    for path, content in before.items():
        assert world.client.get(path).content == content


def test_what_the_model_expects_nothing_of_is_ordered_when_a_planner_does(world: World) -> None:
    of_item = "where item_id = 'FOODS_3_001' and store_id = 'TX_1'"
    figures = ", ".join(f"{name} = 0" for name in FIGURES)
    with world.engine.begin() as connection:
        connection.exec_driver_sql(f"update inventory_policy set {figures} {of_item}")
        connection.exec_driver_sql(f"update forecasts set mean = 0 {of_item}")
    make(world.client, node_id="item_store:FOODS_3_001|TX_1", kind="absolute", value=0.8, **ALWAYS)
    row = policies(world)["FOODS_3_001", "TX_1"]
    assert row["expected_demand"] == pytest.approx(0.8 * POLICY_DAYS)
    assert row["order_up_to"] == 13  # Poisson of 8: P(up to 12) = 0.936, P(up to 13) = 0.966
    assert row["model"]["order_up_to"] == 0


def test_the_most_valuable_stock_comes_first_after_overrides(world: World) -> None:
    last = list(policies(world, sort="value"))[-1]
    make(world.client, node_id=f"item_store:{last[0]}|{last[1]}", value=900, **ALWAYS)
    found = policies(world, sort="value")
    values = [row["stock_value"] for row in found.values()]
    assert values == sorted(values, reverse=True)
    assert next(iter(found)) == last
    assert found == policies(world)
