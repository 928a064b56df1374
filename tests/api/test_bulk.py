from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pyarrow as pa
import pytest

from api.schemas.forecast import Bulk

from .conftest import MakeClient, Published, World, assert_problem

ARROW = "application/vnd.apache.arrow.stream"


def _expected(run: Published, store: str | None = None) -> list[tuple[str, str, str, float]]:
    rows = run.forecasts if store is None else run.forecasts[run.forecasts["store_id"] == store]
    rows = rows.sort_values(["store_id", "item_id", "target_date"])
    return [
        (store_id, item_id, target.isoformat(), mean)
        for store_id, item_id, target, mean in rows[["store_id", "item_id", "target_date", "mean"]].itertuples(
            index=False, name=None
        )
    ]


def test_json_has_every_row(client: httpx.Client, first_run: Published) -> None:
    rows = Bulk.model_validate_json(client.get("/forecast/bulk").content).rows
    got = [(row.store_id, row.item_id, row.date.isoformat(), row.mean) for row in rows]
    assert got == _expected(first_run)


def test_csv_reads_back_to_the_same_numbers(client: httpx.Client, first_run: Published) -> None:
    answer = client.get("/forecast/bulk", params={"store_id": "CA_1"}, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    got = [(row["store_id"], row["item_id"], row["date"], float(row["mean"])) for row in rows]
    assert got == _expected(first_run, "CA_1")
    assert {"run_id", "q_0_025", "q_0_5", "q_0_975"} <= set(rows[0])


def test_arrow_reads_back_to_the_same_numbers(client: httpx.Client, first_run: Published) -> None:
    answer = client.get("/forecast/bulk", headers={"Accept": ARROW})
    table = pa.ipc.open_stream(answer.content).read_all()
    got = [(row["store_id"], row["item_id"], row["date"].isoformat(), row["mean"]) for row in table.to_pylist()]
    assert got == _expected(first_run)
    assert table.schema.field("date").type == pa.date32()


@pytest.mark.parametrize("accept", ["application/json", "text/csv", ARROW])
def test_nothing_that_matches_is_an_empty_answer(client: httpx.Client, accept: str) -> None:
    answer = client.get("/forecast/bulk", params={"category_id": "NONE"}, headers={"Accept": accept})
    assert answer.status_code == 200
    if accept == ARROW:
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 0
    elif accept == "text/csv":
        assert answer.text == "run_id,store_id,item_id,date,mean,q_0_025,q_0_5,q_0_975,final\r\n"
    else:
        assert answer.json() == {"rows": []}


def test_compressed_it_is_the_same(client_with: MakeClient) -> None:
    client = client_with(gzip_min_bytes=0)
    plain = client.get("/forecast/bulk", headers={"Accept-Encoding": "identity"})
    packed = client.get("/forecast/bulk", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]


def test_the_header_decides_the_format(client: httpx.Client) -> None:
    for accept, expected in (
        ("text/csv;q=0.5, application/json;q=0.1", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("*/*", "application/json"),
        (f"{ARROW}, */*;q=0.1", ARROW),
    ):
        answer = client.get("/forecast/bulk", headers={"Accept": accept})
        assert answer.headers["content-type"] == expected
    problem = assert_problem(client.get("/forecast/bulk", headers={"Accept": "text/html"}), 406, "not-acceptable")
    assert ARROW in problem["errors"][0]["allowed"]


def test_too_many_series_are_refused_with_the_number(client_with: MakeClient) -> None:
    client = client_with(max_bulk_series=3)
    problem = assert_problem(client.get("/forecast/bulk"), 422, "too-many-series")
    assert "3" in problem["detail"]
    assert client.get("/forecast/bulk", params={"store_id": "TX_1"}).status_code == 200


def test_series_by_name(client: httpx.Client, first_run: Published) -> None:
    keys = [{"item_id": "FOODS_3_001", "store_id": store} for store in ("TX_1", "CA_1")]
    body = client.post("/forecast/bulk", json={"series": keys, "quantiles": [0.5]}).json()
    got = [(row["store_id"], row["item_id"], row["date"], row["mean"]) for row in body["rows"]]
    assert got == [row for row in _expected(first_run) if row[1] == "FOODS_3_001" and row[0] != "CA_2"]
    assert all(list(row["quantiles"]) == ["0.5"] for row in body["rows"])


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"series": []}, 422, "invalid-request"),
        ({}, 422, "invalid-request"),
        ({"series": [{"item_id": "FOODS_1_001"}]}, 422, "invalid-request"),
        ({"series": [{"item_id": "NONE", "store_id": "CA_1"}]}, 404, "unknown-series"),
        ({"series": [{"item_id": "FOODS_1_001", "store_id": "NONE"}]}, 404, "unknown-store"),
        ({"series": [{"item_id": "FOODS_1_001", "store_id": "CA_1"}], "quantiles": [0.9]}, 422, "invalid-request"),
        ({"series": [{"item_id": "FOODS_1_001", "store_id": "CA_1"}], "other": 1}, 422, "invalid-request"),
    ],
)
def test_wrong_bodies(client: httpx.Client, body: dict[str, Any], status: int, kind: str) -> None:
    assert_problem(client.post("/forecast/bulk", json=body), status, kind)


def test_a_body_that_is_no_json(client: httpx.Client) -> None:
    answer = client.post("/forecast/bulk", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "invalid-request")


def test_rows_of_each_store_are_of_its_run(world: World) -> None:
    world.publish(2, stores=("CA_2",))
    rows = world.client.get("/forecast/bulk").json()["rows"]
    assert {(row["store_id"], row["run_id"]) for row in rows} == {
        ("CA_1", "run_0000000000000001"),
        ("CA_2", "run_0000000000000002"),
        ("TX_1", "run_0000000000000001"),
    }
