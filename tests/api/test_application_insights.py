"""Traces reach Application Insights, signed in as the app's managed identity: against an endpoint that records."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.main import create_app
from models_ml.errors import InputError
from tests.api.conftest import served, settings_for
from tests.infra.lake.conftest import make_certificate

KEY = "00000000-0000-0000-0000-000000000001"


@dataclass
class Azure:
    """App Service's identity endpoint and Application Insights' ingestion, both at 127.0.0.1."""

    identity: str
    ingestion: str
    tokens_for: list[str] = field(default_factory=list)
    received: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """Both services, the second by TLS: a token is not sent without it."""
    certificate, key = make_certificate(tmp_path)
    world = Azure("", "")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

        def answer(self, body: object) -> None:
            told = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_GET(self) -> None:
            world.tokens_for.append(self.path)
            expires = str(int(time.time()) + 3600)
            self.answer({"access_token": "of-the-identity", "expires_on": expires, "token_type": "Bearer"})

        def do_POST(self) -> None:
            items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            world.received.append((self.headers["Authorization"], items))
            self.answer({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []})

    plain, secure = (ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    world.identity = f"http://127.0.0.1:{plain.server_port}/msi/token"
    world.ingestion = f"https://127.0.0.1:{secure.server_port}/"
    for server in (plain, secure):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        patch.setenv("IDENTITY_ENDPOINT", world.identity)
        patch.setenv("IDENTITY_HEADER", "header")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        patch.setenv("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111")
        # The product sets these where they are not set; the patch takes them back.
        for reports in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
            patch.setenv(f"APPLICATIONINSIGHTS_{reports}", "true")
        patch.setenv(
            "APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={KEY};IngestionEndpoint={world.ingestion}"
        )
        yield world
    for server in (plain, secure):
        server.shutdown()
        server.server_close()


def test_22_28_a_request_is_a_span_in_application_insights(azure: Azure, shared_store: Path) -> None:
    with served(settings_for(shared_store)) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/model/status").status_code == 200
        deadline = time.monotonic() + 30
        while not azure.received:
            assert time.monotonic() < deadline, "no span arrived"
            time.sleep(0.02)
    assert azure.tokens_for
    assert all("client_id=11111111" in path for path in azure.tokens_for)
    (authorization, items), *_ = azure.received
    assert authorization == "Bearer of-the-identity"
    requests = [item["data"]["baseData"] for item in items if item["data"]["baseType"] == "RequestData"]
    assert [(urlsplit(request["url"]).path, request["responseCode"]) for request in requests] == [
        ("/model/status", "200")
    ]
    assert {item["iKey"] for item in items} == {KEY}


def test_a_malformed_connection_string_is_said(monkeypatch: pytest.MonkeyPatch, shared_store: Path) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=")
    with pytest.raises(InputError, match="APPLICATIONINSIGHTS_CONNECTION_STRING cannot be read"):
        create_app(settings_for(shared_store))
