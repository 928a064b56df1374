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
        if "uses" in job:
            assert (REPOSITORY / job["uses"]).is_file(), name
            continue
        assert 0 < job["timeout-minutes"] <= 180, name
        assert job["runs-on"] == "ubuntu-24.04", name
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), f"{name}: give it by env; in a script it can be code"


def test_a_failed_plan_fails_and_what_was_approved_is_what_is_applied() -> None:
    jobs = read(REPOSITORY / ".github" / "workflows" / "environment.yml")["jobs"]
    for name in ("plan", "infrastructure", "release"):
        assert jobs[name]["defaults"]["run"]["shell"] == "bash", "with pipefail, which is off unless the shell is named"
    planned = [step["run"] for step in jobs["plan"]["steps"] if "run" in step]
    assert any("terraform plan" in run and '-out="$PLAN"' in run and "tee" not in run for run in planned)
    applied = [step["run"] for step in jobs["infrastructure"]["steps"] if "terraform apply" in step.get("run", "")]
    assert applied == ['terraform apply "$PLAN"']
    assert jobs["plan"]["environment"].endswith("-plan")
    assert not jobs["infrastructure"]["environment"].endswith("-plan"), "its protection rules ask for an approval"
    assert jobs["infrastructure"]["needs"] == "plan"


ORDER = ["store upgrade", "store grants", "bundle deploy", "release.sh stage", "smoke.sh", "release.sh swap"]


def test_a_release_goes_in_order() -> None:
    jobs = read(REPOSITORY / ".github" / "workflows" / "environment.yml")["jobs"]
    assert set(jobs["release"]["needs"]) == {"infrastructure", "images"}
    assert jobs["images"]["needs"] == "infrastructure"
    script = "\n".join(step.get("run", "") for step in jobs["release"]["steps"])
    assert [script.index(step) for step in ORDER] == sorted(script.index(step) for step in ORDER)


def test_prod_gets_the_images_and_the_wheel_of_dev() -> None:
    jobs = read(REPOSITORY / ".github" / "workflows" / "deploy.yml")["jobs"]
    assert jobs["prod"]["needs"] == "dev"
    assert jobs["prod"]["with"]["images"] == "${{ needs.dev.outputs.images }}"
    release = (REPOSITORY / ".github" / "workflows" / "environment.yml").read_text()
    assert 'gh run download "$GITHUB_RUN_ID" --name wheel' in release
    assert 'BUNDLE_VAR_build: "true"' in release


def test_the_bundle_gets_every_variable_that_has_no_default() -> None:
    bundle = read(REPOSITORY / "infra" / "databricks" / "databricks.yml")
    in_targets = {name for target in bundle["targets"].values() for name in target["variables"]}
    needed = {name for name, variable in bundle["variables"].items() if "default" not in variable} - in_targets
    release = (REPOSITORY / ".github" / "workflows" / "environment.yml").read_text()
    sourced = (REPOSITORY / "infra" / "bundle_variables.sh").read_text()
    assert "source infra/bundle_variables.sh" in release
    given = set(re.findall(r"BUNDLE_VAR_(\w+)(?:=|: )", release + sourced))
    assert needed <= given <= set(bundle["variables"])
    outputs = (REPOSITORY / "infra" / "terraform" / "outputs.tf").read_text()
    for name in re.findall(r"jq -r \.(\w+) <<<", sourced):
        assert re.search(rf"^ +{name} +=", outputs, re.M), name


def test_commands_are_set_up_before_they_are_used() -> None:
    """Nothing but what the runner's image has: az, gh, jq, curl; others by a step before."""
    brought = {"terraform": "hashicorp/setup-terraform", "databricks": "databricks/setup-cli", "az": "azure/login"}
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            there: set[str] = set()
            for step in job.get("steps", []):
                there |= {command for command, action in brought.items() if step.get("uses", "").startswith(action)}
                used = set(re.findall(r"(?:^|\(|&& )(terraform|databricks|az) ", step.get("run", ""), re.M))
                assert used <= there, f"{path.name} {name}: {step.get('run')}"


def test_one_thing_starts_the_forecast_each_week() -> None:
    """Data Factory's trigger: a second schedule would run beside it, on other data."""
    for path in WORKFLOWS:
        for job in read(path)["jobs"].values():
            for step in job.get("steps", []):
                assert "demand run" not in step.get("run", ""), path.name
    assert not list((REPOSITORY / "infra" / "azureml").glob("schedule*"))


def test_actions_are_pinned_by_commit_and_alike_everywhere() -> None:
    commits: dict[str, set[str]] = defaultdict(set)
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if "uses:" in line and "uses: ./" not in line:
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
        for step in job.get("steps", [])
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
