"""The container and the start command say what the code expects; both are built and run in CI."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

API = Path(__file__).parents[2] / "api"


def test_the_container_does_not_run_as_root_and_is_probed() -> None:
    text = (API / "Dockerfile").read_text()
    assert re.search(r"^USER (?!0\b|root)\S+", text, re.M)
    assert "HEALTHCHECK" in text
    assert "/health" in text
    assert text.rstrip().endswith('CMD ["python", "-m", "api"]')
    assert "DEMAND_API_AUTH" not in text, "authentication is on in a container"
    assert "--require-hashes" in text


def test_the_start_command_takes_the_port_of_the_platform(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@" "$DEMAND_API_HOST" "$DEMAND_API_PORT" "$DEMAND_API_WORKERS"\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(API / "startup.sh")],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "8181"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["-m", "api", "0.0.0.0", "8181", "2"]
