"""infra/terraform read as data: references, schemas, variables, versions. Needs no terraform command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.terraform.graph import ROOT, Module, load, parse, read_module
from tests.infra.terraform.provider import SCHEMAS

pytestmark = pytest.mark.infra

MODULES = sorted(load().modules)
META = {"count", "for_each", "depends_on", "provider", "lifecycle", "provisioner", "dynamic", "connection"}
BUILT_IN = {"terraform_data"}
FUNCTIONS_OWN = {"each", "self", "count", "path", "terraform"}


def schemas() -> dict[str, dict[str, Any]]:
    """Resource type -> its schema's block."""
    found: dict[str, dict[str, Any]] = {}
    for path in SCHEMAS.glob("*.json"):
        for provider in json.loads(path.read_text())["provider_schemas"].values():
            found |= {name: schema["block"] for name, schema in provider["resource_schemas"].items()}
    return found


def unresolved(module: Module) -> list[str]:
    """References of a module that lead nowhere."""
    wrong = []
    for address, parts in module.references():
        head, name = parts[0], parts[1] if len(parts) > 1 else ""
        if head == "var":
            known = name in module.variables
        elif head == "local":
            known = name in module.locals
        elif head == "module":
            outputs = [p for p in parts[2:] if not p.startswith("[")]
            known = name in module.calls and (not outputs or outputs[0] in load().called(module, name).outputs)
        elif re.match(r"(azurerm|databricks|terraform)_", head):
            known = (head, name) in module.resources
            attribute = next((p for p in parts[2:] if not p.startswith("[")), None)
            if known and attribute and head not in BUILT_IN:
                block = schemas()[head]
                known = attribute in block["attributes"] or attribute in block["block_types"]
        else:  # each, self, a name of a for expression
            continue
        if not known:
            wrong.append(f"{address}: {'.'.join(parts)}")
    return wrong


def schema_faults(where: str, body: dict[str, Any], block: dict[str, Any]) -> list[str]:
    """Arguments and blocks that the provider does not know, and those that it misses."""
    faults = []
    given = {name: value for name, value in body.items() if name not in META and name != "__is_block__"}
    dynamic = {name: content for one in body.get("dynamic", []) for name, content in one.items()}
    for name, value in given.items():
        if name in block["block_types"]:
            nested = block["block_types"][name]
            if "max_items" in nested and len(value) > nested["max_items"]:
                faults.append(f"{where}: {len(value)} blocks {name}, at most {nested['max_items']}")
            for one in value:
                faults += schema_faults(f"{where}.{name}", one, nested["block"])
        elif name not in block["attributes"]:
            faults.append(f"{where}: {name} is not known")
        elif not {"required", "optional"} & set(block["attributes"][name]):
            faults.append(f"{where}: {name} cannot be set")
    for name, one in dynamic.items():
        if name not in block["block_types"]:
            faults.append(f"{where}: block {name} is not known")
        else:
            for content in one["content"]:
                faults += schema_faults(f"{where}.{name}", content, block["block_types"][name]["block"])
    faults += [
        f"{where}: {name} is missing"
        for name, attribute in block["attributes"].items()
        if attribute.get("required") and name not in given
    ]
    faults += [
        f"{where}: block {name} is missing"
        for name, nested in block["block_types"].items()
        if nested.get("min_items") and name not in given and name not in dynamic
    ]
    return faults


@pytest.mark.parametrize("name", MODULES)
def test_every_reference_leads_somewhere(name: str) -> None:
    module = load().modules[name]
    assert list(module.references()) or not module.resources
    assert unresolved(module) == []


@pytest.mark.parametrize("name", MODULES)
def test_arguments_are_what_the_providers_know(name: str) -> None:
    known = schemas()
    faults = []
    for (kind, label), body in load().modules[name].resources.items():
        if kind not in BUILT_IN:
            faults += schema_faults(f"{kind}.{label}", body, known[kind])
    assert faults == []


def test_the_two_checks_can_fail(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        """
        variable "known" { type = string }
        resource "azurerm_key_vault" "this" {
          name     = var.unknown
          location = azurerm_key_vault.other.location
          sku      = "standard"
          tags     = { a = azurerm_key_vault.this.no_such_thing }
        }
        """
    )
    module = read_module(tmp_path)
    assert [fault.split(": ")[1] for fault in unresolved(module)] == [
        "var.unknown", "azurerm_key_vault.other.location", "azurerm_key_vault.this.no_such_thing",
    ]  # fmt: skip
    faults = schema_faults("v", module.resources["azurerm_key_vault", "this"], schemas()["azurerm_key_vault"])
    assert set(faults) == {
        "v: sku is not known", "v: resource_group_name is missing", "v: sku_name is missing", "v: tenant_id is missing",
    }  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_calls_give_what_modules_ask_for(name: str) -> None:
    module = load().modules[name]
    for call, body in module.calls.items():
        variables = load().called(module, call).variables
        given = set(body) - META - {"source", "version", "providers", "__is_block__"}
        required = {variable for variable, content in variables.items() if "default" not in content}
        assert given <= set(variables), f"module.{call}: unknown {sorted(given - set(variables))}"
        assert required <= given, f"module.{call}: missing {sorted(required - given)}"


@pytest.mark.parametrize("name", MODULES)
def test_everything_is_described_typed_and_used(name: str) -> None:
    module = load().modules[name]
    used = {parts[1] for _, parts in module.references() if parts[0] == "var"}
    for variable, body in module.variables.items():
        assert body.get("description", "").endswith((".", "://.")), f"var.{variable} has no description"
        assert "type" in body, f"var.{variable} has no type"
    for output, body in module.outputs.items():
        assert body.get("description"), f"output.{output} has no description"
    assert set(module.variables) == used, f"{name}: variables that nothing reads: {set(module.variables) - used}"


def test_every_module_is_called_and_every_output_read() -> None:
    tree = load()
    called = {
        str((m.path / c["source"]).resolve().relative_to(ROOT)) for m in tree.modules.values() for c in m.calls.values()
    }
    assert called == set(tree.modules) - {"."}
    read = {
        (str(tree.called(m, parts[1]).path), outputs[0])
        for m in tree.modules.values()
        for _, parts in m.references()
        if parts[0] == "module" and (outputs := [part for part in parts[2:] if not part.startswith("[")])
    }
    kept = {"id", "names", "warehouse_id", "volume_path"}  # of modules that nothing follows; for `terraform console`
    unread = {
        (name, output)
        for name, module in tree.modules.items()
        for output in module.outputs
        if name != "." and (str(module.path), output) not in read and output not in kept
    }
    assert unread == set()


def test_providers_are_pinned_to_the_schemas_that_were_checked() -> None:
    [required] = load().root.settings["required_providers"]
    pinned = {name: required[name]["version"] for name in ("azurerm", "databricks")}
    assert {f"{name}-{version}.json" for name, version in pinned.items()} == {p.name for p in SCHEMAS.glob("*.json")}
    assert re.fullmatch(r">= 1\.11\.0, < 2\.0\.0", load().root.settings["required_version"])


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_variable_files_hold_known_variables_and_no_id(name: str) -> None:
    path = ROOT / "environments" / f"{name}.tfvars"
    given = parse(path)
    variables = load().root.variables
    assert set(given) <= set(variables)
    assert given["environment"] == name
    text = path.read_text()
    from_the_environment = re.search(r"TF_VAR_\*: (.*?)\.\n", text.replace("\n# ", " "), re.S)
    assert from_the_environment is not None
    promised = set(re.split(r",\s+", from_the_environment[1]))
    required = {variable for variable, body in variables.items() if "default" not in body}
    assert required == (set(given) | promised) & required, "a variable comes from nowhere"
    assert promised <= set(variables)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text), "an id is hard-coded"


def test_state_is_remote_and_opened_by_identity() -> None:
    [backend] = load().root.settings["backend"]
    assert backend["azurerm"]["use_azuread_auth"] is True
    assert backend["azurerm"]["use_oidc"] is True
    keys = [parse(ROOT / "environments" / f"{name}.backend.hcl")["key"] for name in ("dev", "prod")]
    assert len(set(keys)) == 2


def test_no_argument_holds_a_secret() -> None:
    """Passwords, keys, tokens: nowhere, or a reference into Key Vault."""
    secret = re.compile(r"(password|secret|token|access_key|connection_string|sas)$|^DEMAND_API_KEY", re.I)
    allowed = {"https://", "@Microsoft.KeyVault("}

    def look(where: str, value: Any) -> list[str]:
        found = []
        if isinstance(value, dict):
            for name, item in value.items():
                if secret.search(name) and isinstance(item, str) and not item.startswith(tuple(allowed)):
                    found.append(f"{where}.{name} = {item}")
                found += look(f"{where}.{name}", item)
        elif isinstance(value, list):
            for item in value:
                found += look(where, item)
        return found

    found = [
        hit for module in load().modules.values() for address, body in module.bodies() for hit in look(address, body)
    ]
    # Application Insights takes Entra tokens only (local_authentication_disabled): its connection string is an address.
    assert [hit for hit in found if "APPLICATIONINSIGHTS" not in hit and "application_insights" not in hit] == []
    assert look("x", {"admin_password": "a", "app_settings": {"DEMAND_API_KEY": "b"}}) != []
