"""Commands that serve: the API and the dashboard."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Annotated

import typer

from models_ml.cli.options import Home, settings_with
from models_ml.errors import InputError, StoreError

LOOPBACK = "127.0.0.1"
Port = Annotated[int, typer.Option(help="Port.", min=1, max=65535)]


def serve(
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    with_dashboard: Annotated[bool, typer.Option("--with-dashboard", help="Start the dashboard too.")] = False,
    dashboard_port: Port = 8501,
    home: Home = None,
) -> None:
    """Serve the API on this machine until interrupted."""
    from models_ml.settings import is_loopback

    settings = settings_with(home=home)
    environment = {
        **os.environ,
        "DEMAND_HOME": str(settings.home.resolve()),
        "DEMAND_STORE_URL": settings.effective_store_url,
        "DEMAND_API_PORT": str(port),
        "DEMAND_API_WORKERS": str(workers),
    }
    if not any(name.startswith(("DEMAND_API_AUTH", "DEMAND_API_KEYS", "DEMAND_API_ENTRA")) for name in environment):
        environment["DEMAND_API_AUTH"] = "off"  # a demo on this machine; the API says so when it starts
    host = environment.get("DEMAND_API_HOST", LOOPBACK)
    if environment.get("DEMAND_API_AUTH") == "off" and not is_loopback(host):
        raise InputError(
            f"DEMAND_API_HOST is {host} and authentication is off: anyone who can reach this machine could override "
            f"forecasts. Set DEMAND_API_KEYS_SHA256 or DEMAND_API_ENTRA_*, or unset DEMAND_API_HOST."
        )
    servers = {"API": [sys.executable, "-m", "api"]}
    refuse_taken(host, port, "--port")
    if with_dashboard:
        refuse_taken(LOOPBACK, dashboard_port, "--dashboard-port")
        environment["DEMAND_API_URL"] = f"http://127.0.0.1:{port}"
        servers["dashboard"] = dashboard_command(dashboard_port)
    typer.echo(f"API        http://{host}:{port}/docs")
    if with_dashboard:
        typer.echo(f"Dashboard  http://{LOOPBACK}:{dashboard_port}")
    missing = nothing_served(settings.effective_store_url)
    if missing:
        typer.echo(f"note: {missing}")
    typer.echo("Stop with Ctrl-C.")
    supervise(servers, environment)


def nothing_served(store_url: str) -> str | None:
    """The note to print when there is no forecast to serve yet."""
    from sqlalchemy import select

    from models_ml.prediction_store.engine import make_engine
    from models_ml.prediction_store.schema import active_runs
    from models_ml.prediction_store.transactions import reading

    try:
        engine = make_engine(store_url, read_only=True)
        with reading(engine) as connection:
            served = connection.execute(select(active_runs.c.store_id).limit(1)).first()
        engine.dispose()
    except StoreError as error:
        return f"no forecasts can be served yet. {error}"
    return None if served else "no run is served yet, so forecast requests return 404. Publish a run: demand run."


def refuse_taken(host: str, port: int, option: str) -> None:
    """Reject a port that another process listens on.

    Raises:
        InputError: the port is in use, or the address does not belong to this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise InputError(
                    f"Port {port} is in use. Stop the process that listens on it, or choose another with {option}."
                ) from None
            raise InputError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def dashboard(port: Port = 8501, home: Home = None) -> None:
    """Serve the dashboard, which reads the API at DEMAND_API_URL."""
    settings = settings_with(home=home)
    environment = {**os.environ, "DEMAND_API_URL": settings.api_url}
    refuse_taken(LOOPBACK, port, "--port")
    typer.echo(f"Dashboard  http://127.0.0.1:{port}   (API: {settings.api_url})")
    supervise({"dashboard": dashboard_command(port)}, environment)


def dashboard_command(port: int) -> list[str]:
    """The command that starts Streamlit."""
    return [
        sys.executable, "-m", "dashboard",
        "--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true",
        "--browser.gatherUsageStats", "false",
    ]  # fmt: skip


def supervise(servers: Mapping[str, list[str]], environment: Mapping[str, str]) -> None:
    """Run servers in parallel until the user interrupts, or one of them exits.

    Raises:
        Exit: code 0 after an interrupt; otherwise the code of the server that exited, or 1 if that is 0 or a signal.
    """
    processes = {name: subprocess.Popen(command, env=environment) for name, command in servers.items()}  # noqa: S603
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    ended: dict[str, int] = {}
    while not interrupted and not ended:
        time.sleep(0.3)
        ended = {name: code for name, process in processes.items() if (code := process.poll()) is not None}
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    for process in processes.values():
        process.wait(timeout=30)
    for name, code in ended.items():
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        typer.echo(f"error: The {name} {how}.", err=True)
    raise typer.Exit(next((code for code in ended.values() if code > 0), 1) if ended else 0)
