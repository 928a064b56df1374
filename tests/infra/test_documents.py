"""infra/README.md says what is true, and the scripts it has people run are sound."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.infra import INFRA, REPOSITORY

pytestmark = pytest.mark.infra

README = (INFRA / "README.md").read_text()


def table(heading: str) -> list[list[str]]:
    """Rows of the first table below a heading, without its header."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


COMPONENTS = table("The seeds' components")


def test_every_component_of_the_seeds_has_a_home() -> None:
    named = " ".join(row[0] for row in COMPONENTS)
    components = (
        "ADLS Gen2", "raw and curated", "Data Factory", "Databricks ETL", "training", "Azure SQL", "App Service",
        "Streamlit", "GitHub Actions", "Terraform", "Azure ML", "MLflow", "registry", "Prophet", "LightGBM",
        "retraining on a schedule",
    )  # fmt: skip
    for component in components:
        assert component in named


@pytest.mark.parametrize("row", COMPONENTS, ids=lambda row: row[0])
def test_component_is_where_it_says_and_checked_as_it_says(row: list[str]) -> None:
    places, checks = (re.findall(r"`([^`]+)`", cell) for cell in row[1:3])
    assert places
    assert checks
    for place in places:
        assert (REPOSITORY / place).exists(), place
    for check in checks:
        path, _, function = check.partition("::")
        text = (REPOSITORY / path).read_text()
        assert not function or re.search(rf"def {function}\(", text), check


def test_folders_of_the_first_table_exist() -> None:
    named = set(re.findall(r"^\| `(\w+)/` \|", README, re.M))
    assert named == {"terraform", "data_factory", "databricks", "azureml", "sql"}
    assert all((INFRA / name).is_dir() for name in named)


def test_costs_add_up() -> None:
    rows = table("What it costs")
    *parts, total = rows
    for column in (2, 3):
        assert sum(int(row[column]) for row in parts) == int(total[column].strip("*"))
    for name, column in (("dev", 2), ("prod", 3)):
        text = (INFRA / "terraform" / "environments" / f"{name}.tfvars").read_text()
        [budget] = re.findall(r"^monthly_budget += (\d+)$", text, re.M)
        assert int(total[column].strip("*")) < int(budget) < 3 * int(total[column].strip("*"))


def test_commands_name_what_there_is() -> None:
    """Outputs of Terraform, variables of the bundle, commands of ours: each is defined."""
    outputs = (INFRA / "terraform" / "outputs.tf").read_text()
    for name in re.findall(r"\$\(name (\w+)\)|&& name (\w+)\)", README):
        assert re.search(rf"^ +{name[0] or name[1]} +=", outputs, re.M), name
    for name in re.findall(r"terraform output -json (\w+)", README):
        assert f'output "{name}"' in outputs
    variables = set(
        re.findall(r"^  (\w+):\n    description", (INFRA / "databricks" / "databricks.yml").read_text(), re.M)
    )
    defaulted = {"catalog", "store_credential", "node_type", "stores_at_once"}
    assert set(re.findall(r"BUNDLE_VAR_(\w+)=", README)) == variables - defaulted
    declared = set(re.findall(r'^variable "(\w+)"', (INFRA / "terraform" / "variables.tf").read_text(), re.M))
    assert set(re.findall(r"TF_VAR_(\w+)=", README)) <= declared


def test_our_own_commands_exist() -> None:
    from typer.main import get_command

    from models_ml.cli.main import app

    known = get_command(app).commands  # type: ignore[attr-defined]
    used = {
        tuple(words.split())
        for words in re.findall(r"\.venv/bin/demand (\w+(?: \w+)?)|`demand (\w+)", README)
        for words in words
        if words
    }
    assert len(used) >= 4
    for first, *rest in used:
        assert first in known
        if rest and hasattr(known[first], "commands"):
            assert rest[0] in known[first].commands


@pytest.mark.parametrize("script", ["bootstrap.sh", "databricks/init/odbc.sh"])
def test_scripts_are_sound(script: str) -> None:
    path = INFRA / script
    assert path.stat().st_mode & 0o111
    assert "set -euo pipefail" in path.read_text()
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"--sdk-auth|create-for-rbac|account keys|connection-string", path.read_text())


def test_database_users_are_those_of_terraform() -> None:
    """Each identity that Terraform names becomes a user, and none gets more than reading or writing rows."""
    outputs = (INFRA / "terraform" / "outputs.tf").read_text().split('output "database_users"')[1].split("\n}\n")[0]
    tasks = set(re.findall(r"^    (\w+) += \{ name", outputs, re.M))
    sql = (INFRA / "sql" / "grants.sql").read_text()
    assert set(re.findall(r"\$\((\w+)_name\)", sql)) == set(re.findall(r"\$\((\w+)_client_id\)", sql)) == tasks
    roles = dict(re.findall(r"N'\$\((\w+)_name\)', '[^']+', N'(\w+)'", sql))
    assert roles == {
        "reader": "db_datareader", "gate": "db_datareader", "writer": "demand_writer", "trains": "demand_writer",
    }  # fmt: skip
    assert not re.search(r"db_owner|password|control", sql, re.I)


def test_no_id_and_no_secret_is_written_down() -> None:
    """Well-known role and application ids of Azure apart, no file names a subscription, a tenant or a key."""
    known = {
        "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",  # Azure Databricks, the same in every tenant
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",  # Owner, User Access Administrator, Contributor
    }  # fmt: skip
    for path in INFRA.rglob("*"):
        if path.is_file() and ".terraform" not in path.parts:
            text = path.read_text()
            ids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", text))
            assert ids <= known, path
            assert not re.search(r"dapi[0-9a-f]{16}|AccountKey=|[A-Za-z0-9+/]{86}==|sig=", text), path
