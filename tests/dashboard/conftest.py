"""A published store, the real API over it in a process of its own, and the dashboard against that API."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from dashboard import data
from dashboard.client import ApiClient
from dashboard.settings import get_settings
from tests.dashboard import published_store

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A server in a process of its own that can be stopped and started at the same address."""

    command: list[str]
    environment: dict[str, str]
    port: int
    ready_path: str
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEMAND_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=REPOSITORY,
                env={**inherited, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"{self.command[0]} ended:\n{self.log.read_text()}"
            try:
                if httpx.get(self.url + self.ready_path, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"{self.command[0]} did not answer in {START_SECONDS} s:\n{self.log.read_text()}")

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(15)
        self._process = None


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a published store; tests may add to it, not take away."""
    folder = tmp_path_factory.mktemp("dashboard_store")
    published_store.build_store(published_store.store_url(folder)).dispose()
    return folder


def api_server(folder: Path) -> Server:
    """The API over the store in a folder, not started."""
    port = free_port()
    return Server(
        ["uvicorn", "api.main:app", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"],
        {"DEMAND_API_AUTH": "off", "DEMAND_STORE_URL": published_store.store_url(folder)},
        port,
        "/health",
        folder / "api.log",
    )


@pytest.fixture(scope="session")
def api(store_folder: Path) -> Iterator[Server]:
    """The running API; a test that stops it must start it again."""
    server = api_server(store_folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dashboard(api: Server, store_folder: Path) -> Iterator[Server]:
    """The running dashboard."""
    port = free_port()
    server = Server(
        ["dashboard", "--server.port", str(port), "--server.address", "127.0.0.1"],
        {"DEMAND_API_URL": api.url, "DEMAND_DOCS_URL": "http://127.0.0.1:9/site"},
        port,
        "/_stcore/health",
        store_folder / "dashboard.log",
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def served(api: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This process's dashboard code, pointed at the running API; gives the API's address."""
    monkeypatch.setenv("DEMAND_API_URL", api.url)
    monkeypatch.delenv("DEMAND_API_KEY", raising=False)
    data.forget()
    get_settings.cache_clear()
    yield api.url
    data.forget()
    get_settings.cache_clear()


@pytest.fixture
def client(served: str) -> Iterator[ApiClient]:
    """What a test asks the API itself."""
    api_client = ApiClient(served)
    yield api_client
    api_client.close()
