"""The scripts of infra/, run with programs in the place of the clouds' that write down what they are asked."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from tests.api.conftest import make_run, served, settings_for
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


def test_images_are_named_by_the_digest_of_their_build(cloud: Cloud) -> None:
    digest = f"sha256:{'a' * 64}"
    cloud.program("az", {"*'acr build'*": f"echo {digest}"})
    names = json.dumps({"registry": "crx.azurecr.io", "build_pool": "build"})
    done = cloud.run("images.sh", NAMES=names, TAG="abc", GITHUB_OUTPUT="/dev/null")
    assert done.returncode == 0, done.stderr
    images = json.loads(done.stdout.removeprefix("images="))
    assert images == {part: f"crx.azurecr.io/retail-demand-{part}@{digest}" for part in ("api", "dashboard")}
    builds = [asked for asked in cloud.asked if asked[1:3] == ["acr", "build"]]
    assert all(asked[asked.index("--agent-pool") + 1] == "build" for asked in builds), "hosted machines are not let in"
    counts = [asked[asked.index("--count") + 1] for asked in cloud.asked if "agentpool" in asked]
    assert counts == ["1", "0"], "the machines are given back"
    taken = cloud.run("images.sh", NAMES=names, TAG="abc", RELEASED=json.dumps(images), GITHUB_OUTPUT="/dev/null")
    assert json.loads(taken.stdout.removeprefix("images=")) == images, "what dev has is taken over as it is"


def test_a_build_that_fails_gives_the_machines_back(cloud: Cloud) -> None:
    cloud.program("az", {"*'acr build'*": "exit 3"})
    done = cloud.run("images.sh", NAMES='{"registry": "crx.azurecr.io", "build_pool": "build"}', TAG="abc")
    assert done.returncode != 0
    assert [asked[asked.index("--count") + 1] for asked in cloud.asked if "agentpool" in asked] == ["1", "0"]


JOB = {
    "properties": {
        "template": {"containers": [{"name": "demand", "image": "old", "env": [{"name": "A", "value": "b"}]}]}
    }
}


@pytest.mark.parametrize(("status", "code"), [("Succeeded", 0), ("Failed", 1)])
def test_a_command_runs_in_the_network_and_its_failure_is_told(cloud: Cloud, status: str, code: int) -> None:
    cloud.program(
        "az", {"*executions*": f"echo {status}", "*post*": "echo run-1", "*get*": f"echo '{json.dumps(JOB)}'"}
    )
    done = cloud.run("operate.sh", "sub", "rg", "job", "registry/image@sha256:1", "demand", "store", "upgrade")
    assert done.returncode == code, done.stderr
    [start] = [asked for asked in cloud.asked if "post" in asked]
    assert "/jobs/job/start?" in start[start.index("--url") + 1]
    [container] = json.loads(start[start.index("--body") + 1])["containers"]
    assert container == {**JOB["properties"]["template"]["containers"][0], "image": "registry/image@sha256:1",
                         "command": ["demand"], "args": ["store", "upgrade"]}  # fmt: skip
    assert ("ended as Failed" in done.stderr) == (code == 1)


@pytest.mark.parametrize("slots", ["next", ""])
def test_a_release_starts_beside_the_running_one_where_there_is_a_slot(cloud: Cloud, slots: str) -> None:
    cloud.program("az", {"*'slot list'*": f"echo '{slots}'", "*defaultHostName*": "echo app.example.net"})
    done = cloud.run("release.sh", "stage", "rg", "app", "crx.azurecr.io/retail-demand-api@sha256:1")
    assert (done.returncode, done.stdout.strip()) == (0, "app.example.net"), done.stderr
    [given] = [asked for asked in cloud.asked if "container" in asked]
    assert given[given.index("--container-image-name") + 1] == "crx.azurecr.io/retail-demand-api@sha256:1"
    for asked in cloud.asked[1:]:
        assert ("--slot" in asked) == bool(slots)
    swapped = cloud.run("release.sh", "swap", "rg", "app")
    assert swapped.returncode == (0 if slots else 1)
    by_tag = cloud.run("release.sh", "stage", "rg", "app", "crx.azurecr.io/retail-demand-api:latest")
    assert by_tag.returncode == 2, "a tag may come to mean another image"


def test_applications_take_tokens_of_version_2_and_vouch_without_a_secret(cloud: Cloud) -> None:
    cloud.program("az", {
        "*demand-api-dev*": "[[ $* != *create* ]] || echo api-1",
        "*demand-dashboard-dev*": "[[ $* != *create* ]] || echo page-1",
        "*tenantId*": "echo tenant-1",
    })  # fmt: skip
    done = cloud.run("applications.sh", "dev", "https://page.example.net", "identity-1")
    assert done.stdout.split() == ["TF_VAR_api_audience=api-1", "TF_VAR_dashboard_client_id=page-1"], done.stderr
    update = cloud.asked[cloud.position("update", "api-1")]
    assert "api.requestedAccessTokenVersion=2" in update
    login = cloud.asked[cloud.position("update", "page-1")]
    assert "https://page.example.net/.auth/login/aad/callback" in login
    [vouched] = [asked for asked in cloud.asked if "federated-credential" in asked and "create" in asked]
    credential = json.loads(vouched[vouched.index("--parameters") + 1])
    assert credential["subject"] == "identity-1"
    assert credential["issuer"] == "https://login.microsoftonline.com/tenant-1/v2.0"
    assert credential["audiences"] == ["api://AzureADTokenExchange"]
    assert not [asked for asked in cloud.asked if "credential" in asked and "reset" in asked]


@contextmanager
def page() -> Iterator[str]:
    """Streamlit's health, as the dashboard answers it."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/_stcore/health" else 404)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_smoke_test_asks_a_running_api(cloud: Cloud, tmp_path: Path) -> None:
    """The API as it is, over a store as it is published; it fails without a run, the right key or a page."""
    store = tmp_path / "store.sqlite"
    engine = make_engine(f"sqlite:///{store}")
    upgrade(engine)
    hashed = hashlib.sha256(b"the key").hexdigest()
    settings = settings_for(store, auth="on", keys_sha256=f"smoke:{hashed}")
    with served(settings) as client, page() as dashboard:
        api = str(client.base_url).rstrip("/")
        given = {"ATTEMPTS": "1", "API_KEY": "the key"}  # pragma: allowlist secret
        empty = cloud.run("smoke.sh", api, dashboard, **given)
        assert empty.returncode != 0, "no run is served"
        made = make_run(1)
        publish(engine, made.run, made.frames)
        done = cloud.run("smoke.sh", api, dashboard, **given)
        assert done.returncode == 0, done.stderr
        assert re.search(r"ready \((ready|stale)\), \d+ days of \w+ \w+, the page answers", done.stdout)
        wrong = {**given, "API_KEY": "another"}  # pragma: allowlist secret
        assert cloud.run("smoke.sh", api, dashboard, **wrong).returncode != 0
        assert cloud.run("smoke.sh", api, "http://127.0.0.1:9", **given).returncode != 0
    engine.dispose()
