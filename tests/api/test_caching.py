"""Validators, cached bytes and publishes: an answer never outlives the run that it came from."""

from __future__ import annotations

import gc
import gzip

import httpx
import pytest

from api.cache import ByteCache, CachedBody, matches, run_etag

from .conftest import MakeClient, World

FORECAST = "/forecast?item_id=FOODS_1_001&store_id=CA_1"
CACHED = [
    FORECAST,
    "/forecast/items",
    "/forecast/departments",
    "/forecast/history?item_id=FOODS_1_001&store_id=CA_1",
    "/forecast/hierarchy?level=9",
    "/forecast/bulk",
    "/stores",
    "/departments",
    "/calendar",
    "/accuracy",
    "/model/status",
    "/model/runs",
    "/model/runs/run_0000000000000001",
    "/quality",
    "/monitoring",
]


@pytest.mark.parametrize("path", CACHED)
def test_asked_again_with_its_validator_nothing_is_sent(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-cache, must-revalidate"
    etag = first.headers["etag"]
    assert not etag.startswith("W/")
    for sent in (etag, f'"other", {etag}', f"W/{etag}"):
        again = client.get(path, headers={"If-None-Match": sent})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == etag
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get(path).content == first.content


OF_THE_ACTIVE_RUN = [path for path in CACHED if not any(name in path for name in ("runs", "quality", "monitoring"))]


@pytest.mark.parametrize("path", OF_THE_ACTIVE_RUN)
def test_a_publish_is_seen_by_the_next_request(world: World, path: str) -> None:
    before = world.client.get(path)
    assert world.client.get(path).content == before.content
    world.publish(2)
    after = world.client.get(path, headers={"If-None-Match": before.headers["etag"]})
    if path == "/calendar":
        # the same for both runs, and validated by its bytes
        assert after.status_code == 304
        assert world.client.get(path).content == before.content
    elif path == "/departments":
        # the same for both runs, but validated by the runs that are served
        assert after.status_code == 200
        assert after.content == before.content
        assert after.headers["etag"] != before.headers["etag"]
    else:
        assert after.status_code == 200
        assert "run_0000000000000002" in after.text
        assert "run_0000000000000001" not in after.text


def test_17_5_what_names_no_run_follows_a_publish_that_changes_it(world: World) -> None:
    """Departments and calendar name no run: only their content can tell that a publish reached them."""
    before = {path: world.client.get(path) for path in ("/departments", "/calendar")}
    world.publish(2, stores=("CA_1",))
    with world.engine.begin() as connection:
        connection.exec_driver_sql("delete from active_runs where store_id <> 'CA_1'")
        connection.exec_driver_sql("update calendar_days set event_name = 'Fair' where date = '2016-05-25'")
    for path, held in before.items():
        after = world.client.get(path, headers={"If-None-Match": held.headers["etag"]})
        assert after.status_code == 200, path
        assert after.content != held.content, path
    stores = [store for one in world.client.get("/departments").json()["departments"] for store in one["stores"]]
    assert set(stores) == {"CA_1"}


def test_going_back_to_the_run_before_is_seen_too(world: World) -> None:
    first = world.client.get(FORECAST)
    world.publish(2)
    second = world.client.get(FORECAST)
    with world.engine.begin() as connection:
        connection.exec_driver_sql("update active_runs set run_id = 'run_0000000000000001'")
    third = world.client.get(FORECAST)
    assert first.content == third.content != second.content
    assert first.headers["etag"] == third.headers["etag"] != second.headers["etag"]


def test_star_matches_what_is_there_only(client: httpx.Client) -> None:
    assert client.get(FORECAST, headers={"If-None-Match": "*"}).status_code == 304
    missing = client.get("/forecast?item_id=NONE&store_id=CA_1", headers={"If-None-Match": "*"})
    assert missing.status_code == 404


def test_errors_are_not_kept(client: httpx.Client) -> None:
    answer = client.get("/forecast?item_id=NONE&store_id=CA_1")
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", [FORECAST, "/forecast/items", "/model/runs"])
def test_compressed_bytes_have_their_own_validator(client_with: MakeClient, path: str) -> None:
    client = client_with(gzip_min_bytes=0)
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in packed.headers["vary"]
    for etag in (plain.headers["etag"], packed.headers["etag"]):
        again = client.get(path, headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
        assert again.status_code == 304
        assert again.headers["etag"] == etag
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


def test_private_where_callers_are_told_apart(client_with: MakeClient) -> None:
    key = "0" * 40
    client = client_with(auth="on", keys_sha256=_sha256(key))
    answer = client.get(FORECAST, headers={"X-API-Key": key})
    assert answer.headers["cache-control"].startswith("private")
    assert "X-API-Key" in answer.headers["vary"]


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_the_cache_holds_no_more_than_it_may() -> None:
    cache = ByteCache(40_000)
    for number in range(100):
        cache.put(number, CachedBody(b"x" * 1000))
        assert cache.bytes_held <= 40_000
    assert cache.get(0) is None
    assert cache.get(99) is not None
    assert 0 < len(cache) < 40


def test_the_cache_drops_what_was_used_longest_ago() -> None:
    cache = ByteCache(10_000)
    for number in range(5):
        cache.put(number, CachedBody(b"x" * 1000))
    cache.get(0)
    for number in range(5, 10):
        cache.put(number, CachedBody(b"x" * 1000))
    assert cache.get(0) is not None
    assert cache.get(1) is None


def test_a_body_too_large_for_the_cache_is_not_kept() -> None:
    cache = ByteCache(10_000)
    cache.put("large", CachedBody(b"x" * 9000))
    assert len(cache) == cache.bytes_held == 0
    ByteCache(0).put("any", CachedBody(b""))


def test_24_5_kept_answers_are_no_work_for_the_garbage_collector() -> None:
    cache = ByteCache(10_000_000)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(2000):
        key = ("run", f"S{number % 10}", f"I{number}", ("0.025", "0.975"))
        cache.put(key, CachedBody(b"%d" % number, etag=f"e{number}"))
    gc.collect()  # the round that finds out what holds no references
    assert len(cache) == 2000
    assert len(gc.get_objects()) - before < 100
    kept = cache.get(("run", "S7", "I7", ("0.025", "0.975")))
    assert kept == CachedBody(b"7", etag="e7")


def test_a_body_put_twice_counts_once() -> None:
    cache = ByteCache(10_000)
    for _ in range(100):
        cache.put("same", CachedBody(b"x" * 500))
    assert len(cache) == 1
    assert cache.bytes_held < 2000


def test_compression_is_the_same_each_time() -> None:
    body = CachedBody(b"x" * 5000)
    assert gzip.decompress(body.compressed) == body.body
    assert CachedBody(b"x" * 5000).compressed == body.compressed


def test_validators_differ_where_answers_may() -> None:
    etags = {
        run_etag("a", "/x", ""),
        run_etag("b", "/x", ""),
        run_etag("a", "/y", ""),
        run_etag("a", "/x", "q"),
        run_etag("a", "/xq"),
    }
    assert len(etags) == 5
    assert matches('"a", W/"b"', '"b"')
    assert not matches('"a"', '"b"')
