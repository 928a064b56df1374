"""Workflows and hooks: what their linters do not ask. `make lint` runs actionlint and zizmor on them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.infra

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?P<action>[\w.-]+/[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)$")


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_least_rights_bounded_time_and_one_run_at_a_time(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    for name, job in workflow["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 180, name
        assert job["runs-on"] == "ubuntu-24.04", name
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), f"{name}: give it by env; in a script it can be code"


def test_actions_are_pinned_by_commit_and_alike_everywhere() -> None:
    commits: dict[str, set[str]] = defaultdict(set)
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if "uses:" in line:
                found = PINNED.search(line)
                assert found, f"{path.name}: {line.strip()}"
                repository = "/".join(found["action"].split("/")[:2])
                commits[repository].add(found["commit"] + " " + found["version"])
    assert len(commits) >= 5
    assert {action: pins for action, pins in commits.items() if len(pins) > 1} == {}


def test_make_targets_of_workflows_exist() -> None:
    targets = set(re.findall(r"^([\w./-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)) | {
        ".venv/.installed"
    }
    called = [
        word
        for path in WORKFLOWS
        for job in read(path)["jobs"].values()
        for step in job["steps"]
        for line in re.findall(r"^make ([^#\n]+)", step.get("run", ""), re.MULTILINE)
        for word in line.split()
        if "=" not in word
    ]
    assert len(called) > 5
    assert set(called) <= targets


def test_hooks_before_a_commit_are_the_tools_of_make_lint() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    recipe = makefile.split("\nlint:", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    linted = {line.strip().lstrip("@").replace("$(BIN)", ".venv/bin").removesuffix(" .") for line in recipe}
    hooks = [hook for repo in read(REPOSITORY / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {hook["entry"] for hook in hooks} == linted
    assert {hook["language"] for hook in hooks} == {"system"}, "a hook that downloads does not run on a closed network"
