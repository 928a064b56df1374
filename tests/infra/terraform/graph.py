"""infra/terraform as data: its modules, parsed, with every reference in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import hcl2

from tests.infra import INFRA

ROOT = INFRA / "terraform"

_WORD = r"[A-Za-z_][\w-]*"
_REFERENCE = re.compile(rf"(?<![\w.\"-])((?:{_WORD})(?:\.{_WORD}|\[[^\[\]]*\])+)")
_QUOTED = re.compile(r'"((?:[^"\\$]|\\.|\$(?!\{))*)"')


@dataclass
class Module:
    """One folder of Terraform.

    Attributes:
        path: its folder.
        variables, locals, outputs: by name.
        resources, data: by (type, name).
        calls: the modules that it calls, by name.
        settings: its `terraform` block.
        providers: its `provider` blocks, by name.
        bodies: every block with its address, for a search.
    """

    path: Path
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    locals: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    data: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def types(self) -> set[tuple[str, str]]:
        """Kind (`resource`, `data`) and type of all that it makes or reads."""
        return {("resource", kind) for kind, _ in self.resources} | {("data", kind) for kind, _ in self.data}

    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Every block, with its address."""
        for (kind, name), body in self.resources.items():
            yield f"{kind}.{name}", body
        for (kind, name), body in self.data.items():
            yield f"data.{kind}.{name}", body
        for prefix, blocks in (("output", self.outputs), ("local", self.locals), ("module", self.calls),
                               ("provider", self.providers), ("var", self.variables)):  # fmt: skip
            for name, body in blocks.items():
                yield f"{prefix}.{name}", body

    def references(self) -> Iterator[tuple[str, list[str]]]:
        """Address of a block, and the parts of each reference in it."""
        for address, body in self.bodies():
            for text in expressions(body):
                for found in _REFERENCE.findall(_QUOTED.sub("", text)):
                    yield address, re.split(r"\.(?![^\[]*\])|(?=\[)", found)


@dataclass
class Tree:
    """All modules, by folder relative to the root (`.` is the root module)."""

    modules: dict[str, Module]

    @property
    def root(self) -> Module:
        """The root module."""
        return self.modules["."]

    def called(self, caller: Module, name: str) -> Module:
        """The module behind a call."""
        folder = (caller.path / caller.calls[name]["source"]).resolve()
        return self.modules[str(folder.relative_to(ROOT))]


def plain(value: Any) -> Any:
    """Parsed values without the parser's marks: quotes, comments, labels."""
    if isinstance(value, dict):
        return {
            key.strip('"'): plain(item)
            for key, item in value.items()
            if key not in ("__comments__", "__inline_comments__")
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def expressions(value: Any) -> Iterator[str]:
    """The text of every expression in a value, at any depth."""
    if isinstance(value, dict):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif isinstance(value, str):
        yield from templates(value)


def templates(text: str) -> Iterator[str]:
    """What stands in `${...}`, nested ones too."""
    start = text.find("${")
    while start >= 0:
        depth, end = 1, start + 2
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        inside = text[start + 2 : end - 1]
        yield inside
        yield from templates(inside)
        start = text.find("${", end)


def blocks(value: Any) -> list[dict[str, Any]]:
    """A nested block of a resource, as often as it occurs."""
    return value if isinstance(value, list) else []


def parse(path: Path) -> dict[str, Any]:
    """One file."""
    with path.open() as file:
        parsed: dict[str, Any] = plain(hcl2.load(file))
    return parsed


def read_module(folder: Path) -> Module:
    """One folder."""
    module = Module(folder)
    for path in sorted(folder.glob("*.tf")):
        content = parse(path)
        for block in content.get("variable", []):
            module.variables.update(block)
        for block in content.get("output", []):
            module.outputs.update(block)
        for block in content.get("locals", []):
            module.locals.update({name: value for name, value in block.items() if name != "__is_block__"})
        for block in content.get("module", []):
            module.calls.update(block)
        for block in content.get("provider", []):
            module.providers.update(block)
        for block in content.get("terraform", []):
            module.settings.update(block)
        for kind, target in (("resource", module.resources), ("data", module.data)):
            for block in content.get(kind, []):
                for type_name, named in block.items():
                    for name, body in named.items():
                        target[type_name, name] = body
    return module


@lru_cache(maxsize=1)
def load() -> Tree:
    """The whole tree."""
    folders = sorted({path.parent for path in ROOT.rglob("*.tf") if ".terraform" not in path.parts})
    return Tree({str(folder.relative_to(ROOT)): read_module(folder) for folder in folders})
