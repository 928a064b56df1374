from __future__ import annotations

import httpx
import pandas as pd
import pytest

from .conftest import WITHOUT_POLICY, Published, World, assert_problem, pages_of

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
