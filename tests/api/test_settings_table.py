"""The documents' table of the API's variables says what the settings say."""

from __future__ import annotations

from pathlib import Path

from api.settings import ApiSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating.md"


def table() -> list[str]:
    """A row for each variable of the API alone, in the order of the settings."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in ApiSettings.model_fields.items():
        if field.validation_alias is None:
            default = "" if field.default in (None, "") else f"`{field.default}`"
            rows.append(f"| `DEMAND_API_{name.upper()}` | {default} | {field.description} |")
    return rows


def test_every_variable_is_in_the_table_as_it_is() -> None:
    assert "\n".join(table()) in PAGE.read_text(encoding="utf-8")
