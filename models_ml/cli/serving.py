"""Commands that serve: the API and the dashboard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Annotated

import typer

from models_ml.cli.options import Home, settings_with

Port = Annotated[int, typer.Option(help="Port.", min=1, max=65535)]


def serve(
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    with_dashboard: Annotated[bool, typer.Option("--with-dashboard", help="Start the dashboard too.")] = False,
    dashboard_port: Port = 8501,
    home: Home = None,
) -> None:
    """Serve the API on this machine until it is interrupted."""
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
    commands = [[sys.executable, "-m", "api"]]
    typer.echo(f"API        http://127.0.0.1:{port}/docs")
    if with_dashboard:
        environment["DEMAND_API_URL"] = f"http://127.0.0.1:{port}"
        commands.append(dashboard_command(dashboard_port))
        typer.echo(f"Dashboard  http://127.0.0.1:{dashboard_port}")
    typer.echo("Stop with Ctrl-C.")
    supervise(commands, environment)


def dashboard(port: Port = 8501, home: Home = None) -> None:
    """Serve the dashboard, which reads the API at DEMAND_API_URL."""
    settings = settings_with(home=home)
    environment = {**os.environ, "DEMAND_API_URL": settings.api_url}
    typer.echo(f"Dashboard  http://127.0.0.1:{port}   (API: {settings.api_url})")
    supervise([dashboard_command(port)], environment)


def dashboard_command(port: int) -> list[str]:
    """How Streamlit is started."""
    return [
        sys.executable, "-m", "dashboard",
        "--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true",
        "--browser.gatherUsageStats", "false",
    ]  # fmt: skip


def supervise(commands: list[list[str]], environment: dict[str, str]) -> None:
    """Run servers side by side; when one ends or the user interrupts, end them all."""
    processes = [subprocess.Popen(command, env=environment) for command in commands]  # noqa: S603

    def stop(*_: object) -> None:
        for process in processes:
            if process.poll() is None:
                process.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while all(process.poll() is None for process in processes):
        time.sleep(0.3)
    stop()
    status = [process.wait(timeout=30) for process in processes]
    raise typer.Exit(max(0, *status) if len(status) > 1 else max(0, status[0]))
