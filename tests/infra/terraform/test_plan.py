"""What Terraform would make in each environment: the real command plans, on schemas in the place of the cloud."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.infra import INFRA
from tests.infra.terraform.conftest import Terraform

pytestmark = pytest.mark.infra

Planned = dict[str, dict[str, Any]]


def of_type(planned: Planned, kind: str) -> Planned:
    return {address: values for address, values in planned.items() if f"{kind}." in f".{address}"}


def test_formatted() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("The command terraform is not installed: the deployment workflow checks the format")
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", INFRA / "terraform"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_valid(terraform: Terraform) -> None:
    assert "The configuration is valid" in terraform.ok("validate", "-no-color")


MISTAKES = {
    "Unsupported argument": ("modules/lake/main.tf", r"is_hns_enabled ", "is_hns_enabld "),
    "Missing required argument": ("modules/sql/main.tf", r"\n  server_id +=[^\n]*", ""),
    "Unsupported attribute": ("main.tf", r"module\.lake\.dfs_endpoint", "module.lake.endpoint"),
    "Incorrect attribute value type": ("modules/databricks/main.tf", r"no_public_ip +=[^\n]*", "no_public_ip = [1]"),
}


@pytest.mark.parametrize("complaint", MISTAKES)
def test_a_mistake_is_found(terraform_copy: Callable[[str], Terraform], complaint: str) -> None:
    file, before, after = MISTAKES[complaint]
    copy = terraform_copy("mistake")
    path = copy.folder / file
    changed, count = re.subn(before, after, path.read_text(), count=1)
    assert count == 1
    path.write_text(changed)
    done = copy.run("validate", "-no-color")
    assert done.returncode != 0
    assert complaint in done.stderr


def test_stores_are_private(plan: dict[str, Any], planned: Planned) -> None:
    """Nothing that holds data can be read from the internet, and none of it by a shared key or a password."""
    public = plan["variables"]["private_endpoints"]["value"] is False
    accounts = of_type(planned, "azurerm_storage_account")
    assert len(accounts) == 2
    for values in accounts.values():
        assert values["shared_access_key_enabled"] is False
        assert values["allow_nested_items_to_be_public"] is False
        assert values["https_traffic_only_enabled"] is True
        assert values["min_tls_version"] == "TLS1_2"
        assert [rules["default_action"] for rules in values["network_rules"]] == ["Deny"]
        assert values["public_network_access_enabled"] is public
    for values in of_type(planned, "azurerm_storage_container").values():
        assert values["container_access_type"] == "private"
    [vault] = of_type(planned, "azurerm_key_vault").values()
    assert vault["rbac_authorization_enabled"] is True
    assert vault["purge_protection_enabled"] is True
    assert vault["network_acls"][0]["default_action"] == "Deny"
    [server] = of_type(planned, "azurerm_mssql_server").values()
    assert server["azuread_administrator"][0]["azuread_authentication_only"] is True
    assert "administrator_login" not in server
    assert not of_type(planned, "azurerm_mssql_firewall_rule")
    [registry] = of_type(planned, "azurerm_container_registry").values()
    assert registry["admin_enabled"] is False
    for values in (vault, server, registry):
        assert values["public_network_access_enabled"] is public
    endpoints = {
        v["private_service_connection"][0]["subresource_names"][0]
        for v in of_type(planned, "azurerm_private_endpoint").values()
    }
    assert endpoints == (set() if public else {"blob", "dfs", "vault", "sqlServer", "registry"})
    assert bool(of_type(planned, "azurerm_mssql_virtual_network_rule")) is public


def test_prod_is_behind_private_endpoints_alone(terraform: Terraform) -> None:
    assert re.search(
        r"^private_endpoints = true$", (terraform.folder / "environments" / "prod.tfvars").read_text(), re.M
    )


def test_clusters_have_no_public_address(planned: Planned) -> None:
    [workspace] = of_type(planned, "azurerm_databricks_workspace").values()
    assert workspace["custom_parameters"][0]["no_public_ip"] is True
    [cluster] = of_type(planned, "azurerm_machine_learning_compute_cluster").values()
    assert cluster["node_public_ip_enabled"] is False
    assert cluster["local_auth_enabled"] is False


def test_training_scales_to_zero(planned: Planned) -> None:
    [cluster] = of_type(planned, "azurerm_machine_learning_compute_cluster").values()
    assert cluster["scale_settings"][0]["min_node_count"] == 0
    [warehouse] = of_type(planned, "databricks_sql_endpoint").values()
    assert 0 < warehouse["auto_stop_mins"] <= 15


RIGHTS = {
    "orchestration_raw": "Storage Blob Data Contributor",
    "job_raw": "Storage Blob Data Reader",
    "job_ml": "AzureML Data Scientist",
    "job_ml_files": "Storage Blob Data Contributor",
    "job_images": "AcrPull",
    "lake_connector_raw": "Storage Blob Data Reader",
    "lake_connector_curated": "Storage Blob Data Contributor",
    "lake_connector_delegator": "Storage Blob Delegator",
    "api_images": "AcrPull",
    "api_keys": "Key Vault Secrets User",  # pragma: allowlist secret
    "dashboard_images": "AcrPull",
    "dashboard_key": "Key Vault Secrets User",
    "operators_secrets": "Key Vault Secrets Officer",  # pragma: allowlist secret
    "operators_landing": "Storage Blob Data Contributor",
    "operators_raw": "Storage Blob Data Reader",
    "operations_images": "AcrPull",
    "operations_landing": "Storage Blob Data Contributor",
    "ml_network": "Azure AI Enterprise Network Connection Approver",
    "api_telemetry": "Monitoring Metrics Publisher",
    "orchestration_landing": "Storage Blob Data Reader",
    "orchestration_channel": "Key Vault Secrets User",
}
"""Who may do what. A new right is a decision: it is added here on purpose."""


def test_rights_are_the_ones_decided_on(planned: Planned) -> None:
    given = {
        address.split('"')[1]: values["role_definition_name"]
        for address, values in of_type(planned, "azurerm_role_assignment").items()
    }
    assert given == RIGHTS
    broad = {
        "Owner",
        "Contributor",
        "User Access Administrator",
        "Storage Account Contributor",
        "Key Vault Administrator",
    }
    assert not broad & set(given.values())


def test_every_right_ends_at_one_resource(plan: dict[str, Any]) -> None:
    """No role on a subscription or a resource group."""
    locals_text = (INFRA / "terraform" / "modules" / "access" / "main.tf").read_text()
    places = set(re.findall(r"where = \"?(?:\$\{)?var\.(\w+)", locals_text))
    assert places == {
        "containers", "ml_workspace_id", "ml_account_id", "registry_id", "lake_id", "key_vault_id",
        "sql_server_id", "application_insights_id",
    }  # fmt: skip
    assert "azurerm_role_assignment" not in "".join(
        path.read_text() for path in (INFRA / "terraform").rglob("*.tf") if path.parent.name != "access"
    )


def test_no_secret_is_in_the_state(planned: Planned) -> None:
    """No resource makes a secret's value, so none lies in the state; apps read theirs from the vault."""
    for kind in ("azurerm_key_vault_secret", "random_password", "azurerm_mssql_server.administrator_login_password"):
        assert not of_type(planned, kind)
    module = (INFRA / "terraform" / "modules" / "apps" / "main.tf").read_text()
    settings = dict(re.findall(r"^\s+(DEMAND_API_KEY\w*)\s+= (.+)$", module, re.M))
    assert set(settings) == {"DEMAND_API_KEYS_SHA256", "DEMAND_API_KEY"}
    assert all(value.startswith('"@Microsoft.KeyVault(SecretUri=') for value in settings.values())


def test_data_survives_a_destroy() -> None:
    for name in ("lake", "sql"):
        assert "prevent_destroy = true" in (INFRA / "terraform" / "modules" / name / "main.tf").read_text()


def test_app_settings_are_settings(planned: Planned) -> None:
    """The variables that apps and people get exist in the programs that read them."""
    from api.settings import ApiSettings
    from dashboard.settings import DashboardSettings
    from models_ml.settings import Settings

    known = {f"DEMAND_API_{name}".upper() for name in ApiSettings.model_fields}
    known |= {f"DEMAND_{name}".upper() for name in (*DashboardSettings.model_fields, *Settings.model_fields)}
    module = (INFRA / "terraform" / "modules" / "apps" / "main.tf").read_text()
    outputs = (INFRA / "terraform" / "outputs.tf").read_text()
    used = set(re.findall(r"\b(DEMAND_\w+)\s+=", module + outputs))
    assert used >= {
        "DEMAND_STORE_URL",
        "DEMAND_DATA_DIR",
        "DEMAND_WAREHOUSE_URL",
        "DEMAND_DBT_TARGET",
        "DEMAND_API_URL",
    }
    assert used <= known


def test_every_alarm_is_explained(planned: Planned) -> None:
    kinds = ("azurerm_monitor_metric_alert", "azurerm_monitor_scheduled_query_rules_alert_v2")
    alarms = {values["name"].rsplit("-", 3)[0] for kind in kinds for values in of_type(planned, kind).values()}
    assert {"no-forecast", "pipeline-failed", "api-errors"} <= alarms
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", (INFRA / "README.md").read_text(), re.M))
    assert alarms <= explained


def test_data_factory_deploys_the_checked_files(planned: Planned) -> None:
    import json

    [deployment] = of_type(planned, "azurerm_resource_group_template_deployment").values()
    template = json.loads(deployment["template_content"])
    deployed = {
        (r["type"].rsplit("/", 1)[1], re.findall(r"'/([\w-]+)'", r["name"])[0]): r["properties"]
        for r in template["resources"]
    }
    folders = {"linkedService": "linkedservices", "dataset": "datasets", "pipeline": "pipelines", "trigger": "triggers"}
    files = {
        (folders[path.parent.name], content["name"]): content["properties"]
        for path in (INFRA / "data_factory").glob("*/*.json")
        for content in [json.loads(path.read_text())]
    }
    assert deployed == files
    assert {kind for kind, _ in files} == set(folders.values())
