"""Who is writing a run: a claim with a token, which fences off every other publisher of the same run."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from models_ml.errors import PublishError
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import publish_claims

LEASE = timedelta(minutes=5)
"""A publisher on another machine that has not been heard of for this long is taken for dead."""


@dataclass(frozen=True)
class Claim:
    """The right to write one run; it ends when another publisher takes the run over."""

    run_id: str
    token: str

    def beat(self, connection: Connection, batch: int) -> bool:
        """Take the claim's lock for this transaction and count the batch.

        Returns False when this very batch is stored already: the server has its commit, its answer was lost.

        Raises:
            PublishError: another publisher has taken the run over.
        """
        mine = (publish_claims.c.run_id == self.run_id) & (publish_claims.c.token == self.token)
        moved = connection.execute(
            update(publish_claims)
            .where(mine, publish_claims.c.batches == batch - 1)
            .values(batches=batch, heartbeat_at=utc_now())
        )
        if moved.rowcount == 1:
            return True
        stored = connection.execute(select(publish_claims.c.batches).where(mine)).scalar_one_or_none()
        if stored == batch:
            return False
        raise taken_over(self.run_id)

    def hold(self, connection: Connection) -> None:
        """Take the claim's lock for this transaction.

        Raises:
            PublishError: another publisher has taken the run over.
        """
        held = connection.execute(
            update(publish_claims)
            .where(publish_claims.c.run_id == self.run_id, publish_claims.c.token == self.token)
            .values(heartbeat_at=utc_now())
        )
        if held.rowcount != 1:
            raise taken_over(self.run_id)

    def release(self, connection: Connection) -> bool:
        """Give the claim up; False when it is not ours any more."""
        gone = connection.execute(
            delete(publish_claims).where(publish_claims.c.run_id == self.run_id, publish_claims.c.token == self.token)
        )
        return gone.rowcount == 1


def taken_over(run_id: str) -> PublishError:
    """The refusal of a publisher whose claim another one holds now."""
    return PublishError(
        f"{run_id}: another publisher has taken this run over. Nothing was published here; "
        "see `demand runs list` for its outcome."
    )


def new(run_id: str) -> Claim:
    """A claim that is not made yet: its token is drawn first, so that a repeated transaction knows its own."""
    return Claim(run_id, uuid.uuid4().hex)


def take(connection: Connection, claim: Claim) -> None:
    """Claim a run, from whoever had it (the caller has seen that they are dead)."""
    run_id = claim.run_id
    now = utc_now()
    connection.execute(delete(publish_claims).where(publish_claims.c.run_id == run_id))
    connection.execute(
        insert(publish_claims).values(
            run_id=run_id,
            token=claim.token,
            host=_host(),
            process_id=os.getpid(),
            process_started=_started(os.getpid()),
            claimed_at=now,
            heartbeat_at=now,
            batches=0,
        )
    )


def holder(connection: Connection, run_id: str) -> Row[Any] | None:
    """The claim on a run, if there is one."""
    return connection.execute(select(publish_claims).where(publish_claims.c.run_id == run_id)).one_or_none()


def is_alive(claim: Row[Any], lease: timedelta = LEASE) -> bool:
    """Whether the claim's publisher may still be at work.

    On this machine its process is looked for, so that a killed run can be repeated at once; elsewhere the
    heartbeat of its last batch decides.
    """
    if claim.host == _host():
        return bool(_started(claim.process_id) == claim.process_started != "")
    return bool(utc_now() - claim.heartbeat_at < lease)


def _host() -> str:
    """This machine, and on Linux this process namespace (two containers may share a host name)."""
    namespace = Path("/proc/self/ns/pid")
    return socket.gethostname() + (f" {namespace.readlink()}" if namespace.is_symlink() else "")


def _started(process_id: int) -> str:
    """When a process started, so that a reused process id is not taken for it; empty when there is none."""
    stat = Path(f"/proc/{process_id}/stat")
    if stat.is_file():
        # Fields after the command's closing bracket: state is the first (0), starttime the 20th (19).
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "running"
    return "running"
