"""Who may ask: a matrix of keys and tokens over every route, by deny by default."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api.auth import PUBLIC_PATHS
from api.main import create_app
from api.settings import load_settings
from models_ml.errors import InputError

from .conftest import MakeClient, assert_problem, served, settings_for

KEY = "planner-key-with-enough-entropy-1234567890"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
TENANT = "11111111-2222-3333-4444-555555555555"
AUDIENCE = "api://retail-demand"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
FORECAST = "/forecast?item_id=FOODS_1_001&store_id=CA_1"


@dataclass
class Identity:
    """A stand-in for Entra ID: a signing key, and an address that publishes it."""

    key: rsa.RSAPrivateKey
    url: str
    asked: list[str]

    def token(self, *, key: Any = None, algorithm: str = "RS256", kid: str = "one", **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "planner",
            "tid": TENANT,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "roles": ["Forecast.Read"],
        }
        claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    body = json.dumps({"keys": [{**jwk, "kid": "one", "use": "sig", "alg": "RS256"}]}).encode()
    asked: list[str] = []

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Identity(key, f"http://127.0.0.1:{server.server_port}/keys", asked)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def guarded(shared_store: Path, identity: Identity) -> Iterator[httpx.Client]:
    settings = settings_for(
        shared_store,
        auth="on",
        keys_sha256=f"planner:{HASH}",
        entra_tenant_id=TENANT,
        entra_audience=AUDIENCE,
        entra_jwks_url=identity.url,
        entra_roles="Forecast.Read, forecast.read",
    )
    with served(settings) as client:
        yield client


def _all_paths(shared_store: Path) -> list[tuple[str, str]]:
    document = create_app(settings_for(shared_store)).openapi()
    return [(method, path) for path, methods in document["paths"].items() for method in methods]


def test_every_route_but_the_public_ones_needs_a_caller(guarded: httpx.Client, shared_store: Path) -> None:
    paths = _all_paths(shared_store)
    assert len(paths) > 15
    for method, path in [
        *paths,
        ("get", "/docs"),
        ("get", "/docs/other"),
        ("get", "/nowhere"),
        ("options", "/forecast"),
    ]:
        answer = guarded.request(method, path.replace("{run_id}", "x"))
        if path in PUBLIC_PATHS:
            assert answer.status_code == 200
        else:
            assert_problem(answer, 401, "unauthorized")
            assert "Bearer" in answer.headers["www-authenticate"]


def test_only_probes_and_documentation_are_public() -> None:
    docs = {"/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"}
    assert {"/", "/health", "/ready", "/openapi.json", *docs} == PUBLIC_PATHS


def test_a_known_key_is_let_in(guarded: httpx.Client) -> None:
    for path in (FORECAST, "/metrics", "/model/runs", "/forecast/bulk"):
        assert guarded.get(path, headers={"X-API-Key": KEY}).status_code == 200


@pytest.mark.parametrize("key", ["", "x", KEY[:-1], KEY + " x", HASH, KEY.upper()])
def test_other_keys_are_not(guarded: httpx.Client, key: str) -> None:
    assert_problem(guarded.get(FORECAST, headers={"X-API-Key": key}), 401, "unauthorized")


def test_a_key_is_no_bearer_token_and_not_a_parameter(guarded: httpx.Client) -> None:
    assert_problem(guarded.get(FORECAST, headers={"Authorization": f"Bearer {KEY}"}), 401, "unauthorized")
    assert_problem(guarded.get(FORECAST, headers={"Authorization": f"Basic {KEY}"}), 401, "unauthorized")
    assert_problem(guarded.get(f"{FORECAST}&api_key={KEY}"), 401, "unauthorized")


def test_a_wrong_key_is_not_saved_by_a_good_token(guarded: httpx.Client, identity: Identity) -> None:
    headers = {"X-API-Key": "x", "Authorization": f"Bearer {identity.token()}"}
    assert_problem(guarded.get(FORECAST, headers=headers), 401, "unauthorized")


@pytest.mark.parametrize(
    "changes",
    [{}, {"roles": None, "scp": "openid forecast.read"}, {"aud": [AUDIENCE, "other"]}, {"nbf": None}, {"tid": None}],
)
def test_good_tokens(guarded: httpx.Client, identity: Identity, changes: dict[str, Any]) -> None:
    for scheme in ("Bearer", "bearer"):
        answer = guarded.get(FORECAST, headers={"Authorization": f"{scheme} {identity.token(**changes)}"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "api://other"},
        {"aud": None},
        {"iss": "https://login.microsoftonline.com/other/v2.0"},
        {"iss": None},
        {"tid": "other"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"nbf": 4_000_000_000},
        {"kid": "two"},
    ],
)
def test_bad_tokens(guarded: httpx.Client, identity: Identity, changes: dict[str, Any]) -> None:
    answer = guarded.get(FORECAST, headers={"Authorization": f"Bearer {identity.token(**changes)}"})
    assert_problem(answer, 401, "unauthorized")
    assert "invalid_token" in answer.headers["www-authenticate"]


def test_a_token_without_the_role_is_forbidden(guarded: httpx.Client, identity: Identity) -> None:
    for changes in ({"roles": ["Other"]}, {"roles": None}, {"roles": None, "scp": "openid"}):
        answer = guarded.get(FORECAST, headers={"Authorization": f"Bearer {identity.token(**changes)}"})
        assert_problem(answer, 403, "forbidden")


def test_forged_tokens(guarded: httpx.Client, identity: Identity) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    whole = identity.token()
    head, body, signature = whole.split(".")
    unsigned = jwt.encode({"sub": "x"}, "", algorithm="none", headers={"kid": "one"})
    # the classic: the public key used as the secret of an HMAC
    for forged in (
        identity.token(key=other),
        identity.token(key="s" * 64, algorithm="HS256"),
        unsigned,
        f"{head}.{body}.",
        f"{head}.{body[:-4]}AAAA.{signature}",
        "not-a-token",
        "a.b.c",
        "",
    ):
        answer = guarded.get(FORECAST, headers={"Authorization": f"Bearer {forged}".strip()})
        assert_problem(answer, 401, "unauthorized")


def test_a_token_remembered_ends_with_its_time(guarded: httpx.Client, identity: Identity) -> None:
    """The leeway of 30 s is for clocks, not for what is remembered."""
    token = identity.token(exp=int(time.time()) + 1)
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.get(FORECAST, headers=headers).status_code == 200
    token = identity.token(exp=int(time.time()) - 31)
    assert_problem(guarded.get(FORECAST, headers={"Authorization": f"Bearer {token}"}), 401, "unauthorized")


def test_signing_keys_are_fetched_seldom(guarded: httpx.Client, identity: Identity) -> None:
    assert guarded.get(FORECAST, headers={"Authorization": f"Bearer {identity.token()}"}).status_code == 200
    before = len(identity.asked)
    for number in range(20):
        guarded.get(FORECAST, headers={"Authorization": f"Bearer {identity.token(sub=str(number))}"})
        guarded.get(FORECAST, headers={"Authorization": f"Bearer {identity.token(kid=f'made up {number}')}"})
    assert len(identity.asked) - before <= 1


def test_without_signing_keys_a_token_cannot_be_checked(client_with: MakeClient, identity: Identity) -> None:
    client = client_with(
        auth="on",
        keys_sha256=HASH,
        entra_tenant_id=TENANT,
        entra_audience=AUDIENCE,
        entra_jwks_url="http://127.0.0.1:9/keys",
    )
    answer = client.get(FORECAST, headers={"Authorization": f"Bearer {identity.token()}"})
    assert_problem(answer, 503, "identity-unavailable")
    assert client.get(FORECAST, headers={"X-API-Key": KEY}).status_code == 200


def test_where_only_keys_are_set_up_tokens_are_refused(client_with: MakeClient, identity: Identity) -> None:
    client = client_with(auth="on", keys_sha256=f"{HASH},other:{'a' * 64}")
    answer = client.get(FORECAST, headers={"Authorization": f"Bearer {identity.token()}"})
    assert_problem(answer, 401, "unauthorized")
    problem = assert_problem(client.get(FORECAST), 401, "unauthorized")
    assert "X-API-Key" in problem["detail"]
    assert "Entra" not in problem["detail"]


def test_off_lets_everybody_in_and_says_so(client: httpx.Client) -> None:
    assert client.get(FORECAST).status_code == 200
    assert client.get("/health").json()["auth"] == "off"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "DEMAND_API_KEYS_SHA256"),
        ({"DEMAND_API_KEYS_SHA256": "secret"}, "DEMAND_API_KEYS_SHA256"),  # pragma: allowlist secret
        ({"DEMAND_API_ENTRA_TENANT_ID": "x"}, "DEMAND_API_ENTRA_AUDIENCE"),
        ({"DEMAND_API_AUTH": "no"}, "DEMAND_API_AUTH"),
        ({"DEMAND_API_AUTH": "off", "DEMAND_API_THREADS": "0"}, "DEMAND_API_THREADS"),
    ],
)
def test_settings_that_leave_a_door_open_or_are_wrong_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("DEMAND_"):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        load_settings()
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_origins_of_the_list_may_call_from_browsers(client_with: MakeClient) -> None:
    client = client_with(auth="on", keys_sha256=HASH, cors_origins="https://planner.example, https://other.example")
    asked = {"Origin": "https://planner.example", "Access-Control-Request-Method": "GET"}
    preflight = client.options("/forecast", headers={**asked, "Access-Control-Request-Headers": "X-API-Key"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://planner.example"
    refused = client.get(FORECAST, headers={"Origin": "https://planner.example"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://planner.example"
    stranger = client.get(FORECAST, headers={"Origin": "https://evil.example", "X-API-Key": KEY})
    assert "access-control-allow-origin" not in stranger.headers
