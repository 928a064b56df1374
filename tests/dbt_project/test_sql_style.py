"""The SQL that dbt makes of the models reads as if it had been written by hand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models_ml.settings import REPOSITORY
from tests.dbt_project.project import PROJECT, Home

pytestmark = pytest.mark.dbt


def test_compiled_models_are_clean(home: Home) -> None:
    # Unit tests are compiled beside the models, into folders named as their YAML file.
    files = [p for p in home.compiled.rglob("*.sql") if not any(parent.suffix == ".yml" for parent in p.parents)]
    other = PROJECT / "models" / "staging" / "long"  # the models of another source are not built here
    assert len(files) >= len([p for p in (PROJECT / "models").rglob("*.sql") if other not in p.parents])
    done = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--config", str(REPOSITORY / ".sqlfluff"), *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_no_line_of_a_template_is_too_long() -> None:
    for path in PROJECT.rglob("*.sql"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            assert len(line) <= 160, f"{path.name}:{number}"
