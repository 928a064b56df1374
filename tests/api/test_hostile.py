"""SQL in names, tricks in paths, odd headers: refused as what they are, or taken as plain text."""

from __future__ import annotations

import socket

import httpx
import pytest

from .conftest import World

INJECTIONS = [
    "' or '1'='1",
    "FOODS_1_001' --",
    "FOODS_1_001'; drop table forecasts; --",
    '" or ""="',
    "') union select run_id, 1, 1, 1 from model_runs --",
    "1; attach database '/etc/passwd' as x",
    "%27%20or%201=1",
    "FOODS_1_001/*",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "\\",
    "%",
    "_",
]
PATHS = ["/forecast", "/forecast/history"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_a_name_is_a_name_that_is_not_there(world: World, text: str) -> None:
    client = world.client
    for path in PATHS:
        assert client.get(path, params={"item_id": text, "store_id": "CA_1"}).status_code == 404
        assert client.get(path, params={"item_id": "FOODS_1_001", "store_id": text}).status_code == 404
    of_items = {"store_id": 404, "department_id": 200, "category_id": 200, "search": 200, "cursor": 409, "sort": 422}
    for parameter, status in of_items.items():
        answer = client.get("/forecast/items", params={parameter: text})
        assert answer.status_code == status, parameter
        # Every id of an item has an underscore.
        if status == 200 and (parameter, text) != ("search", "_"):
            assert answer.json()["items"] == []
    of_nodes = {"node_id": 404, "region_id": 422, "store_id": 404, "item_id": 200, "quantiles": 422}
    for parameter, status in of_nodes.items():
        answer = client.get("/forecast/hierarchy", params={parameter: text, "level": 12})
        assert answer.status_code == status, parameter
    # An id of a run has 40 characters at most.
    no_run = 422 if len(text) > 40 else 404
    assert client.get(f"/model/runs/{httpx.URL(path=text).raw_path.decode()}").status_code == no_run
    assert client.post("/forecast/bulk", json={"series": [{"item_id": text, "store_id": "CA_1"}]}).status_code == 404
    assert client.get("/accuracy", params={"run_id": text}).status_code == no_run
    with world.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from forecasts").scalar_one() == 280


@pytest.mark.parametrize(
    "path",
    [
        "/forecast/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/model/runs/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//forecast",
        "/forecast/",
        "/forecast//items",
        "/forecast%00",
        "/FORECAST",
        "/model/runs/",
        "/static/../api/settings.py",
    ],
)
def test_paths_that_are_none(client: httpx.Client, path: str) -> None:
    port = client.base_url.port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        # as it is: a client library would tidy it
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert received.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"root:" not in received


def test_header_injection_through_a_name(client: httpx.Client) -> None:
    answer = client.get("/forecast", params={"item_id": "x\r\nSet-Cookie: a=b", "store_id": "CA_1"})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


def test_text_outside_ascii(client: httpx.Client) -> None:
    for text in ("ü", "商品", "🙂", "\u202e"):
        assert client.get("/forecast", params={"item_id": text, "store_id": "CA_1"}).status_code == 404
    assert client.get("/forecast?item_id=%ff%fe&store_id=CA_1").status_code == 404


def test_the_same_parameter_twice_is_one_answer(client: httpx.Client) -> None:
    answer = client.get("/forecast?item_id=NONE&item_id=FOODS_1_001&store_id=CA_1")
    assert answer.status_code == 200
    assert answer.json()["item_id"] == "FOODS_1_001"


def test_a_long_query_is_refused_or_answered(client: httpx.Client) -> None:
    assert client.get("/forecast?" + "x=1&" * 2000).status_code in (400, 414, 422)
