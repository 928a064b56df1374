"""What a process costs. Small on purpose: a process is charged with the peak memory of the one that starts it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time

from models_ml.settings import REPOSITORY


def run_measured(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak GB of a process and its children.

    Raises:
        RuntimeError: it failed; its last words are in the message.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=words, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode:
            words.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{words.read()[-3000:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
