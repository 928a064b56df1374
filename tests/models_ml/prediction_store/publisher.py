"""A publisher in a process of its own, for tests that kill it. Run as a script, not collected.

Reads one job a line (JSON) from standard input, forks a child that does it, answers one line when the child has
ended. Forking from a process that has everything imported makes a hundred killed publishers affordable.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from datetime import date
from typing import Any

from sqlalchemy import Engine, event

from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.publish import publish
from tests.synthetic import synthetic_run

SHAPE: dict[str, Any] = {"items": 3, "horizon_days": 7, "history_days": 14, "origin": date(2016, 5, 22)}


engines: dict[tuple[str, str | None], Engine] = {}
"""Engines of jobs done without a fork: a child starts with their compiled statements."""


def engine_of(job: dict[str, Any]) -> Engine:
    """The engine of the job's store."""
    address = (job["url"], job.get("schema"))
    if address not in engines:
        engines[address] = make_engine(address[0], schema=address[1])
    return engines[address]


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Publish the job's seeds one after the other, killing ourselves at the point that it names."""
    if job.get("file_bytes"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_bytes"], resource.RLIM_INFINITY))
    engine = engine_of(job)
    points = 0

    def point(*_arguments: Any) -> None:
        nonlocal points
        points += 1
        if points == job.get("kill_at"):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", point)
    event.listen(engine, "after_cursor_execute", point)
    commit = engine.dialect.do_commit

    def commit_between_points(connection: Any) -> None:
        point()
        commit(connection)
        point()

    engine.dialect.do_commit = commit_between_points  # type: ignore[method-assign]
    said = []
    for seed in job["seeds"]:
        shape = {**SHAPE, **job.get("shape", {}), "stores": tuple(job.get("stores", ("CA_1", "TX_1")))}
        run, frames = synthetic_run(seed=seed, **shape)
        try:
            said.append(publish(engine, run, frames, batch_rows=job.get("batch_rows", 20)).outcome)
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return {"said": said, "points": points}


def main() -> None:
    """Serve jobs until the input ends.

    `wait: false` answers at once and `{"wait_for": pid}` waits later; `warm: true` works without a fork.
    """
    pipes: dict[int, int] = {}
    for line in sys.stdin:
        job = json.loads(line)
        if "wait_for" in job:
            answer(job["wait_for"], pipes.pop(job["wait_for"]))
            continue
        if job.get("warm"):
            outcome = work(job)
            engine_of(job).dispose()
            print(json.dumps(outcome), flush=True)
            continue
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            os.write(write_end, json.dumps(work(job)).encode())
            os._exit(0)
        os.close(write_end)
        if job.get("wait", True):
            if "kill_after" in job:
                time.sleep(job["kill_after"])
                os.kill(child, signal.SIGKILL)
            answer(child, read_end)
        else:
            pipes[child] = read_end
            print(json.dumps({"pid": child}), flush=True)


def answer(child: int, read_end: int) -> None:
    """Say how a child ended, and what it reported before."""
    with os.fdopen(read_end, "rb") as pipe:
        reported = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    print(json.dumps({"killed": killed, "status": status, **json.loads(reported or b"{}")}), flush=True)


if __name__ == "__main__":
    main()
