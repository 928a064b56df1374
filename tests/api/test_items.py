from __future__ import annotations

import httpx
import pandas as pd
import pytest

from .conftest import Published, World, assert_problem, pages_of


def test_all_series_come_once_over_the_pages(client: httpx.Client, first_run: Published) -> None:
    rows = pages_of(client, "/forecast/items", "items", limit=3)
    expected = first_run.series.sort_values(["item_id", "store_id"])
    assert [(row["item_id"], row["store_id"]) for row in rows] == list(
        expected[["item_id", "store_id"]].itertuples(index=False, name=None)
    )


def test_by_volume_the_largest_come_first(client: httpx.Client, first_run: Published) -> None:
    rows = pages_of(client, "/forecast/items", "items", limit=2, sort="volume")
    expected = first_run.series.sort_values(["units_last_28", "item_id", "store_id"], ascending=[False, True, True])
    assert [(row["item_id"], row["store_id"]) for row in rows] == list(
        expected[["item_id", "store_id"]].itertuples(index=False, name=None)
    )


def test_by_error_the_worst_come_first_and_those_without_an_error_last(
    client: httpx.Client, first_run: Published
) -> None:
    rows = pages_of(client, "/forecast/items", "items", limit=2, sort="error")
    errors = first_run.errors["backtest_series"]
    newest = errors[(errors["fold"] == errors["fold"].max()) & (errors["model"] == first_run.run.model)]
    expected = newest.assign(key=newest["rmsse"].fillna(-1)).sort_values(
        ["key", "item_id", "store_id"], ascending=[False, True, True]
    )
    assert [(row["item_id"], row["store_id"]) for row in rows] == list(
        expected[["item_id", "store_id"]].itertuples(index=False, name=None)
    )
    for row, (_, told) in zip(rows, expected.iterrows(), strict=True):
        found = row["backtest"]
        assert found["fold"] == str(told["fold"])
        assert found["rmsse"] == (None if pd.isna(told["rmsse"]) else told["rmsse"])
        assert found["wape"] == pytest.approx(told["absolute_error_units"] / told["actual_units"])
        assert found["bias"] == pytest.approx(told["forecast_units"] / told["actual_units"] - 1)


def test_a_run_that_kept_no_errors_is_sorted_and_served_all_the_same(world: World) -> None:
    with world.engine.begin() as connection:
        connection.exec_driver_sql("delete from backtest_series")
    rows = pages_of(world.client, "/forecast/items", "items", limit=2, sort="error")
    assert [row["item_id"] for row in rows] == sorted(row["item_id"] for row in rows)
    assert all(row["backtest"] is None for row in rows)


@pytest.mark.parametrize("column", ["run_series.units_last_28", "backtest_series.rmsse"])
def test_equal_figures_lose_no_row(world: World, column: str) -> None:
    table, _, name = column.partition(".")
    with world.engine.begin() as connection:
        connection.exec_driver_sql(f"update {table} set {name} = 5")
    sort = "error" if name == "rmsse" else "volume"
    rows = pages_of(world.client, "/forecast/items", "items", limit=1, sort=sort)
    assert len({(row["item_id"], row["store_id"]) for row in rows}) == len(world.published.series)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"store_id": "CA_1"}, 4),
        ({"department_id": "FOODS_1"}, 6),
        ({"category_id": "HOBBIES"}, 1),
        ({"search": "foods_3"}, 3),
        ({"search": "_001", "store_id": "CA_1"}, 3),
        ({"search": "%"}, 0),
        ({"search": "FOODS-1"}, 0),
        ({"store_id": "TX_1", "category_id": "HOBBIES"}, 0),
    ],
)
def test_filters(client: httpx.Client, filters: dict[str, str], count: int) -> None:
    body = client.get("/forecast/items", params=filters).json()
    assert body["total"] == len(body["items"]) == count


def test_the_sum_of_the_forecast_is_given(client: httpx.Client, first_run: Published) -> None:
    sums = first_run.forecasts.groupby(["store_id", "item_id"])["mean"].sum()
    for row in client.get("/forecast/items").json()["items"]:
        assert row["forecast_units"] == pytest.approx(sums[row["store_id"], row["item_id"]])


def test_an_unknown_store_is_refused(client: httpx.Client) -> None:
    assert_problem(client.get("/forecast/items", params={"store_id": "WI_9"}), 404, "unknown-store")


def test_too_large_a_page_says_how_large_it_may_be(client: httpx.Client) -> None:
    problem = assert_problem(client.get("/forecast/items", params={"limit": 501}), 422, "invalid-request")
    assert problem["errors"][0]["allowed"] == ["at most 500"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "W10", "WyJ4Il0", "é", "bnVsbA"])
def test_a_made_up_cursor_is_refused(client: httpx.Client, cursor: str) -> None:
    assert_problem(client.get("/forecast/items", params={"cursor": cursor}), 409, "unusable-cursor")


def test_a_cursor_ends_with_its_run_and_its_filters(world: World) -> None:
    cursor = world.client.get("/forecast/items", params={"limit": 1}).json()["next_cursor"]
    assert world.client.get("/forecast/items", params={"limit": 1, "cursor": cursor}).status_code == 200
    other = {"limit": 1, "cursor": cursor, "store_id": "CA_1"}
    assert_problem(world.client.get("/forecast/items", params=other), 409, "unusable-cursor")
    world.publish(2)
    assert_problem(world.client.get("/forecast/items", params={"limit": 1, "cursor": cursor}), 409, "unusable-cursor")
