"""Reads command lines of `az` (JSON, a list of lists of words) and writes what azure-cli's own parser says of each.

An answer is empty, or why the command is refused, or `extension` where the group is not in azure-cli itself. Nothing is
run and nobody signs in. A process of its own: azure-cli has an environment of its own (`make lint-infra`).
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from azure.cli.core import get_default_cli

EXTENSIONS = {"ml", "datafactory"}


def answer(words: list[str]) -> str:
    """What the parser says of a command."""
    if words[0] in EXTENSIONS:
        return "extension"
    cli = get_default_cli()
    invoker = cli.invocation_cls(
        cli_ctx=cli, parser_cls=cli.parser_cls, commands_loader_cls=cli.commands_loader_cls, help_cls=cli.help_cls,
        initial_data={},
    )  # fmt: skip
    cli.invocation = invoker
    invoker.data["command_string"] = " ".join(words)
    loader = invoker.commands_loader
    loader.load_command_table(words)
    command = invoker._rudimentary_get_command(words)
    loader.command_name = command
    if command not in loader.command_table:
        return f"az knows no command {command}"
    invoker.data["command"] = command
    loader.load_arguments(command)
    invoker.parser.load_command_table(loader)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            invoker.parser.parse_args(words)
        except SystemExit as ended:
            return (said.getvalue().strip() or f"refused ({ended.code})")[-600:]
    return ""


print(json.dumps([answer(words) for words in json.load(sys.stdin)]))
