"""Making overrides: once a key, many at once or none, beside others, in parallel."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .conftest import World, assert_problem, served, settings_for
from .test_overrides import FIRST, FORECAST, body, make

COLUMNS = ("node_id", "kind", "value", "valid_from", "valid_to", "reason", "author")


def as_csv(rows: list[dict[str, Any]], columns: tuple[str, ...] = COLUMNS) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def post_csv(client: httpx.Client, content: bytes, **headers: str) -> httpx.Response:
    return client.post("/override-bulk", content=content, headers={"Content-Type": "text/csv", **headers})


def count(client: httpx.Client) -> int:
    return int(client.get("/overrides?limit=1").json()["total"])


@pytest.fixture
def patient(world: World) -> Iterator[httpx.Client]:
    """An API whose writers wait for each other as long as they do by default."""
    with served(settings_for(world.path, write_timeout_seconds=20.0)) as client:
        yield client


def test_18_24_made_says_201_and_where(world: World) -> None:
    answer = world.client.post("/overrides", json=body())
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/overrides/{made['override_id']}"
    found = world.client.get(answer.headers["location"]).json()
    assert found == {name: value for name, value in made.items() if name not in ("overlaps", "warning")}
    assert (made["overlaps"], made["warning"]) == ([], None)


def test_18_24_the_same_key_makes_one_override(world: World) -> None:
    key = {"Idempotency-Key": "a-click"}
    first, again = (world.client.post("/overrides", json=body(), headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["override_id"] == again.json()["override_id"]
    other = world.client.post("/overrides", json=body(value=7), headers=key)
    assert assert_problem(other, 422, "key-reused")["errors"][0]["field"] == "Idempotency-Key"
    assert count(world.client) == 1
    world.client.post("/overrides", json=body(), headers={"Idempotency-Key": "another-click"})
    assert count(world.client) == 2
    days = world.client.get(FORECAST).json()["days"]
    assert days[0]["final"] == pytest.approx(days[0]["mean"] * 1.5 * 1.5)


def test_18_24_overlaps_are_warned_of(world: World) -> None:
    client = world.client
    total = make(client).override_id
    make(client, node_id="store:TX_1")
    later = make(client, node_id="store:CA_1", valid_from="2016-06-10", valid_to="2016-06-12").override_id
    item = make(client, node_id="item:FOODS_1_001", valid_to="2016-06-12")
    assert item.overlaps == [later, 2, total]
    assert item.warning == "It overlaps 3 others; their effects compound."
    client.post(f"/overrides/{total}/revoke", json={"reason": "x", "author": "bob"})
    preview = client.post("/override-preview", json=body(node_id="store_department:CA_2|FOODS_1")).json()
    assert preview["overlaps"] == [item.override_id]
    assert make(client, node_id="store_department:CA_2|FOODS_3").overlaps == []


@pytest.mark.parametrize("form", ["json", "csv"])
def test_18_24_many_are_made_as_one_by_one(world: World, form: str) -> None:
    rows = [
        body(node_id="store:CA_1", value=20.0),
        body(node_id="item:FOODS_1_001", kind="absolute", value=6.0, reason='a "fair", in town'),
        body(node_id="total", value=-10.0, valid_to=str(FIRST)),
    ]
    client, key = world.client, {"Idempotency-Key": "upload-1"}
    for _ in range(2):  # sent again, nothing is made twice
        if form == "json":
            answer = client.post("/override-bulk", json={"overrides": rows}, headers=key)
        else:
            answer = post_csv(client, b"\xef\xbb\xbf" + as_csv(rows), **key)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert [one["overlaps"] for one in made["overrides"]] == [[3, 2], [3, 1], [2, 1]]
    assert made["warning"] == "3 of them overlap others; their effects compound."
    listed = client.get("/overrides").json()
    assert (listed["total"], [one["override_id"] for one in listed["overrides"]]) == (3, [3, 2, 1])
    assert listed["overrides"][1]["reason"] == 'a "fair", in town'
    bulk = client.get("/forecast/bulk").content
    for one in (1, 2, 3):
        client.post(f"/overrides/{one}/revoke", json={"reason": "x", "author": "bob"})
    for row in rows:
        make(client, **row)
    assert client.get("/forecast/bulk").content == bulk


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"node_id": "store:NY_9"}, "overrides.1.node_id"),
        ({"value": 1001}, "overrides.1.value"),
        ({"value": "many"}, "overrides.1.value"),
        ({"valid_from": "2030-01-01", "valid_to": "2030-01-02"}, "overrides.1.valid_from"),
        ({"reason": ""}, "overrides.1.reason"),
        ({"kind": "double"}, "overrides.1.kind"),
    ],
)
def test_18_24_one_wrong_row_refuses_all_and_is_named(world: World, change: dict[str, Any], field: str) -> None:
    rows = [body(), body(**change)]
    answers = [world.client.post("/override-bulk", json={"overrides": rows}), post_csv(world.client, as_csv(rows))]
    for answer in answers:
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == field
    assert count(world.client) == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", as_csv([body()], COLUMNS[1:]), as_csv([]), as_csv([body()]) + b"total,percent\r\n", b"{}"],
)
def test_18_24_a_table_that_is_none_is_told_so(world: World, content: bytes) -> None:
    assert_problem(post_csv(world.client, content), 422, "invalid-request")
    assert count(world.client) == 0


def test_18_24_no_body_at_all_is_told_so(world: World) -> None:
    assert_problem(world.client.post("/override-bulk"), 422, "invalid-request")


def test_18_24_ten_thousand_rows_are_taken_and_one_more_is_not(patient: httpx.Client) -> None:
    nodes = ("item_store:FOODS_1_001|CA_1", "item_store:FOODS_3_001|TX_1", "store:CA_2", "total")
    rows = [body(node_id=nodes[n % 4], value=0.001, valid_to=str(FIRST), reason="r") for n in range(10_001)]
    assert_problem(post_csv(patient, as_csv(rows)), 422, "invalid-request")
    began = time.perf_counter()
    made = post_csv(patient, as_csv(rows[:-1]))
    assert made.status_code == 201, made.text
    assert time.perf_counter() - began < 25
    assert len(made.json()["overrides"]) == count(patient) == 10_000
    days = patient.get(FORECAST).json()["days"]
    assert days[0]["final"] == pytest.approx(days[0]["mean"] * 1.00001**5000)


def test_18_24_twenty_at_once_are_all_made(patient: httpx.Client) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: patient.post("/overrides", json=body(value=n + 1)), range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert sorted(answer.json()["override_id"] for answer in answers) == list(range(1, 21))
    factor = 1.0
    for percent in range(1, 21):
        factor *= 1 + percent / 100
    days = patient.get(FORECAST).json()["days"]
    assert days[0]["final"] == pytest.approx(days[0]["mean"] * factor)


def test_18_24_a_writer_that_gives_up_says_busy_and_to_try_again(world: World) -> None:
    with world.engine.connect() as connection:
        connection.exec_driver_sql("commit")
        connection.exec_driver_sql("begin immediate")
        refused = world.client.post("/overrides", json=body())
        connection.exec_driver_sql("rollback")
    problem = assert_problem(refused, 503, "store-unavailable")
    assert refused.headers["retry-after"]
    assert "read" not in problem["title"] + problem["detail"]
