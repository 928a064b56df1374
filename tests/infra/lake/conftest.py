"""A real Azurite, and signatures and tokens that it accepts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
from azure.storage.blob import ContainerClient, generate_container_sas

from models_ml.lake.address import LakeAddress
from models_ml.lake.connection import connect

AZURITE = Path(__file__).parents[1] / "azurite"
MAIN = AZURITE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT = "devstoreaccount1"
# pragma: allowlist nextline secret
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's one account, the same everywhere and printed in its documentation: no secret."""


@dataclass(frozen=True)
class Azurite:
    """A running blob server.

    Attributes:
        endpoint: of its account.
        certificate: that it shows; clients must trust it.
    """

    endpoint: str
    certificate: Path

    def signature(self, container: str, seconds: float = 600, permission: str = "rwdlc") -> str:
        """A shared access signature of a container that expires so many seconds from now."""
        expiry = datetime.now(UTC) + timedelta(seconds=seconds)
        return generate_container_sas(ACCOUNT, container, account_key=ACCOUNT_KEY, permission=permission, expiry=expiry)

    def client(self, container: str, **credential: object) -> ContainerClient:
        """The lake's own client of a container; by a fresh signature unless told otherwise."""
        address = LakeAddress(ACCOUNT, "core.windows.net", container, "")
        if not credential:
            credential = {"sas": self.signature(container)}
        return connect(address, endpoint=self.endpoint, **credential)  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """Variables for a process that shall find and trust it."""
        return {"DEMAND_LAKE_ENDPOINT": self.endpoint, "REQUESTS_CA_BUNDLE": str(self.certificate)}


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, made on the spot."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A real Azurite over HTTPS, with shared keys, signatures and Entra tokens; all in memory."""
    node = shutil.which("node")
    if node is None or not MAIN.exists():
        pytest.skip("Azurite is not installed: `make test` installs it (Node.js needed)")
    folder = tmp_path_factory.mktemp("azurite")
    certificate, key = make_certificate(folder)
    process = subprocess.Popen(
        [node, MAIN, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0", "--disableTelemetry",
         "--skipApiVersionCheck", "--oauth", "basic", "--cert", certificate, "--key", key],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"successfully listens on (https://\S+)", line):
            break
    else:
        pytest.fail("Azurite did not start:\n" + "".join(said))
    reader = threading.Thread(target=process.stdout.read, daemon=True)  # a full pipe would stop it
    reader.start()
    yield Azurite(f"{found[1]}/{ACCOUNT}", certificate)
    process.terminate()
    process.wait(timeout=20)
    reader.join(timeout=20)
    process.stdout.close()


@pytest.fixture
def container(azurite: Azurite, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh container; this process trusts Azurite meanwhile."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azurite.certificate))
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-") + f"-{time.time_ns()}"
    address = LakeAddress(ACCOUNT, "core.windows.net", name, "")
    with connect(
        address, endpoint=azurite.endpoint, credential={"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
    ) as client:
        client.create_container()
    return name


class TokenServer(ThreadingHTTPServer):
    """The managed identity endpoint of App Service, giving tokens as Entra would sign them.

    Attributes:
        lifetime: seconds of the tokens that it gives.
        given: number of tokens given.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.lifetime, self.given = 3600.0, 0

    def environment(self) -> dict[str, str]:
        """What App Service tells a process of it."""
        url = f"http://127.0.0.1:{self.server_address[1]}/token"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": "header"}


class TokenHandler(BaseHTTPRequestHandler):
    """Answers a request for a token."""

    server: TokenServer

    def do_GET(self) -> None:
        assert "resource=https" in urlsplit(self.path).query
        self.server.given += 1
        expires = int(time.time() + self.server.lifetime)
        claims = {
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            "nbf": expires - 7200,
            "iat": expires - 7200,
            "exp": expires,
        }
        token = jwt.encode(claims, "k" * 32, algorithm="HS256")
        body = json.dumps(
            {"access_token": token, "expires_on": str(expires), "resource": claims["aud"], "token_type": "Bearer"}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def identity() -> Iterator[TokenServer]:
    """A managed identity's token endpoint."""
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=10)
