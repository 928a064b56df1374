"""What Azure and Databricks refuse although their schemas allow it, looked for in the plans of both environments."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra import INFRA
from tests.infra.terraform.conftest import Terraform
from tests.infra.terraform.graph import load
from tests.infra.terraform.test_plan import Planned, of_type

pytestmark = pytest.mark.infra


def configured(plan: dict[str, Any], module: str, address: str) -> dict[str, Any]:
    """A resource as it is written: its arguments with the references in them."""
    resources = plan["configuration"]["root_module"]["module_calls"][module]["module"]["resources"]
    [found] = [resource for resource in resources if resource["address"] == address]
    return dict(found["expressions"])


def test_accounts_are_made_without_a_look_at_their_data(plan: dict[str, Any]) -> None:
    """azurerm polls the blob endpoint after it made an account, and at each refresh: from outside that is a 403."""
    [features] = plan["configuration"]["provider_config"]["azurerm"]["expressions"]["features"]
    assert features["storage"] == [{"data_plane_available": {"constant_value": False}}]


def test_long_term_retention_only_without_auto_pause(planned: Planned) -> None:
    [database] = of_type(planned, "azurerm_mssql_database").values()
    pauses = database["auto_pause_delay_in_minutes"] > 0
    assert bool(database["long_term_retention_policy"]) is not pauses


def test_compute_of_a_managed_network_has_no_subnet_of_ours(planned: Planned) -> None:
    [workspace] = of_type(planned, "azurerm_machine_learning_workspace").values()
    assert workspace["managed_network"][0]["isolation_mode"] != "Disabled"
    for cluster in of_type(planned, "azurerm_machine_learning_compute_cluster").values():
        assert cluster.get("subnet_resource_id") is None


def test_workspaces_without_a_private_endpoint_can_be_reached(planned: Planned) -> None:
    """A workspace that lets nobody in from outside and has no endpoint inside lets in nobody at all."""
    [databricks] = of_type(planned, "azurerm_databricks_workspace").values()
    [learning] = of_type(planned, "azurerm_machine_learning_workspace").values()
    assert databricks["public_network_access_enabled"] is True
    assert learning["public_network_access_enabled"] is True


def test_credential_names_the_identity_of_a_connector_without_its_own(plan: dict[str, Any], planned: Planned) -> None:
    connectors = of_type(planned, "azurerm_databricks_access_connector")
    kinds = {re.findall(r"\.(\w+)$", address)[0]: v["identity"][0]["type"] for address, v in connectors.items()}
    assert kinds == {"lake": "SystemAssigned", "store": "UserAssigned"}
    for address, connector in (
        ("databricks_storage_credential.lake", "lake"),
        ("databricks_credential.store", "store"),
    ):
        [identity] = configured(plan, "unity_catalog", address)["azure_managed_identity"]
        assert identity["access_connector_id"]["references"] == [f"var.{connector}_connector_id"]
        assert ("managed_identity_id" in identity) == (kinds[connector] == "UserAssigned")


def test_locations_wait_for_every_role_of_the_connector(planned: Planned) -> None:
    roles = [address for address in of_type(planned, "azurerm_role_assignment") if '"lake_connector_' in address]
    assert len(roles) == 3
    outputs = load().modules["modules/access"].outputs
    assert 'startswith(key, "lake_connector_")' in outputs["lake_connector_assignment_ids"]["value"]
    waiting = load().modules["modules/unity_catalog"].resources["databricks_storage_credential", "lake"]["depends_on"]
    assert any("terraform_data.lake_access" in one for one in waiting)


def test_warehouse_stands_where_the_lake_lets_it_in(planned: Planned) -> None:
    [warehouse] = of_type(planned, "databricks_sql_endpoint").values()
    serverless = warehouse["enable_serverless_compute"]
    connected = of_type(planned, "databricks_mws_ncc_private_endpoint_rule")
    assert not serverless or connected
    assert warehouse["warehouse_type"] == "PRO"


def test_every_managed_private_endpoint_is_approved() -> None:
    module = load().modules["modules/data_factory"]
    endpoints = module.resources["azurerm_data_factory_managed_private_endpoint", "this"]["for_each"]
    approval = module.resources["terraform_data", "approval"]
    assert set(approval["for_each"]) - {"__is_block__"} == set(endpoints) - {"__is_block__"} == {"lake", "sql", "vault"}
    assert "approve_private_endpoints.sh" in approval["provisioner"][0]["local-exec"]["command"]
    content = module.resources["azurerm_resource_group_template_deployment", "content"]["depends_on"]
    assert any("terraform_data.approval" in one for one in content)


def test_apps_pull_images_over_the_network(planned: Planned) -> None:
    for kind in ("azurerm_linux_web_app", "azurerm_linux_web_app_slot"):
        for values in of_type(planned, kind).values():
            assert values["vnet_image_pull_enabled"] is True
            assert values["site_config"][0]["container_registry_use_managed_identity"] is True
            assert re.fullmatch(
                r"retail-demand-(api|dashboard)@sha256:[0-9a-f]{64}",
                values["site_config"][0]["application_stack"][0]["docker_image_name"],
            )


def test_slots_are_where_the_plan_has_them(planned: Planned) -> None:
    [plan_of_apps] = of_type(planned, "azurerm_service_plan").values()
    basic = plan_of_apps["sku_name"].startswith(("B", "F", "D"))
    assert len(of_type(planned, "azurerm_linux_web_app_slot")) == (0 if basic else 2)
    assert not (basic and plan_of_apps["zone_balancing_enabled"])


def test_a_pausing_store_is_not_kept_awake(planned: Planned) -> None:
    """App Service asks the health path each minute; /ready asks the store, which then never pauses."""
    [database] = of_type(planned, "azurerm_mssql_database").values()
    pauses = database["auto_pause_delay_in_minutes"] > 0
    [path] = [
        values["site_config"][0]["health_check_path"]
        for address, values in of_type(planned, "azurerm_linux_web_app").items()
        if address.endswith(".api")
    ]
    assert path == ("/health" if pauses else "/ready")
    assert bool(of_type(planned, "azurerm_application_insights_standard_web_test")) is not pauses


SUBNETS = {"apps", "operations", "databricks_host", "databricks_container"}
"""Whose processes reach the stores: API and dashboard, the job in the network, clusters and the SQL warehouse."""


def test_every_store_is_reached_by_all_who_need_it(plan: dict[str, Any], planned: Planned) -> None:
    """By a private endpoint in the network with a name in it, or by the subnets' service endpoints; else by nobody."""
    private = plan["variables"]["private_endpoints"]["value"]
    if private:
        endpoints = of_type(planned, "azurerm_private_endpoint")
        reached = {v["private_service_connection"][0]["subresource_names"][0] for v in endpoints.values()}
        zones = {address.split('"')[1] for address in of_type(planned, "azurerm_private_dns_zone")}
        linked = {
            address.split('"')[1] for address in of_type(planned, "azurerm_private_dns_zone_virtual_network_link")
        }
        assert reached == zones == linked == {"blob", "dfs", "vault", "sqlServer", "registry"}
    else:
        rules = {address.split('"')[1] for address in of_type(planned, "azurerm_mssql_virtual_network_rule")}
        assert rules == SUBNETS
        subnets = of_type(planned, "azurerm_subnet")
        for values in subnets.values():
            served = set(values.get("service_endpoints") or ())
            assert values["name"] == "endpoints" or {"Microsoft.Sql", "Microsoft.Storage"} <= served, values["name"]
        for kind in ("azurerm_storage_account", "azurerm_key_vault"):
            for module in ("lake", "key_vault", "ml_workspace"):
                body = load().modules[f"modules/{module}"].resources.get((kind, "this"))
                if body is not None:
                    rules_of = body["network_rules" if kind == "azurerm_storage_account" else "network_acls"][0]
                    assert "var.subnet_ids" in rules_of["virtual_network_subnet_ids"]
    # Data Factory and Azure ML live in networks of Microsoft's: each store that they use has an endpoint there.
    managed = {address.split('"')[1] for address in of_type(planned, "azurerm_data_factory_managed_private_endpoint")}
    assert managed == {"lake", "sql", "vault"}
    [rule] = of_type(planned, "azurerm_machine_learning_workspace_network_outbound_rule_private_endpoint").values()
    assert rule["sub_resource_target"] == "sqlServer"


def test_images_are_built_and_steps_are_run_inside_the_network(plan: dict[str, Any], planned: Planned) -> None:
    assert of_type(planned, "azurerm_container_registry_agent_pool")
    pool = configured(plan, "registry", "azurerm_container_registry_agent_pool.build")
    assert pool["virtual_network_subnet_id"]["references"] == ["var.build_subnet_id"]
    [registry] = of_type(planned, "azurerm_container_registry").values()
    assert registry["sku"] == "Premium", "an agent pool and private endpoints need it"
    [job] = of_type(planned, "azurerm_container_app_job").values()
    assert job["identity"][0]["type"] == "UserAssigned"
    place = configured(plan, "operations", "azurerm_container_app_environment.this")
    assert place["infrastructure_subnet_id"]["references"] == ["var.subnet_id"]


def test_what_has_no_public_address_has_a_way_out(planned: Planned) -> None:
    leaving = {address.split('"')[1] for address in of_type(planned, "azurerm_subnet_nat_gateway_association")}
    assert leaving == {"databricks_host", "databricks_container", "operations", "build"}


def plan_with(terraform: Terraform, name: str, **variables: Any) -> dict[str, Any]:
    """The plan of prod with some variables changed; JSON for what is no text."""
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in variables.items()}
    arguments = [part for key, value in given.items() for part in ("-var", f"{key}={value}")]
    terraform.ok("plan", "-input=false", "-no-color", "-lock=false", "-var-file", "environments/prod.tfvars",
                 "-out", f"{name}.plan", *arguments)  # fmt: skip
    shown: dict[str, Any] = json.loads(terraform.ok("show", "-json", f"{name}.plan"))
    return {change["address"]: change["change"]["after"] for change in shown["resource_changes"]}


def test_apps_come_after_their_images_and_secrets(terraform: Terraform) -> None:
    """The first apply has no images: no app starts, so none can keep a secret that was not there yet."""
    made = plan_with(terraform, "first", images=None)
    assert of_type(made, "azurerm_key_vault")
    for kind in (
        "azurerm_linux_web_app",
        "azurerm_container_app_job",
        "azurerm_application_insights_standard_web_test",
    ):
        assert not of_type(made, kind)


def test_images_are_named_by_digest(terraform: Terraform) -> None:
    done = terraform.run("plan", "-input=false", "-no-color", "-lock=false", "-var-file", "environments/dev.tfvars",
                         "-var", 'images={api="latest",dashboard="latest"}')  # fmt: skip
    assert done.returncode != 0
    assert "sha256" in done.stderr


def test_a_landing_zone_is_taken_as_it_is(terraform: Terraform) -> None:
    """Network, DNS zones, log workspace and metastore of others: none is made a second time."""
    hub = "/subscriptions/s/resourceGroups/hub/providers"
    zones = {key: f"{hub}/Microsoft.Network/privateDnsZones/{key}" for key in ("blob", "dfs", "vault", "sqlServer")}
    made = plan_with(
        terraform, "landing",
        existing_network={"id": f"{hub}/Microsoft.Network/virtualNetworks/vnet-spoke", "routes_to_a_firewall": True},
        existing_zone_ids=zones, existing_workspace_id=f"{hub}/Microsoft.OperationalInsights/workspaces/log-hub",
        metastore_id="m-1", policy_exemptions={"public": f"{hub}/Microsoft.Authorization/policyAssignments/p"},
        operator_addresses=["203.0.113.0/24"], retailer_catalogs=["retailer"], source_kind="long",
    )  # fmt: skip
    for kind in (
        "azurerm_virtual_network",
        "azurerm_nat_gateway",
        "azurerm_public_ip",
        "azurerm_log_analytics_workspace",
    ):
        assert not of_type(made, kind), kind
    assert [address.split('"')[1] for address in of_type(made, "azurerm_private_dns_zone")] == ["registry"]
    assert {subnet["virtual_network_name"] for subnet in of_type(made, "azurerm_subnet").values()} == {"vnet-spoke"}
    assert {subnet["resource_group_name"] for subnet in of_type(made, "azurerm_subnet").values()} == {"hub"}
    assert len(of_type(made, "databricks_metastore_assignment")) == 1
    assert len(of_type(made, "azurerm_resource_group_policy_exemption")) == 1
    [grant] = of_type(made, "databricks_grant").values()
    assert set(grant["privileges"]) == {"USE_CATALOG", "USE_SCHEMA", "SELECT"}
    [rule] = of_type(made, "azurerm_mssql_firewall_rule").values()
    assert (rule["start_ip_address"], rule["end_ip_address"]) == ("203.0.113.0", "203.0.113.255")
    lake = next(v for a, v in of_type(made, "azurerm_storage_account").items() if a.startswith("module.lake"))
    assert lake["public_network_access_enabled"] is True
    assert lake["network_rules"][0]["ip_rules"] == ["203.0.113.0/24"]
    assert lake["network_rules"][0]["default_action"] == "Deny"


def test_budget_starts_when_it_is_made(planned: Planned) -> None:
    body = load().modules["modules/budget"].resources["azurerm_consumption_budget_resource_group", "this"]
    assert "time_period" in str(body["lifecycle"][0]["ignore_changes"])
    assert not re.search(r"\b20\d\d-", (INFRA / "terraform" / "modules" / "budget" / "main.tf").read_text())
    [budget] = of_type(planned, "azurerm_consumption_budget_resource_group").values()
    assert re.fullmatch(r"20\d\d-\d\d-01T00:00:00Z", budget["time_period"][0]["start_date"])


def test_every_alarm_rings(plan: dict[str, Any], planned: Planned) -> None:
    """An alarm without an action group tells nobody."""
    wired = {
        "azurerm_monitor_metric_alert.this": ("action", "action_group_id"),
        "azurerm_monitor_metric_alert.fresh": ("action", "action_group_id"),
        "azurerm_monitor_scheduled_query_rules_alert_v2.this": ("action", "action_groups"),
    }
    for address, (block, argument) in wired.items():
        [action] = configured(plan, "alerts", address)[block]
        assert action[argument]["references"] == ["var.action_group_id"]
    assert "contact_groups" in (INFRA / "terraform" / "modules" / "budget" / "main.tf").read_text()
    assert len(of_type(planned, "azurerm_consumption_budget_resource_group")) == 1
    asked = {address.split('"')[1] for address in of_type(planned, "azurerm_monitor_scheduled_query_rules_alert_v2")}
    assert asked == {"no-forecast", "check-failed", "drift", "api-error-rate"}
    for values in of_type(planned, "azurerm_monitor_scheduled_query_rules_alert_v2").values():
        assert values["window_duration"] in {"PT1H", "PT2H", "P1D", "P2D"}, "the longest that Azure allows is two days"
