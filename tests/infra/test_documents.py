"""infra/README.md says what is true, and the scripts it has people run are sound."""

from __future__ import annotations

import re
import subprocess

import pytest

from models_ml.prediction_store.schema import metadata
from tests.infra import INFRA, REPOSITORY
from tests.infra.test_scripts import ROLE_IDS

pytestmark = pytest.mark.infra

README = (INFRA / "README.md").read_text()


def table(heading: str, level: str = "##") -> list[list[str]]:
    """Rows of the first table below a heading, without its header."""
    section = README.split(f"\n{level} {heading}\n")[1].split("\n## ")[0]
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


STEPS = table("Which check would fail", "###")


def test_every_step_from_zero_to_a_forecast_has_a_check() -> None:
    walked = README.split("## From zero to a served forecast")[1].split("### Which check")[0]
    numbered = {int(number) for number in re.findall(r"# (\d+): ", walked)}
    assert numbered == set(range(1, 11))
    checked = {int(number) for row in STEPS for number in re.findall(r"\d+", row[0])}
    assert checked == numbered
    for step, what, checks in STEPS:
        assert step
        assert what
        for check in re.findall(r"`([^`]+)`", checks) or pytest.fail(f"{what}: no check"):
            path, _, function = check.partition("::")
            assert re.search(rf"def {function}\(", (REPOSITORY / path).read_text()), check


def test_costs_come_from_prices_and_add_up() -> None:
    *parts, total = table("What it costs")
    sums = [0, 0, 0]
    for name, price, *columns in parts:
        assert re.search(r"\d", price), name
        for place, text in enumerate(columns):
            units, unit_price, dollars = map(float, re.fullmatch(r"([\d.]+) x ([\d.]+) = (\d+)", text).groups())  # type: ignore[union-attr]
            assert round(units * unit_price) == dollars, f"{name}: {text}"
            sums[place] += int(dollars)
    assert [int(cell.strip("*")) for cell in total[2:]] == sums
    for name, cost in zip(("dev", "prod"), sums, strict=False):
        text = (INFRA / "terraform" / "environments" / f"{name}.tfvars").read_text()
        [budget] = re.findall(r"^monthly_budget +=\s(\d+)$", text, re.M)
        assert cost < int(budget) < 3 * cost


def test_commands_name_what_there_is() -> None:
    """Outputs of Terraform, variables, scripts: each is defined."""
    outputs = (INFRA / "terraform" / "outputs.tf").read_text()
    for name in set(re.findall(r"\$\(name (\w+)\)", README)):
        assert re.search(rf"^ +{name} +=", outputs, re.M), name
    for name in re.findall(r"tf output -json (\w+)", README):
        assert f'output "{name}"' in outputs
    declared = set(re.findall(r'^variable "(\w+)"', (INFRA / "terraform" / "variables.tf").read_text(), re.M))
    assert set(re.findall(r"TF_VAR_(\w+)=", README)) <= declared
    inputs = {row[0].strip("`") for row in table("In a landing zone")}
    assert inputs <= declared
    bundle = (INFRA / "databricks" / "databricks.yml").read_text()
    for name in re.findall(r"BUNDLE_VAR_(\w+)", README):
        assert f"\n  {name}:\n" in bundle, name
    for script in set(re.findall(r"infra/(\w+\.sh)", README)):
        assert (INFRA / script).is_file(), script
    assert "cd infra" not in README.replace("(cd infra/databricks && ", ""), "names are asked for from the root"


def test_our_own_commands_exist() -> None:
    from typer.main import get_command

    from models_ml.cli.main import app

    known = get_command(app).commands  # type: ignore[attr-defined]
    used = {
        tuple(words.split())
        for words in re.findall(r"(?:operate|[\"&]) demand (\w+(?: \w+)?)|`demand (\w+)", README)
        for words in words
        if words
    }
    assert len(used) >= 4
    for first, *rest in used:
        assert first in known
        if rest and hasattr(known[first], "commands"):
            assert rest[0] in known[first].commands


@pytest.mark.parametrize("script", sorted(str(path.relative_to(INFRA)) for path in INFRA.rglob("*.sh")))
def test_scripts_are_sound(script: str) -> None:
    path = INFRA / script
    sourced = script == "bundle_variables.sh"
    assert bool(path.stat().st_mode & 0o111) is not sourced
    assert "set -euo pipefail" in path.read_text() or sourced
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"--sdk-auth|create-for-rbac|account keys|connection-string", path.read_text())


def test_database_users_are_those_of_terraform() -> None:
    """Each identity that Terraform names becomes a user, and none gets more than reading or writing rows."""
    outputs = (INFRA / "terraform" / "outputs.tf").read_text().split('output "database_users"')[1].split("\n}\n")[0]
    tasks = set(re.findall(r"^    (\w+) += \{ name", outputs, re.M))
    sql = (INFRA / "sql" / "grants.sql").read_text()
    assert set(re.findall(r"\$\((\w+)_name\)", sql)) == set(re.findall(r"\$\((\w+)_client_id\)", sql)) == tasks
    roles = set(re.findall(r"N'\$\((\w+)_name\)', '[^']+', N'(\w+)'", sql))
    assert roles == {
        ("api", "db_datareader"), ("api", "demand_overrides"), ("gate", "db_datareader"), ("writer", "demand_writer"),
        ("trains", "demand_writer"),
    }  # fmt: skip
    granted = set(re.findall(r"on dbo\.(\w+) to demand_overrides", sql))
    written = {"overrides", "override_effects", "override_node_units", "active_runs"}
    written |= {"stock", "stock_arrivals", "supply", "order_decisions"}
    assert granted == written <= set(metadata.tables)
    assert not re.search(r"db_owner|password|control", sql, re.I)


def test_no_id_and_no_secret_is_written_down() -> None:
    """Well-known role and application ids of Azure apart, no file names a subscription, a tenant or a key."""
    known = {
        "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",  # Azure Databricks, the same in every tenant
        *ROLE_IDS.values(),
    }
    for path in INFRA.rglob("*"):
        if path.is_file() and not {".terraform", ".databricks"} & set(path.parts):
            text = path.read_text()
            ids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", text))
            assert ids <= known, path
            assert not re.search(r"dapi[0-9a-f]{16}|AccountKey=|[A-Za-z0-9+/]{86}==|sig=", text), path
