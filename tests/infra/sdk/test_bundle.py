"""The Databricks bundle against Databricks' own models, and every name in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job

from tests.infra import INFRA, REPOSITORY

pytestmark = pytest.mark.infra

FOLDER = INFRA / "databricks"
BUNDLE = yaml.safe_load((FOLDER / "databricks.yml").read_text())
RESOURCES = FOLDER / "resources" / "demand_forecast.yml"
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(RESOURCES.read_text())["resources"]["jobs"]
TOP_LEVEL = {"bundle", "include", "sync", "artifacts", "variables", "targets", "resources", "workspace", "run_as",
             "permissions", "presets"}  # fmt: skip


def tasks(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All tasks of a job, those inside a for_each too."""
    for task in job["tasks"]:
        yield task
        if "for_each_task" in task:
            yield task["for_each_task"]["task"]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@pytest.mark.parametrize("name", JOBS)
def test_job_is_what_databricks_knows(name: str) -> None:
    """Unknown fields and wrong values of choices are refused by Databricks' own classes, at any depth."""
    job = Job.from_dict(JOBS[name])
    assert job.as_dict()["name"] == JOBS[name]["name"]
    assert len(job.tasks) == len(JOBS[name]["tasks"])


@pytest.mark.parametrize(
    ("change", "said"),
    [({"tsks": []}, "tsks"), ({"tasks": [{"task_key": "a", "python_wheel": {}}]}, "python_wheel"),
     ({"health": {"rules": [{"metric": "RUN_DURATION", "op": "GREATER_THAN", "value": 1}]}}, "RUN_DURATION"),
     ({"tasks": [{"depends_on": []}]}, "task_key")],
)  # fmt: skip
def test_a_mistake_is_found(change: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        Job.from_dict({**JOBS["demand_forecast"], **change})


def test_top_level_and_targets() -> None:
    assert set(BUNDLE) <= TOP_LEVEL
    targets = BUNDLE["targets"]
    assert set(targets) == {"dev", "prod"}
    assert [name for name, target in targets.items() if target.get("default")] == ["dev"]
    for name in targets:
        assert targets[name]["mode"] == "production"
        assert targets[name]["run_as"] == {"service_principal_name": "${var.job_application_id}"}


def test_every_variable_is_defined_described_and_used() -> None:
    used = {
        name
        for part in (JOBS, BUNDLE["targets"], BUNDLE["artifacts"])
        for text in strings(part)
        for name in re.findall(r"\$\{var\.(\w+)\}", text)
    }
    set_by_targets = {name for target in BUNDLE["targets"].values() for name in target.get("variables", {})}
    assert used == set(BUNDLE["variables"])
    assert set_by_targets <= set(BUNDLE["variables"])
    assert all(variable["description"].rstrip("`").endswith(".") for variable in BUNDLE["variables"].values())


@pytest.mark.parametrize("name", JOBS)
def test_tasks_depend_on_tasks_and_run_on_clusters_of_the_job(name: str) -> None:
    job = JOBS[name]
    clusters = {cluster["job_cluster_key"] for cluster in job.get("job_clusters", [])}
    environments = {environment["environment_key"] for environment in job.get("environments", [])}
    parameters = {parameter["name"] for parameter in job.get("parameters", [])}
    done: set[str] = set()
    for task in job["tasks"]:
        assert {d["task_key"] for d in task.get("depends_on", [])} <= done, task["task_key"]
        done.add(task["task_key"])
    for task in tasks(job):
        assert "for_each_task" in task or task.get("job_cluster_key") in clusters or "new_cluster" in task
        assert task.get("environment_key", next(iter(environments), None)) in environments | {None}
        for text in strings(task):
            assert set(re.findall(r"\{\{job\.parameters\.(\w+)\}\}", text)) <= parameters


def test_wheel_and_entry_point_exist() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wheels = [task["python_wheel_task"] for job in JOBS.values() for task in tasks(job) if "python_wheel_task" in task]
    assert len(wheels) >= 5
    assert {wheel["package_name"] for wheel in wheels} == {project["name"]}
    assert {wheel["entry_point"] for wheel in wheels} <= set(project["scripts"])


def test_failures_are_told_and_every_job_ends() -> None:
    for job in JOBS.values():
        assert job["email_notifications"]["on_failure"] == ["${var.alert_email}"]
        assert job["timeout_seconds"] > 0
        assert job["permissions"] == [
            {"service_principal_name": "${var.orchestration_application_id}", "level": "CAN_MANAGE_RUN"}
        ]


def test_no_secret_and_no_id() -> None:
    text = RESOURCES.read_text() + (FOLDER / "databricks.yml").read_text()
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|dapi[0-9a-f]{8}|adb-\d+", text)
