"""The layout of the packages: few loose modules, none too long to read, node names parsed in one place."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("models_ml", "api", "dashboard", "expectations", "benchmarks")
MOST_LINES = 400
MOST_LOOSE_MODULES = 3

DECLARATIVE = "Declarative"
"""How the docstring of a module that may be longer says why."""


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]


def test_no_module_is_too_long_to_read() -> None:
    long = {
        str(path.relative_to(REPOSITORY)): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES and DECLARATIVE not in path.read_text()[:1000]
    }
    assert not long, f"Split by reason, or say {DECLARATIVE!r} in the docstring of tables and the like: {long}"


def test_models_ml_has_few_loose_modules() -> None:
    loose = [path.name for path in (REPOSITORY / "models_ml").glob("*.py") if path.name != "__init__.py"]
    assert len(loose) <= MOST_LOOSE_MODULES, loose


def test_node_names_are_parsed_in_one_place() -> None:
    cut = re.compile(r"node_id\w*(\[[^]]*\])?\.(r?partition|r?split)\(")
    where = [str(path.relative_to(REPOSITORY)) for path in modules() if cut.search(path.read_text())]
    assert where == ["models_ml/hierarchy/levels.py"]
