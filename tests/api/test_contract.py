"""Every route alike: HEAD, media types, challenges, names, closed filters, and documentation without the internet."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from api.auth import DOCS_PATHS
from api.main import create_app
from api.routes.monitoring import WeeklyMetric
from models_ml.monitoring import accuracy, drift

from .conftest import MakeClient, assert_problem, settings_for

KEY = "a-key-of-the-contract-test"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
EXAMPLES = {
    "/forecast": "item_id=FOODS_1_001&store_id=CA_1",
    "/forecast/delta": "since_run=run_0000000000000001",
    "/forecast/history": "item_id=FOODS_1_001&store_id=CA_1",
    "/inventory": "item_id=FOODS_1_001&store_id=CA_1",
    "/elasticities/moves": "department_id=FOODS_1",
    "/lineage": "item_id=FOODS_1_001&store_id=CA_1&date=2016-05-23",
}
DOCUMENT = create_app(settings_for(Path("no-store.sqlite"))).openapi()
GETS = sorted(path for path, methods in DOCUMENT["paths"].items() if "get" in methods and "{override_id}" not in path)
BODIES = sorted(
    (method, path) for path, methods in DOCUMENT["paths"].items() for method in methods if method in ("post", "put")
)


def asked(path: str) -> str:
    return f"{path.replace('{run_id}', 'run_0000000000000001')}?{EXAMPLES.get(path, '')}"


@pytest.mark.parametrize("path", GETS)
def test_18_22_head_is_get_without_the_content(client: httpx.Client, path: str) -> None:
    whole, head = client.get(asked(path)), client.head(asked(path))
    assert whole.status_code == head.status_code == 200
    assert head.content == b""
    varying = {"date", "x-request-id", "content-length", "transfer-encoding"}
    kept = {name: value for name, value in whole.headers.items() if name not in varying}
    assert {name: value for name, value in head.headers.items() if name not in varying} == kept
    if path not in ("/metrics", "/ready", "/model/status") and "content-length" in whole.headers:
        assert head.headers["content-length"] == whole.headers["content-length"]


def test_18_22_head_of_a_fault_and_of_a_path_that_takes_posts_alone(client: httpx.Client) -> None:
    missing = client.head("/forecast?item_id=NONE&store_id=CA_1")
    assert (missing.status_code, missing.content) == (404, b"")
    refused = client.head("/what-if")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert client.post("/stores").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("auth", ["off", "on"])
def test_18_22_docs_come_whole_from_this_machine_whoever_asks(client_with: MakeClient, auth: str) -> None:
    client = client_with(auth=auth, keys_sha256=HASH)
    page = client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {f"/{address}" for address in addresses if not address.startswith("data:")} == set(DOCS_PATHS[1:])
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text).replace('dom_id: "#swagger-ui"', "")
    for path in DOCS_PATHS[1:]:
        assert len(client.get(path).content) > 100_000, path
    schemes = client.get("/openapi.json").json()["components"].get("securitySchemes", {})
    assert ("apiKey" in schemes) is (auth == "on")
    assert client.get("/").json()["documentation"] == "/docs"
    assert client.get("/docs/index.html").status_code in (401, 422)


def test_18_22_the_challenge_names_what_is_accepted(client_with: MakeClient) -> None:
    client = client_with(auth="on", keys_sha256=HASH)
    refused = client.get("/stores")
    assert_problem(refused, 401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'ApiKey realm="retail-demand", header="X-API-Key"'
    for headers in ({"X-API-Key": KEY}, {"Authorization": f"ApiKey {KEY}"}):
        assert client.get("/stores", headers=headers).status_code == 200
    for headers in ({"Authorization": "ApiKey other"}, {"Authorization": f"Basic {KEY}"}):
        assert_problem(client.get("/stores", headers=headers), 401, "unauthorized")


def test_18_22_summaries_are_sentences_of_their_own() -> None:
    summaries = [operation["summary"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(set(summaries)) == len(summaries)
    short = [text for text in summaries if len(text.split()) < 2 or not text[0].isupper()]
    assert not short


def test_18_23_names_of_parameters_are_the_same_everywhere() -> None:
    parameters = [
        one for methods in DOCUMENT["paths"].values() for of in methods.values() for one in of.get("parameters", [])
    ]
    former = [one["name"] for one in parameters if one["name"] in ("item", "store", "department", "region", "run")]
    assert sorted(former) == ["item", "store"]
    assert all(one.get("deprecated") for one in parameters if one["name"] in former)


def test_18_23_lineage_takes_former_names_too_but_not_both(client: httpx.Client) -> None:
    new = client.get("/lineage?item_id=FOODS_1_001&store_id=CA_1&date=2016-05-23")
    assert new.status_code == 200
    assert client.get("/lineage?item=FOODS_1_001&store=CA_1&date=2016-05-23").json() == new.json()
    for query in ("item=a&item_id=a&store_id=CA_1", "store_id=CA_1"):
        problem = assert_problem(client.get(f"/lineage?{query}&date=2016-05-23"), 422, "invalid-request")
        assert problem["errors"][0]["field"] == "item_id"


def test_18_23_unknown_values_of_closed_filters_are_refused(client: httpx.Client) -> None:
    problem = assert_problem(client.get("/quality?suite=none"), 422, "invalid-request")
    assert problem["errors"][0]["allowed"] == ["published", "raw"]
    assert len(client.get("/quality?suite=raw").json()["results"]) == 1
    assert_problem(client.get("/monitoring?metric=none"), 422, "invalid-request")
    assert set(get_args(WeeklyMetric)) == {*accuracy.METRICS, *drift.METRICS}


@pytest.mark.parametrize("path", GETS)
def test_18_23_what_a_route_cannot_give_is_not_acceptable(client: httpx.Client, path: str) -> None:
    problem = assert_problem(client.get(asked(path), headers={"Accept": "image/png"}), 406, "not-acceptable")
    for media_type in problem["errors"][0]["allowed"]:
        answer = client.get(asked(path), headers={"Accept": f"image/png, {media_type};q=0.5"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media_type)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_18_23_a_body_of_another_media_type_is_refused(client: httpx.Client, method: str, path: str) -> None:
    sent: dict[str, Any] = {"content": b"<a/>", "headers": {"Content-Type": "application/xml"}}
    answer = client.request(method, path.replace("{override_id}", "1"), **sent)
    problem = assert_problem(answer, 415, "unsupported-media-type")
    assert "application/json" in problem["errors"][0]["allowed"]
