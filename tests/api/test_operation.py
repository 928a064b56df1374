"""What an operator relies on: probes, request ids, logs, metrics, limits, faults that say little."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from api import __version__
from api.errors import from_store_fault
from api.gateway import Deadline, Gateway
from api.negotiation import accepts_gzip, choose_media_type
from api.telemetry import AccessLog, Metrics, wants_tracing

from .conftest import MakeClient, assert_problem, make_run, new_store, settings_for

FORECAST = "/forecast?item_id=FOODS_1_001&store_id=CA_1"


def test_health_and_readiness(client: httpx.Client) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["version"] == __version__
    ready = client.get("/ready").json()
    assert ready["status"] == "ready"
    assert [check["name"] for check in ready["checks"]] == ["store", "migrations", "active_run", "age"]


def test_a_request_id_is_kept_or_made(client: httpx.Client) -> None:
    assert client.get("/health", headers={"X-Request-ID": "abc-123"}).headers["x-request-id"] == "abc-123"
    made = {client.get(FORECAST).headers["x-request-id"] for _ in range(5)}
    assert len(made) == 5
    for forged in ('x" , "admin": "yes', "x" * 65, "a b"):
        assert client.get("/health", headers={"X-Request-ID": forged}).headers["x-request-id"] != forged


def test_every_answer_names_itself_and_forbids_sniffing(client: httpx.Client) -> None:
    for path in (FORECAST, "/health", "/nope", "/forecast"):
        answer = client.get(path)
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers or "uvicorn" in answer.headers["server"]


def test_metrics_count_answers_by_route(client_with: MakeClient) -> None:
    client = client_with()
    for _ in range(3):
        client.get(FORECAST)
    client.get("/forecast?item_id=NONE&store_id=CA_1")
    client.get("/model/runs/none")
    for n in range(5):
        client.get(f"/made/up/{n}")
    text = client.get("/metrics").text
    assert 'demand_api_requests_total{method="GET",route="/forecast",status="200"} 3.0' in text
    assert 'demand_api_requests_total{method="GET",route="/forecast",status="404"} 1.0' in text
    assert 'route="/model/runs/{run_id}",status="404"} 1.0' in text
    assert 'demand_api_requests_total{method="GET",route="other",status="404"} 5.0' in text
    assert 'demand_api_request_seconds_count{route="/forecast"} 4.0' in text
    assert "demand_api_cache_misses_total 1.0" in text
    assert "demand_api_cache_hits_total 2.0" in text
    assert "demand_api_requests_in_progress 1.0" in text


def test_the_histogram_is_what_single_observations_would_give() -> None:
    metrics = Metrics()
    times = [0.0005, 0.001, 0.02, 0.02, 5, 100]
    for seconds in times:
        metrics.observe("GET", "/x", 200, seconds)
    text = metrics.text().decode()
    for bound in (0.001, 0.0025, 0.03, 3.0, 10.0):
        count = sum(1 for seconds in times if seconds <= bound)
        assert f'demand_api_request_seconds_bucket{{le="{bound}",route="/x"}} {count}.0' in text
    assert 'demand_api_request_seconds_bucket{le="+Inf",route="/x"} 6.0' in text
    assert 'demand_api_request_seconds_sum{route="/x"} 105.04' in text
    assert metrics.text().decode().count('status="200"} 6.0') == 1


def test_log_lines_are_json_and_errors_go_out_at_once() -> None:
    stream = io.StringIO()
    log = AccessLog(stream)
    log.write({"event": "request", "level": "info", "path": 'a"\n{'})
    assert stream.getvalue() == ""
    log.write({"event": "request", "level": "error"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["info", "error"]
    assert lines[0]["path"] == 'a"\n{'
    log.flush()
    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_a_body_is_refused(client_with: MakeClient, declared: bool) -> None:
    client = client_with(max_body_bytes=1024)
    body = b'{"series": [' + b" " * 5000 + b"]}"
    content: Any = body if declared else iter([body[:3000], body[3000:]])
    answer = client.post("/forecast/bulk", content=content, headers={"Content-Type": "application/json"})
    problem = assert_problem(answer, 413, "body-too-large")
    assert "1024" in problem["detail"]


def test_a_fault_of_ours_says_its_request_id_and_nothing_else(
    client_with: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("api.queries.places.departments", broken)
    answer = client_with().get("/departments")
    assert_problem(answer, 500, "internal")
    assert "secret" not in answer.text


def test_a_fault_in_the_middle_of_a_stream_cuts_it(client_with: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an answer must not look like a whole one."""
    from api.queries import bulk

    calls = []

    def second_fails(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise OperationalError("select", {}, Exception("gone"))
        return bulk.read_portion(*arguments)

    monkeypatch.setattr("api.routes.bulk.read_portion", second_fails)
    with pytest.raises(httpx.RemoteProtocolError):
        client_with().get("/forecast/bulk")


def test_more_at_once_than_allowed_is_503(shared_store: Path) -> None:
    """The gateway alone, around an application that waits."""
    from api.main import create_app

    runtime = create_app(settings_for(shared_store, max_concurrency=1)).runtime
    statuses: list[int] = []

    async def scenario() -> None:
        release = asyncio.Event()

        async def waiting(scope: Any, receive: Any, send: Any) -> None:
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        gateway = Gateway(waiting, runtime)
        first = asyncio.create_task(gateway(_scope(), _receive, send))
        await asyncio.sleep(0)
        await gateway(_scope(), _receive, send)
        assert statuses == [503]
        release.set()
        await first
        await gateway(_scope(), _receive, send)

    asyncio.run(scenario())
    assert statuses == [503, 200, 200]


def _scope() -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_no_answer_in_time_is_504_but_a_long_download_is_not() -> None:
    from api.errors import ApiError

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(5)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"x"})

    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    with pytest.raises(ApiError) as caught:
        asyncio.run(Deadline(late, 0.05)(_scope(), _receive, send))
    assert caught.value.status == 504
    asyncio.run(Deadline(slow, 0.05)(_scope(), _receive, send))
    assert sent == ["http.response.start", "http.response.body"]


def test_faults_of_a_store_by_kind() -> None:
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as missing:
        connection.execute("select 1 from forecasts")
    connection.close()
    for original, kind in (
        (locked, "store-unavailable"),
        (missing.value, "store-not-migrated"),
        (Exception("28000", "[28000] Login failed for user 'sa'. Password (18456)"), "store-unavailable"),
    ):
        problem = from_store_fault(OperationalError("select 1", {}, original))
        assert problem.kind == kind
        assert problem.headers["Retry-After"]
        assert "Password" not in problem.detail


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "a/b"),
        ("*/*", "a/b"),
        ("c/d", "c/d"),
        ("c/d;q=0.1, a/b;q=0.2", "a/b"),
        ("a/*;q=0, */*", "c/d"),
        ("", "a/b"),
    ],
)
def test_media_types(accept: str | None, expected: str) -> None:
    assert choose_media_type(accept, ("a/b", "c/d")) == expected


@pytest.mark.parametrize(
    ("header", "accepted"),
    [(None, False), ("gzip", True), ("br", False), ("*", True), ("gzip;q=0", False), ("*;q=0", False), ("GZIP", True)],
)
def test_codings(header: str | None, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=x"}, True),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=x", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_tracing_needs_an_address(environment: dict[str, str], wanted: bool) -> None:
    assert wants_tracing(environment) is wanted


def _start(environment: dict[str, str]) -> tuple[subprocess.Popen[str], int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DEMAND_", "OTEL_", "PROMETHEUS_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "api"],
        env={**inherited, "DEMAND_API_PORT": str(port), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process, port


def test_without_a_way_in_it_does_not_start_and_says_why(tmp_path: Path) -> None:
    process, _ = _start({"DEMAND_HOME": str(tmp_path)})
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "DEMAND_API_KEYS_SHA256" in output
    assert "Traceback" not in output


def test_two_workers_serve_log_count_together_and_end_gracefully(tmp_path: Path) -> None:
    engine = new_store(tmp_path / "prediction_store.sqlite")
    run = make_run(1)
    from models_ml.prediction_store.publish import publish

    publish(engine, run.run, run.frames)
    engine.dispose()
    process, port = _start({"DEMAND_HOME": str(tmp_path), "DEMAND_API_AUTH": "off", "DEMAND_API_WORKERS": "2"})
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            _await(lambda: client.get("/health").status_code == 200)
            for _ in range(20):
                # a new connection each, so that both workers are asked
                answer = httpx.get(f"http://127.0.0.1:{port}{FORECAST}", trust_env=False)
                assert answer.status_code == 200
            wanted = 'route="/forecast",status="200"} 20.0'
            _await(lambda: wanted in client.get("/metrics").text)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    reader.join(10)
    process.stdout.close()
    assert any("OFF" in line for line in lines)
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    assert sum(entry.get("path") == "/forecast" for entry in entries) == 20
    assert any("AUTHENTICATION IS OFF" in entry["event"] for entry in entries)
    assert sum(entry["event"] == "stopped" for entry in entries) == 2


def _await(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)
