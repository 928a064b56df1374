"""Reads command lines of `az` (JSON, a list of lists of words) and writes what azure-cli's own parser says of each.

An answer is empty, or why the command is refused, or `extension` where the group is not in azure-cli itself. Nothing is
run and nobody signs in. A process of its own: azure-cli has an environment of its own (`make lint-infra`).
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

from azure.cli.core import get_default_cli
from knack.util import CLIError

EXTENSIONS = {"ml", "datafactory"}


def answers(group: str, asked: list[list[str]]) -> list[str]:
    """What the parser says of the commands of a group, e.g. `acr`; its modules and its parser are made once."""
    if group in EXTENSIONS:
        return ["extension"] * len(asked)
    cli = get_default_cli()
    invoker = cli.invocation_cls(
        cli_ctx=cli, parser_cls=cli.parser_cls, commands_loader_cls=cli.commands_loader_cls, help_cls=cli.help_cls,
        initial_data={},
    )  # fmt: skip
    cli.invocation = invoker
    invoker.data["command_string"] = group
    loader = invoker.commands_loader
    loader.load_command_table(asked[0])
    commands = [invoker._rudimentary_get_command(words) for words in asked]
    for command in set(commands) & set(loader.command_table):
        loader.command_name = invoker.data["command"] = invoker.data["command_string"] = command
        loader.load_arguments(command)
    invoker.parser.load_command_table(loader)
    return [
        answer(invoker.parser, words) if command in loader.command_table else f"az knows no command {command}"
        for words, command in zip(asked, commands, strict=True)
    ]


def answer(parser: Any, words: list[str]) -> str:
    """What the parser says of a command."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parser.parse_args(words)
        except SystemExit as ended:
            return (said.getvalue().strip() or f"refused ({ended.code})")[-600:]
        except CLIError as refused:
            return str(refused)[-600:]
    return ""


given: list[list[str]] = json.load(sys.stdin)
said: dict[int, str] = {}
for group in {words[0] for words in given}:
    places = [place for place, words in enumerate(given) if words[0] == group]
    said.update(zip(places, answers(group, [given[place] for place in places]), strict=True))
print(json.dumps([said[place] for place in range(len(given))]))
