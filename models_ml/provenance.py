"""Provenance of a run: its code version and commit."""

from __future__ import annotations

import hashlib
import subprocess
from functools import lru_cache

from models_ml.settings import REPOSITORY

WAREHOUSE_FOLDERS = (
    "dbt_project/dbt_project.yml",
    "dbt_project/macros",
    "dbt_project/models/intermediate",
    "dbt_project/models/marts",
    "dbt_project/models/staging",
    "dbt_project/seeds",
)
"""Files and folders that determine the rows of the marts."""
CODE_FOLDERS = (
    "models_ml",
    "dbt_project/dbt_project.yml",
    "dbt_project/models",
    "dbt_project/macros",
    "dbt_project/seeds",
)
CODE_SUFFIXES = (".py", ".sql", ".yml", ".csv")


@lru_cache
def code_version(places: tuple[str, ...] = CODE_FOLDERS) -> str:
    """Hash of the code behind a forecast; works for an edited tree and for an installed package.

    Args:
        places: folders and files of the repository.
    """
    digest = hashlib.sha256()
    for place in places:
        for path in sorted([REPOSITORY / place, *(REPOSITORY / place).rglob("*")]):
            if path.suffix in CODE_SUFFIXES and path.is_file():
                digest.update(str(path.relative_to(REPOSITORY)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def git_commit() -> str:
    """The commit that is checked out, with `-dirty` if files differ from it; `unknown` outside a checkout."""
    try:
        completed = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"],  # noqa: S607
            cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return completed.stdout.strip() or "unknown"
