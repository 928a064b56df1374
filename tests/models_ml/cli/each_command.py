"""Call the command line again and again, each time in a fork: loading it takes longer than most refusals.

Arguments: a JSON list of command lines. Prints a JSON list of [exit code, what the command wrote on standard error];
the code is null of a command that had to be ended.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile

import models_ml.cli.main

SECONDS_AT_MOST = 120


def call(words: list[str]) -> tuple[int | None, str]:
    """One command in a process group of its own, which is gone afterwards."""
    ended, ends = os.pipe()
    with tempfile.TemporaryFile() as said:
        if (child := os.fork()) == 0:
            os.setpgid(0, 0)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(said.fileno(), 2)
            sys.argv = ["demand", *words]
            models_ml.cli.main.main()
            sys.exit(0)
        os.close(ends)
        in_time = bool(select.select([ended], [], [], SECONDS_AT_MOST)[0])
        if not in_time:
            os.killpg(child, signal.SIGKILL)
        os.close(ended)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return code if in_time else None, said.read().decode(errors="replace")


if __name__ == "__main__":
    print(json.dumps([call(words) for words in json.loads(sys.argv[1])]))
