"""The bundle, validated and deployed by the real Databricks CLI to its own fake workspace: what arrives there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra import INFRA, REPOSITORY

pytestmark = pytest.mark.infra

PROGRAMS = REPOSITORY / ".venv-infra" / "go"
TARGETS = ("dev", "prod")
JOB, ADF, DEPLOY = "job-application", "orchestration-application", "deploy-application"
GIVEN = {
    "job_application_id": JOB, "orchestration_application_id": ADF, "deploy_application_id": DEPLOY,
    "warehouse_url": "databricks://adb-1.2.example.net/sql/1.0/warehouses/w?catalog=c",
    "store_url": "mssql+pyodbc://@sql.example.net/prediction_store", "alert_email": "operators@example.com",
}  # fmt: skip
"""What infra/README.md and the workflow give as BUNDLE_VAR_*."""


@dataclass(frozen=True)
class Workspace:
    """The command line, speaking to the fake workspace."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAMS / "databricks", *arguments], cwd=INFRA / "databricks", env=self.environment,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"databricks {' '.join(arguments)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def files(self, folder: str) -> set[str]:
        """Paths below a folder of the workspace."""
        found = set()
        for entry in json.loads(self.ok("workspace", "list", folder, "--output", "json")):
            found |= self.files(entry["path"]) if entry["object_type"] == "DIRECTORY" else {entry["path"]}
        return found


@dataclass(frozen=True)
class Deployed:
    """A target after `bundle deploy`.

    Attributes:
        summary: what the command line says of it.
        jobs: settings as the workspace has them, by name.
        files: paths in the workspace.
        told: warnings and recommendations of the validation.
    """

    workspace: Workspace
    summary: dict[str, Any]
    jobs: dict[str, dict[str, Any]]
    files: set[str]
    told: str

    @property
    def folder(self) -> str:
        return str(self.summary["workspace"]["file_path"])

    def tasks(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Each task that runs something, with its job and its cluster."""
        for job in self.jobs.values():
            clusters = {c["job_cluster_key"]: c["new_cluster"] for c in job.get("job_clusters", [])}
            for task in job["tasks"]:
                inner = task.get("for_each_task", {}).get("task", task)
                yield job, inner, inner.get("new_cluster") or clusters[inner["job_cluster_key"]]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    if not (PROGRAMS / "databricks").exists():
        message = "The Databricks CLI is not built: `make lint-infra` builds it where Go is installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    # uv is on the path for the wheel; nothing of this machine's own sign-in takes part
    home = tmp_path_factory.mktemp("home")
    kept = {"PATH": f"{REPOSITORY / '.venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}
    kept |= {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_", "REQUESTS_"))}
    with subprocess.Popen([PROGRAMS / "workspace"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env=kept) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            yield Workspace({
                **kept, "DATABRICKS_HOST": address, "DATABRICKS_TOKEN": "dapi-of-nobody",
                "DATABRICKS_BUNDLE_ENGINE": "direct",
                **{f"BUNDLE_VAR_{name}": value for name, value in GIVEN.items()},
            })  # fmt: skip
        finally:
            server.kill()


@pytest.fixture(scope="module", params=TARGETS)
def deployed(workspace: Workspace, request: pytest.FixtureRequest) -> Deployed:
    target = request.param
    validated = workspace.run("bundle", "validate", "--target", target)
    assert validated.returncode == 0, validated.stderr
    workspace.ok("bundle", "deploy", "--target", target)
    summary = json.loads(workspace.ok("bundle", "summary", "--target", target, "--output", "json"))
    jobs = {}
    for job in summary["resources"]["jobs"].values():
        settings = json.loads(workspace.ok("jobs", "get", str(job["id"]), "--output", "json"))["settings"]
        jobs[settings["name"]] = settings
    root = summary["workspace"]["root_path"]
    return Deployed(workspace, summary, jobs, workspace.files(root), validated.stdout + validated.stderr)


def test_nothing_is_warned_of(deployed: Deployed) -> None:
    """Only that the fake's own user is none of those who deploy."""
    assert "Warning" not in deployed.told
    told = re.findall(r"^(?:Recommendation|Error): (.*)$", deployed.told, re.M)
    assert [text for text in told if "current deployment identity" not in text] == []


def test_data_factory_finds_its_jobs(deployed: Deployed) -> None:
    """By name, exactly: a target in development mode would put a name before them."""
    pipeline = (INFRA / "data_factory" / "pipeline" / "demand-forecast.json").read_text()
    looked_for = set(re.findall(r'"job": "([\w-]+)"', pipeline))
    assert looked_for == {"demand-forecast", "demand-serving"}
    assert looked_for <= set(deployed.jobs)
    given = set(re.findall(r'\\"(\w+)\\": \\"', pipeline))
    assert given <= {p["name"] for p in deployed.jobs["demand-forecast"]["parameters"]}


def test_jobs_run_as_the_principal(deployed: Deployed) -> None:
    for job, _, cluster in deployed.tasks():
        assert job["run_as"] == {"service_principal_name": JOB}
        assert cluster["single_user_name"] == JOB
        assert cluster["data_security_mode"] == "SINGLE_USER"


def test_what_tasks_need_has_arrived(deployed: Deployed) -> None:
    """Every library, script and folder that a task names is a file of the workspace."""
    needed = set()
    for _, task, cluster in deployed.tasks():
        [wheel] = [library["whl"] for library in task["libraries"] if "whl" in library]
        [lock] = [library["requirements"] for library in task["libraries"] if "requirements" in library]
        needed |= {wheel, lock}
        needed |= {script["workspace"]["destination"] for script in cluster["init_scripts"]}
        project = cluster["spark_env_vars"]["DEMAND_PROJECT_DIR"]
        needed |= {f"{project}/dbt_project/dbt_project.yml", f"{project}/profiles/profiles.yml"}
    assert len(needed) == 5
    assert needed <= deployed.files, needed - deployed.files


def test_the_wheel_holds_the_command(deployed: Deployed, tmp_path: Path) -> None:
    [wheel] = {path for path in deployed.files if path.endswith(".whl")}
    file = tmp_path / "wheel.zip"
    deployed.workspace.ok("workspace", "export", wheel, "--format", "AUTO", "--file", str(file))
    with zipfile.ZipFile(file) as content:
        [entry_points] = [name for name in content.namelist() if name.endswith("entry_points.txt")]
        commands = content.read(entry_points).decode()
        assert "models_ml/cli/main.py" in content.namelist()
    for _, task, _ in deployed.tasks():
        assert f"{task['python_wheel_task']['entry_point']} = models_ml.cli.main:main" in commands
        assert task["python_wheel_task"]["package_name"] == "retail-demand"


def test_a_wheel_that_is_there_is_deployed_as_it_is(workspace: Workspace, deployed: Deployed) -> None:
    """The same wheel goes from dev to prod: the workflow has nothing built."""
    [wheel] = (REPOSITORY / "dist").glob("*.whl")
    before = wheel.read_bytes()
    told = Workspace({**workspace.environment, "BUNDLE_VAR_build": "true"})
    told.ok("bundle", "deploy", "--target", str(deployed.summary["bundle"]["target"]))
    assert wheel.read_bytes() == before
    assert {path for path in deployed.files if path.endswith(".whl")} <= told.files(
        str(deployed.summary["workspace"]["root_path"])
    )


def test_what_is_not_needed_stays_at_home(deployed: Deployed) -> None:
    below = {
        path.removeprefix(deployed.folder + "/").split("/")[0] for path in deployed.files if deployed.folder in path
    }
    assert below == {"dbt_project", "profiles", "requirements.lock", "infra"}
    assert not [path for path in deployed.files if "/target/" in path or "/logs/" in path]


def test_nobody_else_can_change_the_code(deployed: Deployed) -> None:
    """In the folder of who deploys: what lies under Shared may be changed by all."""
    assert deployed.folder.startswith(f"/Workspace/Users/{DEPLOY}/")
    permissions = {p["service_principal_name"]: p["level"] for p in deployed.summary["permissions"]}
    assert permissions == {DEPLOY: "CAN_MANAGE", JOB: "CAN_VIEW"}


def test_store_and_warehouse_are_told_to_every_task(deployed: Deployed) -> None:
    for _, _, cluster in deployed.tasks():
        told = cluster["spark_env_vars"]
        assert told["DEMAND_WAREHOUSE_URL"] == GIVEN["warehouse_url"]
        assert told["DEMAND_STORE_URL"] == GIVEN["store_url"]
        assert told["DEMAND_DBT_TARGET"] == "databricks"
        catalog = f"demand_{deployed.summary['bundle']['target']}"
        assert told["DATABRICKS_DEFAULT_SERVICE_CREDENTIAL_NAME"] == f"{catalog}_store"
        assert told["DEMAND_SOURCE_CONFIG"] == f"/Volumes/{catalog}/landing/settings/source.yml"
        assert told["DEMAND_MODEL_SCHEMA"] == f"{catalog}.models"
        assert "${" not in json.dumps(cluster)


def test_groups_have_machines_of_their_own(deployed: Deployed) -> None:
    """A fit takes a whole machine: iterations that share a cluster would all run on its one driver."""
    [task] = deployed.jobs["demand-forecast-by-group"]["tasks"]
    assert "job_cluster_key" not in task["for_each_task"]["task"]
    assert task["for_each_task"]["task"]["new_cluster"]["num_workers"] == 0
    [groups] = [p["default"] for p in deployed.jobs["demand-forecast-by-group"]["parameters"] if p["name"] == "groups"]
    assert len(groups) < 10_000, "the limit of a parameter"
    numbers = [tuple(map(int, group.split("/"))) for group in json.loads(groups)]
    assert numbers == [(i, len(numbers)) for i in range(1, len(numbers) + 1)]


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("databricks.yml", "    - ../../requirements.lock\n", "", "requirements.lock"),
        ("databricks.yml", "job_application_id:\n    desc", "job_application:\n    desc", "job_application"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(
    workspace: Workspace, tmp_path: Path, file: str, before: str, after: str, said: str
) -> None:
    """A copy with a mistake: refused by the command line, or the file is not there after the deployment."""
    copy = tmp_path / "repository"
    for part in ("models_ml", "api", "dashboard", "expectations", "dbt_project", "profiles", "infra/databricks"):
        shutil.copytree(REPOSITORY / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", ".databricks"))
    for part in ("pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        shutil.copy(REPOSITORY / part, copy / part)
    path = copy / "infra" / "databricks" / file
    assert path.read_text().count(before) == 1
    path.write_text(path.read_text().replace(before, after))
    done = subprocess.run(
        [PROGRAMS / "databricks", "bundle", "deploy", "--target", "prod"], cwd=path.parent, env=workspace.environment,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode == 0:
        root = f"/Workspace/Users/{DEPLOY}/.bundle/retail-demand/prod/files"
        assert not [path for path in workspace.files(root) if path.endswith(said)]
    else:
        assert said in done.stderr
