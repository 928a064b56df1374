"""Every `az` line of infra/README.md, the scripts and the workflows, parsed by azure-cli itself."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from itertools import pairwise

import pytest
import yaml

from tests.infra import INFRA, REPOSITORY

pytestmark = pytest.mark.infra

PYTHON = REPOSITORY / ".venv-az" / "bin" / "python"
PARSER = REPOSITORY / "tests" / "infra" / "az" / "parse.py"


def texts() -> list[tuple[str, str]]:
    """Where commands are written: the README's blocks, scripts, steps of workflows, provisioners."""
    found = [
        ("README.md", block) for block in re.findall(r"```bash\n(.*?)```", (INFRA / "README.md").read_text(), re.S)
    ]
    found += [(path.name, path.read_text()) for path in sorted(INFRA.glob("*.sh"))]
    for path in sorted((REPOSITORY / ".github" / "workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            found += [(path.name, step["run"]) for step in job.get("steps", []) if "run" in step]
    for path in sorted((INFRA / "terraform").rglob("main.tf")):
        found += [(path.parent.name, text) for text in re.findall(r'command = "(az .*)"', path.read_text())]
    return found


def without_substitutions(text: str) -> str:
    """`$(...)`, `${...}` and `$x` as a word `value`."""
    while (start := text.find("$(")) >= 0:
        depth, end = 1, start + 2
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = text[:start] + "value" + text[end:]
    text = re.sub(r'"?\$\{slot\[@\]\}"?', "--slot next", text)
    return re.sub(r"\$\{[^}]*\}|\$\w+", "value", text)


def words_of(text: str) -> list[str]:
    """The words of the command that a text begins with, up to its end as a shell sees it."""
    words, word, quote, open_word = [], "", "", False
    for place, letter in enumerate(text):
        if quote:
            if letter == quote and text[place - 1] != "\\":
                quote = ""
            else:
                word += letter
        elif letter in "'\"":
            quote, open_word = letter, True
        elif letter.isspace() or letter in "|&;)<>":
            if word or open_word:
                words.append(word)
            word, open_word = "", False
            if letter not in " \t":
                break
        else:
            word += letter
    return [*words, word] if word else words


def commands(text: str) -> list[list[str]]:
    """The words of every `az` command, those in substitutions too."""
    text = re.sub(r"(?m)(^|\s)#.*$", r"\1", text.replace("\\\n", " "))
    found = []
    for match in re.finditer(r"(?:^|[\s(;'])(az [a-z])", text):
        piece = text[match.start(1) :]
        if match[0].startswith("'"):  # of a trap
            piece = piece.split("'")[0]
        words = words_of(without_substitutions(piece))
        # what is left of `2>/dev/null` is a word `2`; JSON that a shell would make is an empty object
        given = [word for word in words[1:] if word != "2"]
        found.append(["{}" if before == "--parameters" else word for before, word in pairwise(["", *given])])
    return found


@cache
def answers() -> dict[tuple[str, tuple[str, ...]], str]:
    """What azure-cli says of each command."""
    asked = [(place, tuple(words)) for place, text in texts() for words in commands(text)]
    done = subprocess.run(
        [PYTHON, PARSER], input=json.dumps([words for _, words in asked]), capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(asked, json.loads(done.stdout), strict=True))


def asked() -> list[tuple[str, tuple[str, ...]]]:
    """Each command once."""
    return sorted({(place, tuple(words)) for place, text in texts() for words in commands(text)})


@pytest.mark.parametrize("command", asked(), ids=lambda one: f"{one[0]}: {' '.join(one[1][:4])}")
def test_command_is_what_az_takes(command: tuple[str, tuple[str, ...]]) -> None:
    said = answers()[command]
    if said == "extension":
        pytest.skip(f"azure-cli's extension {command[1][0]} is not to be had as a package")
    assert said == "", f"{command[0]}: az {' '.join(command[1])}"


def test_there_are_commands_and_a_mistake_is_found() -> None:
    assert len(asked()) > 40
    wrong = [["acr", "build", "--registy", "x"], ["acr", "biuld"], ["webapp", "restart", "--name", "x"]]
    done = subprocess.run([PYTHON, PARSER], input=json.dumps(wrong), capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert all(said), said
    assert "--registy" in said[0] or "required" in said[0]
    assert "resource-group" in said[2]
