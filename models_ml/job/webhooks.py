"""A signed webhook for each change of what is served: sent until it is received, so at least once.

The event is stored in the transaction that moves the pointers (`prediction_store.pointers`). It is sent afterwards,
oldest first; what nobody received is sent again by the next job, or by `demand webhooks deliver`. A receiver knows a
repeated event by its id, and the sender by the signature: HMAC-SHA256 over the timestamp, a dot and the body. Events
that nobody received within a week are given up.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, select, update

from models_ml.errors import InputError, StoreError
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.records import utc_now
from models_ml.prediction_store.schema import webhook_events
from models_ml.prediction_store.transactions import reading, writing
from models_ml.settings import Settings

WAITS_SECONDS = (1.0, 2.0, 4.0)
"""Between the attempts to send one event."""

TIMEOUT_SECONDS = 10.0
LONGEST_WAIT = timedelta(days=7)
"""Older events are not sent: what is served has changed since."""

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Delivery:
    """What became of the events that waited.

    Attributes:
        sent: how many were received.
        waiting: how many still wait.
        error: why the first of them was not received; None if all were.
    """

    sent: int
    waiting: int
    error: str | None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The header `X-Demand-Signature` of a body sent at a time (seconds since 1970)."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def target(settings: Settings) -> tuple[str, str]:
    """Where events are sent, and the secret that signs them.

    Raises:
        InputError: one of the two is not configured, or the address is none.
    """
    if not settings.webhook_url or settings.webhook_secret is None:
        missing = "DEMAND_WEBHOOK_SECRET" if settings.webhook_url else "DEMAND_WEBHOOK_URL"
        raise InputError(f"{missing} is not set; a webhook needs DEMAND_WEBHOOK_URL and DEMAND_WEBHOOK_SECRET.")
    if not settings.webhook_url.startswith(("https://", "http://")):
        raise InputError(f"DEMAND_WEBHOOK_URL: {settings.webhook_url!r} is no address; give https://...")
    return settings.webhook_url, settings.webhook_secret.get_secret_value()


def send(url: str, secret: str, event: dict[str, Any], sleep: Sleep = time.sleep) -> tuple[str | None, int]:
    """Send one event, with retries where it may help.

    Returns:
        What went wrong in the end (None: the receiver answered 2xx), and the number of attempts.
    """
    body = json.dumps(event, sort_keys=True, separators=(",", ":")).encode()
    error: str | None = None
    for attempt in range(1, len(WAITS_SECONDS) + 2):
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Demand-Event": str(event["event_id"]),
            "X-Demand-Timestamp": timestamp,
            "X-Demand-Signature": signature(secret, timestamp, body),
        }
        try:
            answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            error, helps = f"{type(fault).__name__}: {fault}", not isinstance(fault, httpx.InvalidURL)
        else:
            if answer.is_success:
                return None, attempt
            error, helps = f"the receiver answered {answer.status_code}", answer.status_code in (408, 425, 429) or (
                answer.status_code >= 500
            )  # fmt: skip
        if not helps or attempt > len(WAITS_SECONDS):
            return error, attempt
        sleep(WAITS_SECONDS[attempt - 1])
    raise AssertionError("unreachable: the last attempt returns")


def deliver(engine: Engine, settings: Settings, sleep: Sleep = time.sleep) -> Delivery:
    """Send the events that wait, oldest first, until one is not received.

    Raises:
        InputError: no webhook is configured.
        StoreError: the store cannot be read or written.
    """
    url, secret = target(settings)
    recent = webhook_events.c.created_at >= utc_now() - LONGEST_WAIT
    waits = webhook_events.c.delivered_at.is_(None) & recent
    with reading(engine) as connection:
        order = (webhook_events.c.created_at, webhook_events.c.event_id)
        waiting = connection.execute(select(webhook_events).where(waits).order_by(*order)).all()
    for number, row in enumerate(waiting):
        error, attempts = send(url, secret, event_of(row), sleep)
        done = {
            "attempts": row.attempts + attempts,
            "last_error": None if error is None else error[:1000],
            "delivered_at": utc_now() if error is None else None,
        }
        with writing(engine) as connection:
            of_event = webhook_events.c.event_id == row.event_id
            connection.execute(update(webhook_events).where(of_event, waits).values(**done))
        if error is not None:
            return Delivery(number, len(waiting) - number, error)
    return Delivery(len(waiting), 0, None)


def event_of(row: Any) -> dict[str, Any]:
    """An event as it is sent."""
    return {
        "event_id": row.event_id,
        "event": "forecast.served",
        "action": row.action,
        "run_id": row.run_id,
        "stores": list(row.stores),
        "created_at": row.created_at.replace(tzinfo=UTC).isoformat(),
    }


def probe_event() -> dict[str, Any]:
    """An event that tells of nothing."""
    return {
        "event_id": f"evt_{uuid.uuid4().hex}",
        "event": "test",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def after_publish(settings: Settings) -> list[str]:
    """Send what waits, where a webhook is configured; never a reason for a job to fail.

    Returns:
        A note if something was not received.
    """
    if not settings.webhook_url:
        return []
    engine = make_engine(settings.effective_store_url)
    try:
        done = deliver(engine, settings)
    except (InputError, StoreError) as error:
        return [f"Nobody was told by webhook: {error}"]
    finally:
        engine.dispose()
    if done.error is None:
        return []
    return [
        f"{done.waiting} webhook events were not received ({done.error}). They are sent again by the next run, or by "
        "`demand webhooks deliver`."
    ]
