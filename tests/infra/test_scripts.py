"""The scripts of infra/, run with programs in the place of the clouds' that write down what they are asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra import INFRA
from tests.infra.terraform.test_plan import RIGHTS

pytestmark = pytest.mark.infra

ROLE_IDS = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure AI Enterprise Network Connection Approver": "b556d68e-0be0-4f35-a333-ad7ee1ce17ea",
    "AzureML Data Scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Blob Delegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
}
"""Azure's built-in roles, the same in every tenant (learn.microsoft.com, "Azure built-in roles")."""

RECORDER = """#!/usr/bin/env bash
{ printf '%s' "$(basename "$0")"; printf '\\t%s' "${@//$'\\n'/ }"; printf '\\n'; } >> "$LOG"
case "$*" in
ANSWERS
esac
"""


class Cloud:
    """Programs that write down their arguments, and answer by what is asked of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.log.touch()

    def program(self, name: str, answers: dict[str, str]) -> None:
        path = self.folder / name
        cases = "\n".join(f"  {pattern}) {answer} ;;" for pattern, answer in answers.items())
        path.write_text(RECORDER.replace("ANSWERS", cases))
        path.chmod(0o755)

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "LOG": str(self.log),
                       "POLL_SECONDS": "0", **variables}  # fmt: skip
        return subprocess.run(
            [INFRA / script, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    @property
    def asked(self) -> list[list[str]]:
        return [line.split("\t") for line in self.log.read_text().splitlines()]

    def position(self, *words: str) -> int:
        """Where the first command with these words stands."""
        return next(i for i, asked in enumerate(self.asked) if set(words) <= set(asked))


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed, which infra/README.md asks for")
    return Cloud(tmp_path)


@pytest.fixture
def bootstrapped(cloud: Cloud) -> Cloud:
    cloud.program("az", {
        "*principalId*": "echo principal-1", "*clientId*": "echo client-1", '*"storage account show"*': "echo /state",
        "*signed-in-user*": "echo person-1", "*user.name*": "echo person@example.com",
        # the role is not known yet when the first container is asked for
        "*'container create'*": '[ "$(grep -c "container.create" "$LOG")" -gt 2 ] || exit 1',
    })  # fmt: skip
    cloud.program("databricks", {
        "*'groups list'*": "echo '[]'", "*'groups create'*": """echo '{"id": "7"}'""",
        "*'service-principals list'*": "echo '[]'", "*'service-principals create'*": """echo '{"id": "8"}'""",
        "*'users list'*": """echo '[{"id": "9"}]'""", "*'policy list'*": "echo '[]'",
    })  # fmt: skip
    done = cloud.run("bootstrap.sh", "sub", "westeurope", "account", "owner/repository", "prod",
                     DATABRICKS_ACCOUNT_ID="a")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "AZURE_CLIENT_ID=client-1" in done.stdout
    return cloud


def test_the_workflow_may_give_the_roles_of_access_and_no_other(bootstrapped: Cloud) -> None:
    [condition] = [asked[asked.index("--condition") + 1] for asked in bootstrapped.asked if "--condition" in asked]
    guarded = re.findall(
        r"!\(ActionMatches\{'Microsoft.Authorization/roleAssignments/(\w+)'\}\)\) OR "
        r"\(@(\w+)\[Microsoft.Authorization/roleAssignments:RoleDefinitionId\] ForAnyOfAnyValues:GuidEquals "
        r"\{([^}]*)\}",
        condition,
    )
    assert [(action, of) for action, of, _ in guarded] == [("write", "Request"), ("delete", "Resource")]
    for _, _, ids in guarded:
        assert set(ids.split(", ")) == {ROLE_IDS[role] for role in RIGHTS.values()}
    assert ") AND (" in condition
    assert "NotEquals" not in condition


def test_containers_come_after_the_role_that_opens_them(bootstrapped: Cloud) -> None:
    role = bootstrapped.position("role", "Storage Blob Data Contributor", "User")
    first = bootstrapped.position("container", "create")
    assert role < first
    made = [asked[asked.index("--name") + 1] for asked in bootstrapped.asked if "container" in asked]
    assert made[-1] == "plans"
    assert made.count("tfstate") > 1, "asked again until the role is known"


def test_members_come_before_what_their_group_owns(bootstrapped: Cloud) -> None:
    [patch] = [asked for asked in bootstrapped.asked if "patch" in asked]
    body = json.loads(patch[patch.index("--json") + 1])
    assert body["Operations"] == [{"op": "add", "path": "members", "value": [{"value": "8"}, {"value": "9"}]}]
    policies = [json.loads(a[a.index("--json") + 1]) for a in bootstrapped.asked
                if "service-principal-federation-policy" in a and "create" in a]  # fmt: skip
    subjects = {policy["oidc_policy"]["subject"] for policy in policies}
    assert subjects == {f"repo:owner/repository:environment:{name}" for name in ("prod", "prod-plan")}
    azure = {a[a.index("--subject") + 1] for a in bootstrapped.asked if "federated-credential" in a}
    assert azure == subjects


@pytest.mark.parametrize(("status", "approvals"), [("Pending", 1), ("Approved", 0)])
def test_pending_endpoints_are_approved(cloud: Cloud, status: str, approvals: int) -> None:
    cloud.program("az", {"*'connection list'*": f"printf '/c/guid\\t{status}\\n'"})
    assert cloud.run("approve_private_endpoints.sh", "/sql", "adf-x.sql").returncode == 0
    approved = [asked for asked in cloud.asked if "approve" in asked]
    assert len(approved) == approvals
    assert all(asked[asked.index("--id") + 1] == "/c/guid" for asked in approved)


def test_an_endpoint_that_asked_nobody_is_told(cloud: Cloud) -> None:
    cloud.program("az", {"*'connection list'*": "true"})
    done = cloud.run("approve_private_endpoints.sh", "/sql", "adf-x.sql")
    assert done.returncode == 1
    assert "no pending connection of adf-x.sql" in done.stderr
