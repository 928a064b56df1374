"""Plans of both environments, made by the real Terraform without a cloud."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra import INFRA
from tests.infra.terraform.provider import serving

ENVIRONMENTS = ("dev", "prod")

PEOPLE = {
    "subscription_id": "00000000-0000-0000-0000-000000000001",
    "tenant_id": "00000000-0000-0000-0000-000000000002",
    "suffix": "x1y2",
    "operators": '{object_id = "00000000-0000-0000-0000-000000000003", name = "operators"}',
    "deployer": '{object_id = "00000000-0000-0000-0000-000000000004", client_id = "deployer"}',
    "api_audience": "00000000-0000-0000-0000-000000000006",
    "dashboard_client_id": "00000000-0000-0000-0000-000000000007",
    "alert_email": "operators@example.com",
    "images": json.dumps({name: f"sha256:{digit * 64}" for name, digit in (("api", "a"), ("dashboard", "b"))}),
}
"""What infra/README.md has the user give as TF_VAR_*."""

LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'


@dataclass(frozen=True)
class Terraform:
    """The command, on a copy of infra/.

    Attributes:
        folder: the copy's root module.
        environment: its variables, the stand-in providers among them.
    """

    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env={**os.environ, **self.environment}, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"terraform {' '.join(arguments)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def terraform_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Terraform]]:
    """Makes copies of infra/ with the command ready in them."""
    if shutil.which("terraform") is None:
        pytest.skip("The command terraform is not installed: the deployment workflow validates with it")
    with serving() as providers:

        def copy(name: str) -> Terraform:
            folder = tmp_path_factory.mktemp(name) / "infra"
            shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
            (folder / "terraform" / "backend_override.tf").write_text(LOCAL_STATE)
            environment = {
                **providers, **{f"TF_VAR_{name}": value for name, value in PEOPLE.items()},
                "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull,
            }  # fmt: skip
            terraform = Terraform(folder / "terraform", environment)
            terraform.ok("init", "-input=false", "-no-color")
            return terraform

        yield copy


@pytest.fixture(scope="session")
def terraform(terraform_copy: Callable[[str], Terraform]) -> Terraform:
    """A copy to read and plan."""
    return terraform_copy("terraform")


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def plan(terraform: Terraform, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The plan of an environment, from nothing, as `terraform show -json` tells it."""
    name = request.param
    terraform.ok(
        "plan", "-input=false", "-no-color", "-lock=false", "-var-file", f"environments/{name}.tfvars",
        "-out", f"{name}.plan",
    )  # fmt: skip
    shown: dict[str, Any] = json.loads(terraform.ok("show", "-json", f"{name}.plan"))
    return shown


@pytest.fixture(scope="session")
def planned(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the plan makes: address -> values; what only the cloud would know is not there."""

    def walk(module: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for resource in module.get("resources", []):
            yield resource["address"], resource["values"]
        for child in module.get("child_modules", []):
            yield from walk(child)

    return dict(walk(plan["planned_values"]["root_module"]))
