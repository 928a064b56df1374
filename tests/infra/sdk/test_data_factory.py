"""Every file of infra/data_factory against the service's published models: names, types, what is required."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, get_overloads

import pytest
from azure.mgmt.datafactory import models

from tests.infra import INFRA

pytestmark = pytest.mark.infra

FILES = sorted((INFRA / "data_factory").glob("*/*.json"))
ROOTS = {
    "linkedService": models.LinkedService, "dataset": models.Dataset, "pipeline": models.Pipeline,
    "trigger": models.Trigger,
}  # fmt: skip
MODEL = next(base for base in models.Pipeline.__mro__ if base.__name__ == "Model")
SCALARS = {"bool": bool, "int": int, "str": str}


@cache
def choices(base: type) -> dict[str, type]:
    """The models that derive from a base, by the `type` that chooses them; none where there is nothing to choose."""
    derived = [one for one in vars(models).values() if isinstance(one, type) and issubclass(one, base)]
    chosen = {one: re.findall(r"Literal\['(\w+)'\]", str(vars(one)["__annotations__"].get("type"))) for one in derived
              if "__annotations__" in vars(one)}  # fmt: skip
    return {} if len(derived) == 1 else {names[0]: one for one, names in chosen.items() if names}


@cache
def rest_names(model: type) -> dict[str, str]:
    """The fields of a model: name in JSON -> name in Python. The library finds them when a model is first made."""
    return {field._rest_name: name for name, field in model({})._attr_to_rest_field.items()}


@cache
def required(model: type) -> set[str]:
    """Fields that the model's constructor cannot do without."""
    code, defaults = get_overloads(model.__init__)[0].__code__, get_overloads(model.__init__)[0].__kwdefaults__ or {}
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return set(keywords) - set(defaults)


def hint(model: type, name: str) -> str:
    """The annotation of a field, as text."""
    return next(str(b.__annotations__[name]) for b in model.__mro__ if name in getattr(b, "__annotations__", {}))


def faults(where: str, model: type, content: Any) -> Iterator[str]:
    """What a model does not know, or misses, at any depth."""
    if not isinstance(content, dict):
        yield f"{where}: {content!r} is no object"
        return
    options = choices(model)
    if options and content.get("type") not in options:
        yield f"{where}: type {content.get('type')} is not known"
        return
    chosen = options[content["type"]] if options else model
    fields = rest_names(chosen)
    for key in content.keys() - fields:
        yield f"{where}: {key} is not known to {chosen.__name__}"
    for key, name in fields.items():
        if key in content:
            yield from value_faults(f"{where}.{key}", hint(chosen, name), content[key])
        elif name in required(chosen):
            yield f"{where}: {key} is missing"


def value_faults(where: str, annotation: str, value: Any) -> Iterator[str]:
    """A value against the annotation of its field."""
    if isinstance(value, dict) and value.get("type") == "Expression":
        if "@" not in str(value.get("value")):
            yield f"{where}: {value} is no expression"
        return
    named = re.findall(r"_models\.(\w+)", annotation)
    if not named:
        plain = re.sub(r"typing\.Optional\[(.*)\]|<class '(.*)'>", r"\1\2", annotation)
        if plain in SCALARS and not isinstance(value, SCALARS[plain]):
            yield f"{where}: {value!r} is no {plain}"
        return
    kind = getattr(models, named[0])
    parts = {"": value}
    if isinstance(value, list):
        parts = {f"[{number}]": item for number, item in enumerate(value)}
    elif "dict[" in annotation:
        parts = {f".{key}": item for key, item in value.items()}
    for place, part in parts.items():
        if issubclass(kind, Enum):
            if part not in {member.value for member in kind}:
                yield f"{where}{place}: {part!r} is none of {sorted(member.value for member in kind)}"
        elif issubclass(kind, MODEL):
            yield from faults(where + place, kind, part)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_file_is_what_the_service_publishes(path: Path) -> None:
    content = json.loads(path.read_text())
    assert set(content) == {"name", "properties"}
    assert content["name"] == path.stem
    assert list(faults(path.stem, ROOTS[path.parent.name], content["properties"])) == []


def test_every_kind_is_there() -> None:
    assert {path.parent.name for path in FILES} == set(ROOTS)


COPY = ["activities", 0, "typeProperties", "ifTrueActivities", 1]


@pytest.mark.parametrize(
    ("path", "where", "key", "value", "said"),
    [
        ("pipeline/demand-forecast.json", ["activities", 1], "dependOn", [], "dependOn is not known"),
        ("pipeline/demand-forecast.json", COPY, "type", "Copi", "type Copi is not known"),
        ("pipeline/demand-forecast.json", [*COPY, "typeProperties"], "sink", None, "sink is missing"),
        ("pipeline/run-databricks-job.json", ["activities", 0, "typeProperties"], "method", "FETCH", "is none of"),
        ("dataset/raw_files.json", [], "linkedServiceName", None, "linkedServiceName is missing"),
        ("trigger/weekly.json", ["typeProperties", "recurrence"], "frequency", "Weekly", "'Weekly' is none of"),
        ("linkedService/lake.json", ["typeProperties"], "ulr", "x", "ulr is not known"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(path: str, where: list[Any], key: str, value: Any, said: str) -> None:
    file = INFRA / "data_factory" / path
    part = properties = json.loads(file.read_text())["properties"]
    for step in where:
        part = part[step]
    part.pop(key, None)
    if value is not None:
        part[key] = value
    found = list(faults("file", ROOTS[file.parent.name], properties))
    assert len(found) == 1
    assert said in found[0]
