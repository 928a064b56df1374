"""Work side by side in processes of its own: one waits for a disk or for one thread, another takes the core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that ends with the block; if an error leaves the block, what they still do is broken off."""
    # Spawned, not forked: LightGBM's and Arrow's threads do not survive a fork.
    context = get_context("spawn")
    others = set(context.active_children())
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=end_with_parent)
    try:
        yield pool
    except BaseException:
        for process in set(context.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """Have this process end when the one that started it was killed, whatever it is computing."""

    def wait() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()
