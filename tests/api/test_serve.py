"""`demand serve`: what it refuses, what it says at the start, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from api.settings import ApiSettings
from models_ml.cli import serving
from models_ml.errors import InputError

from .conftest import Published, new_store

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
EXIT_3 = [sys.executable, "-c", "raise SystemExit(3)"]
EXIT_0 = [sys.executable, "-c", "pass"]


@pytest.fixture(autouse=True)
def handlers_restored() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(part) for part in listed.split()]


def after(seconds: float, action: Callable[[], object]) -> None:
    threading.Timer(seconds, action).start()


@pytest.mark.parametrize(
    ("command", "killed", "code", "said"),
    [
        (SLEEP, True, 1, "The API was killed by SIGKILL."),
        (EXIT_3, False, 3, "The API exited with code 3."),
        (EXIT_0, False, 1, "The API exited with code 0."),
    ],
)
def test_18_15_a_server_that_ends_by_itself_is_a_fault(
    capsys: pytest.CaptureFixture[str], command: list[str], killed: bool, code: int, said: str
) -> None:
    known = set(children())
    if killed:
        after(0.5, lambda: os.kill(min(set(children()) - known), signal.SIGKILL))
    began = time.monotonic()
    with pytest.raises(typer.Exit) as ended:
        serving.supervise({"API": command, "dashboard": SLEEP}, os.environ)
    assert ended.value.exit_code == code
    assert said in capsys.readouterr().err
    assert time.monotonic() - began < 20, "the other server was stopped"
    assert set(children()) <= known


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_18_15_an_interrupt_is_no_fault(number: signal.Signals) -> None:
    after(0.5, lambda: os.kill(os.getpid(), number))
    with pytest.raises(typer.Exit) as ended:
        serving.supervise({"API": SLEEP}, os.environ)
    assert ended.value.exit_code == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "demand.example"])
def test_18_15_no_address_beyond_this_machine_without_authentication(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    for name in [name for name in os.environ if name.startswith("DEMAND_API")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEMAND_API_HOST", host)
    with pytest.raises(InputError, match=r"authentication is off.*DEMAND_API_KEYS_SHA256"):
        serving.serve(port=free_port(), home=tmp_path)
    with pytest.raises(ValueError, match="authentication is off"):
        ApiSettings(auth="off")
    assert ApiSettings(auth="on", keys_sha256="0" * 64).host == host
    for allowed in ("127.0.0.1", "::1", "localhost"):
        assert ApiSettings(auth="off", host=allowed).host == allowed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_18_15_a_taken_port_is_said_before_any_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DEMAND_API_HOST", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"Port {port} is in use.*--port"):
            serving.serve(port=port, home=tmp_path)
        with pytest.raises(InputError, match=rf"Port {port} is in use.*--dashboard-port"):
            serving.serve(port=free_port(), with_dashboard=True, dashboard_port=port, home=tmp_path)
    assert capsys.readouterr().out == ""


def test_18_15_an_empty_home_is_said_at_the_start(tmp_path: Path, shared_store: Path, first_run: Published) -> None:
    assert "demand run" in (serving.nothing_served(f"sqlite:///{tmp_path / 'store.sqlite'}") or "")
    new_store(tmp_path / "store.sqlite").dispose()
    assert "no run is served yet" in (serving.nothing_served(f"sqlite:///{tmp_path / 'store.sqlite'}") or "")
    assert serving.nothing_served(f"sqlite:///{shared_store}") is None


def test_18_15_the_dashboard_starts_without_warnings() -> None:
    code = "import dashboard.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")
