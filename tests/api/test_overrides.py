"""Overrides through the API: who may, what is refused, and finals that every route agrees on at once."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from api import schemas
from models_ml.hierarchy.aggregation import LEVELS, node_ids

from .conftest import ORIGIN, World, assert_problem, served, settings_for

FIRST = ORIGIN + timedelta(days=1)
FORECAST = "/forecast?item_id=FOODS_1_001&store_id=CA_1"


def body(**changes: Any) -> dict[str, Any]:
    return {
        "node_id": "total",
        "kind": "percent",
        "value": 50,
        "valid_from": str(FIRST),
        "valid_to": str(FIRST + timedelta(days=6)),
        "reason": "a fair",
        "author": "ann",
        **changes,
    }


def make(client: httpx.Client, **changes: Any) -> schemas.MadeOverride:
    answer = client.post("/overrides", json=body(**changes))
    assert answer.status_code == 201, answer.text
    return schemas.MadeOverride.model_validate_json(answer.content)


def test_without_an_override_the_final_is_the_models(client: httpx.Client) -> None:
    days = client.get(FORECAST).json()["days"]
    assert [day["final"] for day in days] == [day["mean"] for day in days]
    for path in ("/forecast/departments", "/forecast/hierarchy?level=1", "/forecast/hierarchy?level=10"):
        groups = next(value for value in client.get(path).json().values() if isinstance(value, list) and value)
        for group in [one for one in groups if isinstance(one, dict)]:
            assert [day["final"] for day in group["days"]] == [day["mean"] for day in group["days"]]


def test_the_next_request_sees_an_override_and_its_revocation(world: World) -> None:
    paths = [FORECAST, "/forecast/departments", "/forecast/hierarchy?level=9", "/forecast/bulk"]
    before = {path: world.client.get(path) for path in paths}
    made = make(world.client)
    for path in paths:
        after = world.client.get(path, headers={"If-None-Match": before[path].headers["etag"]})
        assert after.status_code == 200
        assert after.content != before[path].content
    days = world.client.get(FORECAST).json()["days"]
    assert [day["final"] for day in days[:7]] == pytest.approx([day["mean"] * 1.5 for day in days[:7]])
    assert [day["final"] for day in days[7:]] == [day["mean"] for day in days[7:]]
    assert [day["mean"] for day in days] == [day["mean"] for day in before[FORECAST].json()["days"]]
    taken = world.client.post(f"/overrides/{made.override_id}/revoke", json={"reason": "no fair", "author": "bob"})
    assert taken.json()["revoked_by"] == "bob"
    for path in paths:
        assert world.client.get(path).content == before[path].content


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_all_twelve_levels_as_they_are_served_add_up(world: World, level: Any) -> None:
    """Overlapping overrides, one at the level; every node of every level is the sum of the series served."""
    node = sorted(node_ids(world.published.series, level))[0]
    make(world.client, node_id="store:CA_2", value=-20)
    make(world.client, node_id=node, kind="absolute", value=77)
    make(world.client, node_id="item:FOODS_1_002", value=30, valid_to=str(FIRST))
    rows = pd.DataFrame(world.client.get("/forecast/bulk?quantiles=none").json()["rows"])
    series = rows.merge(world.published.series.drop(columns=["price"]), on=["store_id", "item_id"])
    assert (series["final"] != series["mean"]).any()
    for one in LEVELS:
        sums = series.assign(node=node_ids(series, one)).groupby(["node", "date"])[["mean", "final"]].sum()
        page = schemas.NodePage.model_validate_json(
            world.client.get(f"/forecast/hierarchy?level={one.number}&limit=500").content
        )
        assert {found.node_id for found in page.nodes} == set(sums.index.get_level_values("node"))
        for found in page.nodes:
            for day in found.days:
                expected = sums.loc[(found.node_id, str(day.date))]
                assert (day.mean, day.final) == pytest.approx((expected["mean"], expected["final"]), rel=1e-9)
            assert found.final_units == pytest.approx(sums.loc[found.node_id]["final"].sum())
        if one is level:
            second = next(found for found in page.nodes if found.node_id == node).days[1]
            assert second.final == pytest.approx(77)
    for store, item in world.published.series[["store_id", "item_id"]].itertuples(index=False):
        days = world.client.get("/forecast", params={"item_id": item, "store_id": store}).json()["days"]
        own = rows[(rows["store_id"] == store) & (rows["item_id"] == item)]
        assert [day["final"] for day in days] == own["final"].tolist()


def test_departments_and_bulk_formats_have_the_same_finals(world: World) -> None:
    make(world.client, node_id="region:CA", kind="absolute", value=10)
    rows = pd.DataFrame(world.client.get("/forecast/bulk?quantiles=none").json()["rows"])
    text = world.client.get("/forecast/bulk", headers={"Accept": "text/csv"}).text
    assert [float(row["final"]) for row in csv.DictReader(io.StringIO(text))] == rows["final"].tolist()
    packed = world.client.get("/forecast/bulk", headers={"Accept": "application/vnd.apache.arrow.stream"}).content
    assert pa.ipc.open_stream(packed).read_all().column("final").to_pylist() == rows["final"].tolist()
    found = world.client.get("/forecast/departments").json()["departments"]
    california = [one for one in found if one["region_id"] == "CA"]
    assert sum(one["days"][0]["final"] for one in california) == pytest.approx(10)
    assert sum(one["final_units"] for one in found) == pytest.approx(rows["final"].sum())


def test_overrides_follow_a_publish(world: World) -> None:
    make(world.client, node_id="store:CA_1", kind="absolute", value=9)
    world.publish(2)
    page = world.client.get("/forecast/hierarchy?node_id=store:CA_1").json()
    assert page["run"]["run_id"] == "run_0000000000000002"
    assert [day["final"] for day in page["nodes"][0]["days"][:7]] == pytest.approx([9] * 7)


def test_a_store_on_another_run_shares_the_total(world: World) -> None:
    """An absolute override of the total holds over what is served, from whichever runs."""
    world.publish(2, stores=("TX_1",))
    make(world.client, kind="absolute", value=100)
    finals = pd.DataFrame(world.client.get("/forecast/bulk?quantiles=none").json()["rows"])
    assert finals[finals["date"] == str(FIRST)]["final"].sum() == pytest.approx(100)
    assert finals["run_id"].nunique() == 2


def test_no_answer_mixes_two_states(world: World) -> None:
    """Readers during many overrides of the total: each answer has one factor, and the whole of it."""
    total = world.client.get("/forecast/hierarchy?level=1").json()["nodes"][0]
    model = {day["date"]: day["mean"] for day in total["days"]}
    last = str(ORIGIN + timedelta(days=28))

    def read() -> set[float]:
        seen = set()
        for _ in range(15):
            rows = pd.DataFrame(world.client.get("/forecast/bulk?quantiles=none").json()["rows"])
            sums = rows.groupby("date")["final"].sum()
            ratios = {round(sums[day] / mean, 6) for day, mean in model.items()}
            assert len(ratios) == 1, ratios
            seen |= ratios
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for _ in range(8):
            make(world.client, value=10, valid_to=last)
        seen = set().union(*(reader.result() for reader in readers))
    assert seen <= {round(1.1**n, 6) for n in range(9)}


def test_listing_pages_and_filters(world: World) -> None:
    ids = [make(world.client, node_id=node).override_id for node in ("total", "store:CA_1", "total")]
    world.client.post(f"/overrides/{ids[0]}/revoke", json={"reason": "x", "author": "bob"})
    first = schemas.OverridePage.model_validate_json(world.client.get("/overrides?limit=2").content)
    assert [one.override_id for one in first.overrides] == ids[:0:-1]
    assert first.total == 3
    rest = world.client.get("/overrides", params={"limit": 2, "cursor": first.next_cursor}).json()
    assert [one["override_id"] for one in rest["overrides"]] == ids[:1]
    assert rest["next_cursor"] is None
    for query, found in (
        ("status=in_force", ids[:0:-1]),
        ("status=revoked", ids[:1]),
        ("node_id=store:CA_1", ids[1:2]),
        (f"valid_on={FIRST}", ids[::-1]),
        ("valid_on=2030-01-01", []),
    ):
        listed = world.client.get(f"/overrides?{query}").json()["overrides"]
        assert [one["override_id"] for one in listed] == found, query
    assert world.client.get(f"/overrides/{ids[1]}").json()["runs"] == [world.published.run.run_id]
    assert_problem(world.client.get("/overrides?cursor=nonsense"), 409, "unusable-cursor")
    assert_problem(world.client.get("/overrides/99"), 404, "unknown-override")
    assert_problem(
        world.client.post("/overrides/99/revoke", json={"reason": "x", "author": "b"}), 404, "unknown-override"
    )
    again = world.client.post(f"/overrides/{ids[0]}/revoke", json={"reason": "x", "author": "eve"})
    assert "bob" in assert_problem(again, 409, "already-revoked")["detail"]


def test_a_preview_stores_nothing_and_says_what_comes(world: World) -> None:
    make(world.client, node_id="store:CA_1")
    etag = world.client.get(FORECAST).headers["etag"]
    shown = schemas.OverridePreview.model_validate_json(
        world.client.post("/override-preview", json=body(kind="absolute", value=20)).content
    )
    assert world.client.get(FORECAST).headers["etag"] == etag
    assert shown.series == len(world.published.series)
    assert [day.changed for day in shown.days] == pytest.approx([20] * 7)
    page = world.client.get("/forecast/hierarchy?level=1").json()["nodes"][0]["days"]
    for day, served_day in zip(shown.days, page, strict=False):
        assert (day.mean, day.final) == pytest.approx((served_day["mean"], served_day["final"]))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"node_id": "store:NY_9"}, "node_id"),
        ({"node_id": "shop"}, "node_id"),
        ({"kind": "double"}, "kind"),
        ({"value": -101}, "value"),
        ({"value": 1001}, "value"),
        ({"value": "many"}, "value"),
        ({"valid_from": "2030-01-01", "valid_to": "2030-01-02"}, "valid_from"),
        ({"valid_to": "2016-05-01"}, "valid_to"),
        ({"reason": "  "}, "reason"),
        ({"author": None}, "author"),
        ({"author": "a\nb"}, "author"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_override_is_told_so(client: httpx.Client, change: dict[str, Any], field: str) -> None:
    problem = assert_problem(client.post("/overrides", json=body(**change)), 422, "invalid-request")
    assert problem["errors"][0]["field"] == field


def test_a_locked_store_says_so_and_keeps_serving(world: World) -> None:
    with world.engine.connect() as connection:
        connection.exec_driver_sql("commit")
        connection.exec_driver_sql("begin immediate")
        assert_problem(world.client.post("/overrides", json=body()), 503, "store-unavailable")
        assert world.client.get(FORECAST).status_code == 200
        connection.exec_driver_sql("rollback")
    make(world.client)


@pytest.fixture
def guarded(world: World) -> Iterator[httpx.Client]:
    keys = {"reader": "r" * 40, "planner": "p" * 40}
    hashed = ",".join(f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in keys.items())
    with served(settings_for(world.path, auth="on", keys_sha256=hashed, writers="planner")) as client:
        yield client


def test_only_named_writers_may_write_and_are_recorded(guarded: httpx.Client) -> None:
    reader, planner = {"X-API-Key": "r" * 40}, {"X-API-Key": "p" * 40}
    assert_problem(guarded.post("/overrides", json=body()), 401, "unauthorized")
    assert_problem(guarded.post("/overrides", json=body(), headers=reader), 403, "forbidden")
    asked = body()
    del asked["author"]
    made = guarded.post("/overrides", json=asked, headers=planner).json()
    assert made["author"] == "planner"
    named = guarded.post("/overrides", json=body(), headers=planner).json()
    assert named["author"] == "ann (by planner)"
    path = f"/overrides/{made['override_id']}/revoke"
    assert_problem(guarded.post(path, json={"reason": "x"}, headers=reader), 403, "forbidden")
    assert guarded.post(path, json={"reason": "x"}, headers=planner).json()["revoked_by"] == "planner"
    assert guarded.post("/override-preview", json=body(), headers=reader).status_code == 200
