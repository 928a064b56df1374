"""README and docs/: short enough to read, and true of the commands, options, settings and routes that they name."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from api.main import create_app
from api.settings import ApiSettings
from models_ml.cli.main import app
from models_ml.settings import Settings

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
PAGES = [
    README,
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "SECURITY.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

BANNED = ("in order to", "it should be noted", "please note", "utilize", "leverage", "seamless", "cutting-edge",
          "simply ", "what all came to", "another one if they are", "tells its noise")  # fmt: skip
"""Turns of phrase that say nothing, or read as if translated."""

MOST_WORDS = 25
"""Words a sentence or clause, on average over a page."""


def prose(page: Path) -> str:
    """Text without blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Words of each `demand ...` in a shell block, or in backticks, of a page."""
    text = page.read_text()
    lines = [
        part
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        for part in re.split(r"&&|\|", line.partition(" #")[0])
    ]
    lines += re.findall(r"`(demand [^`]+)`", prose(page).replace("\n", " "))
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        names = [place for place, word in enumerate(words) if word in ("demand", ".venv/bin/demand")]
        if names:
            found.append(words[names[0] + 1 :])
    return found


def test_readme_is_read_in_two_minutes() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert len(text.encode()) <= 9 * 1024
    first, second = re.findall(r"^(make \w+)", text, re.MULTILINE)[:2]
    assert (first, second) == ("make demo", "make test")


@EVERY_PAGE
def test_commands_are_there_with_these_options(page: Path) -> None:
    for words in commands(page):
        command: Any = typer.main.get_command(app)
        rest = list(words)
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, f"demand {' '.join(words)}"
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        options = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert options <= known | {"--help"}, f"demand {' '.join(words)}"


@cache
def settings() -> set[str]:
    """Every variable that is read."""
    named = {f"DEMAND_{name.upper()}" for name in Settings.model_fields}
    for name, field in ApiSettings.model_fields.items():
        named.add(str(field.validation_alias or f"DEMAND_API_{name}").upper())
    return named


@EVERY_PAGE
def test_settings_are_there(page: Path) -> None:
    other = {"DEMAND_LAKE_ENDPOINT", "DEMAND_LAKE_SAS", "DEMAND_API_URL"}
    text = page.read_text()
    named = {name for name in re.findall(r"DEMAND_[A-Z0-9_]+[A-Z0-9]", text) if f"{name}_*" not in text}
    assert named - settings() - other == set()


def test_every_setting_is_documented() -> None:
    table = (REPOSITORY / "docs" / "operating.md").read_text()
    assert {name for name in settings() if f"`{name}`" not in table} == set()


@EVERY_PAGE
def test_make_targets_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)) <= targets


@EVERY_PAGE
def test_routes_are_there(page: Path) -> None:
    routes = set(create_app(ApiSettings(auth="off")).openapi()["paths"])
    other = {"/docs", "/metrics"}
    named = set(re.findall(r"`(?:GET |POST |PUT )?(/[a-z][a-z/-]*)[?`]", page.read_text()))
    assert named - routes - other == set()


@EVERY_PAGE
def test_words(page: Path) -> None:
    text = prose(page)
    assert [turn for turn in BANNED if turn in text.lower()] == []
    running = re.sub(r"^[|#].*$", "", text, flags=re.MULTILINE)
    sentences = [part.split() for part in re.split(r"(?<=[.!?:;])\s+|\n- |\n\n", running) if part.strip()]
    assert sum(map(len, sentences)) / len(sentences) <= MOST_WORDS


def test_what_github_expects_is_there_and_can_be_read() -> None:
    for form in ("fault", "wish"):
        body = yaml.safe_load((REPOSITORY / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml").read_text())
        assert {"name", "description", "body"} <= body.keys()
    assert (REPOSITORY / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text().count("- [ ]") >= 2
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert citation["license"] == project["license"]
    container = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
    assert container["forwardPorts"] == [ApiSettings.model_fields["port"].default, 8501]
