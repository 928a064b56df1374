"""The container holds what the dashboard imports, runs as nobody in particular, and is probed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.dashboard.conftest import REPOSITORY

DOCKERFILE = (REPOSITORY / "dashboard" / "Dockerfile").read_text(encoding="utf-8")


def copied() -> list[Path]:
    """What the build takes from the repository."""
    given = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.M)
    return [Path(name) for line in given for name in line.split()]


def test_what_is_copied_is_enough_to_start(tmp_path: Path) -> None:
    for path in copied():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (REPOSITORY / path).is_dir() else shutil.copy)(REPOSITORY / path, target)
    program = "import sys; sys.path = [p for p in sys.path if p != sys.argv[1]]; "
    # The finder of the editable installation would find what the image lacks.
    program += (
        "sys.meta_path = [f for f in sys.meta_path if not getattr(f, '__module__', '').startswith('__editable')]; "
    )
    program += "import dashboard.__main__ as main, api; print(main.__file__, api.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(REPOSITORY)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "dashboard/__main__.py"), str(tmp_path / "api/__init__.py")]


def test_what_is_copied_is_not_ignored() -> None:
    ignore = (REPOSITORY / "dashboard" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignore[0] == "**"
    assert {f"!{path}" for path in copied()} == {line for line in ignore if line.startswith("!")}


def test_it_does_not_run_as_root_and_is_probed() -> None:
    assert re.search(r"^USER (?!0\b|root)\S+", DOCKERFILE, re.M)
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/_stcore/health" in DOCKERFILE
    assert '"-m", "dashboard"' in DOCKERFILE
