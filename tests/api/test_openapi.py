"""The OpenAPI document is complete, and does not change by accident.

After a change on purpose: `python -m tests.api.test_openapi` writes the golden file anew; its diff is reviewed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.main import create_app
from api.schemas.base import ITEM_EXAMPLE, STORE_EXAMPLE

from .conftest import ITEMS, STORES, settings_for

GOLDEN = Path(__file__).parent / "openapi.json"
SEED_ROUTES = {
    "/health",
    "/forecast",
    "/forecast/items",
    "/forecast/departments",
    "/forecast/history",
    "/model/status",
}
UNSTABLE_VERSION = "0"


def document() -> dict[str, Any]:
    """The document as production serves it, without the version, which changes with every release."""
    app = create_app(settings_for(Path("no-store.sqlite"), auth="on", keys_sha256="0" * 64))
    found: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    found["info"]["version"] = UNSTABLE_VERSION
    return found


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return document()


def _operations(api: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, methods in api["paths"].items() for method, op in methods.items()]


def test_it_is_the_golden_file(api: dict[str, Any]) -> None:
    assert api == json.loads(GOLDEN.read_text(encoding="utf-8")), (
        "The API's contract changed. If that is meant: python -m tests.api.test_openapi, and say so in CHANGELOG."
    )


def test_the_seed_routes_keep_their_names(api: dict[str, Any]) -> None:
    assert set(api["paths"]) >= SEED_ROUTES


def test_operation_ids_are_there_once_and_stable_in_form(api: dict[str, Any]) -> None:
    names = [op["operationId"] for _, _, op in _operations(api)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"(get|list|post|put)[A-Z]\w+", name) for name in names)


def test_every_operation_says_what_it_does_and_can_answer(api: dict[str, Any]) -> None:
    for path, method, op in _operations(api):
        where = f"{method} {path}"
        assert op["description"], where
        assert op["tags"], where
        assert {"200", "201"} & set(op["responses"]), where
        assert "500" in op["responses"], where
        for status, answer in op["responses"].items():
            assert answer["description"], f"{where} {status}"
            if status.startswith(("4", "5")) and not (path == "/ready" and status == "503"):
                assert list(answer["content"]) == ["application/problem+json"], f"{where} {status}"
        public = path in {"/", "/health", "/ready"}
        assert (op["security"] == []) is public, where
        if not public:
            assert "401" in op["responses"], where


def test_every_parameter_is_described_and_bounded(api: dict[str, Any]) -> None:
    for path, method, op in _operations(api):
        for parameter in op.get("parameters", []):
            where = f"{method} {path} {parameter['name']}"
            schema = parameter["schema"]
            variants = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
            for one in variants:
                text = json.dumps(parameter)
                assert '"description"' in text, where
                if one.get("type") == "string":
                    assert {"maxLength", "enum", "format", "const"} & set(one), where
                if one.get("type") == "integer":
                    assert {"minimum", "maximum"} <= set(one), where


def test_examples_are_series_of_the_demo() -> None:
    assert ITEM_EXAMPLE in ITEMS
    assert STORE_EXAMPLE in STORES


def test_no_shape_of_fastapi_that_is_never_answered(api: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(api)
    assert "ValidationError" not in api["components"]["schemas"]


def test_every_reference_leads_somewhere(api: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(api)))
    assert names <= set(api["components"]["schemas"])


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(document(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
