"""Write `schemas/<provider>.json`: what the pinned providers accept, for the resources that infra/terraform names.

    python -m tests.infra.terraform.extract_schemas FOLDER

FOLDER holds the unpacked npm packages `provider-azurerm` and `provider-databricks` of CDK for Terraform
(`npm pack @cdktf/provider-azurerm`, `tar xzf`), whose classes were generated from the providers' own schemas. The files
written have the form of `terraform providers schema -json`, without descriptions; run it again after a new type of
resource is used or a provider's version moves.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.infra.terraform.graph import load

SCHEMAS = Path(__file__).with_name("schemas")
SOURCES = {"azurerm": "hashicorp/azurerm", "databricks": "databricks/databricks"}

_INTERFACE = re.compile(r"export interface (\w+)(?: extends [\w.]+)? \{\n(.*?)\n\}", re.S)
_PROPERTY = re.compile(r"#(\w+) \w+#\w+\}.*?readonly (\w+)(\??): ", re.S)
_HCL_FUNCTION = re.compile(
    r"^function (\w+)ToHclTerraform\((?:(?!^function ).)*?\n    const attrs = \{\n(.*?)\n    \};", re.S | re.M
)
_SYNTHESIZED = re.compile(r"synthesizeHclAttributes\(\) \{\n        const attrs = \{\n(.*?)\n        \};", re.S)
_ENTRY = re.compile(
    r"(\w+): \{\n\s+value: (.*?),\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n\s+storageClassType: \"(\w+)\"", re.S
)
_CLASS = re.compile(r"^class (\w+) extends cdktf\.(\w+) \{\n(.*?)^\}", re.S | re.M)
_COMPUTED = re.compile(r"// (\w+) - computed: true, optional: false, required: false\n\s+(.*?)\n    \}", re.S)
_MADE = re.compile(r"this\._\w+ = new (\w+)\(this, \"(\w+)\"")

_SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_GOTTEN = {
    "String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"],
    "StringMap": ["map", "string"], "NumberList": ["list", "number"], "AnyMap": ["map", "string"],
    "BooleanMap": ["map", "bool"], "NumberMap": ["map", "number"],
}  # fmt: skip


class Generated:
    """The generated classes of a provider, a resource or a data source."""

    def __init__(self, folder: Path) -> None:
        declared, code = (folder / "index.d.ts").read_text(), (folder / "index.js").read_text()
        self.required = {
            name: {attribute for attribute, _, optional in _PROPERTY.findall(body) if not optional}
            for name, body in _INTERFACE.findall(declared)
        }
        self.structs = {name.lower(): _ENTRY.findall(body) for name, body in _HCL_FUNCTION.findall(code)}
        self.bodies = {name: body for name, _, body in _CLASS.findall(code)}
        kinds = {"TerraformResource": "resource", "TerraformDataSource": "data", "TerraformProvider": "provider"}
        [(self.name, self.kind)] = [(name, kinds[base]) for name, base, _ in _CLASS.findall(code) if base in kinds]
        self.type = found(r"terraformResourceType: '(\w+)'", code)
        self.version = found(r"providerVersion: '([\d.]+)'", code)
        self.entries = _ENTRY.findall(found(_SYNTHESIZED, code))

    def schema(self) -> dict[str, Any]:
        """In the form of `terraform providers schema -json`."""
        return {"version": 0, "block": self.block(self.name, f"{self.name}Config", self.entries)}

    def block(self, class_name: str, interface: str, entries: list[tuple[str, ...]]) -> dict[str, Any]:
        """A block: its arguments, what can only be read, and the blocks in it."""
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        required = self.required.get(interface, set())
        body = self.bodies.get(class_name, "")
        made = {name: cls for cls, name in _MADE.findall(body)}
        for name, _value, is_block, kind, storage in entries:
            if self.kind == "provider" and name == "alias":  # CDK's own
                continue
            if is_block == "false" or kind == "map":
                # the generated code does not tell what is optional from what is optional and computed
                free = {"optional": True, "computed": self.kind != "provider"}
                attributes[name] = {
                    "type": attribute_type(kind, storage),
                    **({"required": True} if name in required else free),
                }
                continue
            struct = storage.removesuffix("List") if kind in ("list", "set") else storage
            inner = self.block(f"{struct}OutputReference", struct, self.structs.get(struct.lower(), []))
            blocks[name] = {"nesting_mode": "single" if kind == "struct" else kind, "block": inner}
            if kind != "struct" and made.get(name, "").endswith("OutputReference"):
                blocks[name]["max_items"] = 1
            if kind != "struct" and name in required:
                blocks[name]["min_items"] = 1
        for name, text in _COMPUTED.findall(body):
            attributes.setdefault(name, {"type": self.computed_type(text), "computed": True})
        return {"attributes": dict(sorted(attributes.items())), "block_types": dict(sorted(blocks.items()))}

    def computed_type(self, text: str) -> Any:
        """Type of what is only read: a scalar, a collection of them, or a list of objects."""
        made = re.search(r"new (\w+)\(this, ", text)
        if made is None:
            getter = re.search(r"this\.get(\w+?)Attribute\(", text)
            return _GOTTEN[getter[1]] if getter and getter[1] in _GOTTEN else "dynamic"
        body = self.bodies.get(f"{made[1].removesuffix('List')}OutputReference", "")
        return ["list", ["object", {name: self.computed_type(part) for name, part in _COMPUTED.findall(body)}]]


def found(pattern: str | re.Pattern[str], text: str) -> str:
    """The first group of the first match."""
    match = re.search(pattern, text)
    return match[1] if match else ""


def attribute_type(kind: str, storage: str) -> Any:
    """Terraform's type of an argument."""
    if kind == "simple":
        return _SIMPLE.get(storage, "dynamic")
    element = re.match(r"(string|number|boolean|any)(?:Map|List)", storage)
    return [kind, _SIMPLE[element[1]] if element else "dynamic"]


def main(folder: Path) -> None:
    """Write the schemas of all providers."""
    used = {kind for module in load().modules.values() for kind in module.types}
    SCHEMAS.mkdir(exist_ok=True)
    for provider, source in SOURCES.items():
        library = folder / f"provider-{provider}" / "lib"
        schemas: dict[str, dict[str, Any]] = {"resource": {}, "data": {}}
        version = ""
        for kind, name in sorted(used):
            if not name.startswith(f"{provider}_"):
                continue
            short = name.removeprefix(f"{provider}_").replace("_", "-")
            generated = Generated(library / (f"data-{provider}-{short}" if kind == "data" else short))
            assert (generated.type, generated.kind) == (name, kind), f"{name}: {generated.type} {generated.kind}"
            version = generated.version
            schemas[kind][name] = generated.schema()
        content = {
            "format_version": "1.0",
            "provider_schemas": {
                f"registry.terraform.io/{source}": {
                    "provider": Generated(library / "provider").schema(),
                    "resource_schemas": schemas["resource"],
                    "data_source_schemas": schemas["data"],
                }
            },
        }
        for old in SCHEMAS.glob(f"{provider}-*.json"):
            old.unlink()
        target = SCHEMAS / f"{provider}-{version}.json"
        target.write_text(json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n")
        print(f"{target.name}: {len(schemas['resource'])} resources, {len(schemas['data'])} data sources")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
