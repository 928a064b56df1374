"""What moved since a run: every series that did, none that did not, and pages that add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from .conftest import ONLY_IN_CA_1, ORIGIN, STORES, Published, World, assert_problem
from .test_overrides import make

FIRST = "run_0000000000000001"


def pages(world: World, **parameters: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        asked = {"since_run": FIRST, **parameters, **({"cursor": cursor} if cursor else {})}
        answer = world.client.get("/forecast/delta", params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["series"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def sums(run: Published, after: Any) -> pd.Series:
    rows = run.forecasts[run.forecasts["target_date"] > after]
    return rows.groupby(["store_id", "item_id"])["mean"].sum()


def test_21_4_series_that_moved_over_the_common_days(world: World) -> None:
    later = ORIGIN + timedelta(days=7)
    second = world.publish(2, origin=later)
    first = world.published.forecasts
    before = sums(world.published, later)
    now = second.forecasts[second.forecasts["target_date"] <= ORIGIN + timedelta(days=28)]
    after = now.groupby(["store_id", "item_id"])["mean"].sum()
    percent = 100 * (after / before - 1)
    assert 0 < (percent.abs() > 10).sum() < len(percent)
    for bound in (0.0, 10.0):
        found = {(one["store_id"], one["item_id"]): one for one in pages(world, min_percent=bound, limit=4)}
        assert sorted(found) == list(found), "in order of store and item"
        assert set(found) == set(percent[percent.abs() > bound].index)
        for key, one in found.items():
            assert (one["change"], one["run_id"]) == ("moved", second.run.run_id)
            assert (one["units_before"], one["units_now"]) == pytest.approx((before[key], after[key]))
            assert one["change_percent"] == pytest.approx(percent[key])
            assert (one["first_date"], one["last_date"]) == (
                str(later + timedelta(days=1)),
                str(first["target_date"].max()),
            )
    assert {one["store_id"] for one in pages(world, store_id="TX_1")} == {"TX_1"}


def test_21_4_stores_that_stayed_are_left_out_and_those_that_came_or_went_are_named(world: World) -> None:
    world.publish(2, stores=("CA_2",))
    assert {one["store_id"] for one in pages(world)} == {"CA_2"}
    back = {(one["store_id"], one["change"]) for one in pages(world, since_run="run_0000000000000002")}
    assert back == {("CA_1", "new"), ("TX_1", "new")}
    with world.engine.begin() as connection:
        connection.exec_driver_sql("delete from active_runs where store_id = 'CA_1'")
    gone = [one for one in pages(world) if one["change"] == "gone"]
    assert {(one["store_id"], one["run_id"]) for one in gone} == {("CA_1", None)}
    assert ONLY_IN_CA_1 in {one["item_id"] for one in gone}


def test_21_4_overrides_count(world: World) -> None:
    world.publish(2, stores=tuple(STORES))
    before = {(one["store_id"], one["item_id"]): one["units_now"] for one in pages(world)}
    make(world.client, node_id="store:TX_1", value=100, valid_to=str(ORIGIN + timedelta(days=28)))
    for one in pages(world):
        factor = 2 if one["store_id"] == "TX_1" else 1
        assert one["units_now"] == pytest.approx(before[one["store_id"], one["item_id"]] * factor)


def test_21_4_what_cannot_be_compared_is_told_so(world: World) -> None:
    unknown = world.client.get("/forecast/delta?since_run=run_none")
    assert FIRST in assert_problem(unknown, 404, "unknown-run")["errors"][0]["allowed"]
    assert pages(world) == []
    world.publish(2)
    cursor = world.client.get(f"/forecast/delta?since_run={FIRST}&limit=1").json()["next_cursor"]
    world.publish(3)
    stale = world.client.get("/forecast/delta", params={"since_run": FIRST, "limit": 1, "cursor": cursor})
    assert_problem(stale, 409, "unusable-cursor")
    world.publish(4, origin=ORIGIN + timedelta(days=40))
    problem = assert_problem(world.client.get(f"/forecast/delta?since_run={FIRST}"), 422, "invalid-request")
    assert problem["errors"][0]["field"] == "since_run"
