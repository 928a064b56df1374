"""Webhooks against a real receiver: signed, repeated until received, never a reason for a job to fail."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select, update

from models_ml.errors import InputError, PublishError
from models_ml.job import webhooks
from models_ml.prediction_store import pointers, runs
from models_ml.prediction_store.engine import make_engine
from models_ml.prediction_store.migrate import upgrade
from models_ml.prediction_store.publish import publish
from models_ml.prediction_store.schema import webhook_events
from models_ml.prediction_store.transactions import reading, writing
from models_ml.settings import Settings
from tests.conftest import demand
from tests.synthetic import synthetic_run

SECRET = "between us"  # pragma: allowlist secret


@dataclass
class Receiver:
    """What arrived, and how to answer: the statuses in turn, then 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on this machine."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def settings_of(home: Path, url: str | None) -> Settings:
    return Settings(home=home, webhook_url=url, webhook_secret=SecretStr(SECRET))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A store in which two runs were published, one after the other."""
    engine = make_engine(Settings(home=tmp_path).effective_store_url)
    upgrade(engine)
    for seed in (1, 2):
        publish(engine, *synthetic_run(stores=("CA_1", "TX_1"), seed=seed, items=2, horizon_days=7, history_days=14))
    yield engine
    engine.dispose()


def test_21_4_each_publish_is_told_once_it_is_signed_and_in_order(
    engine: Engine, tmp_path: Path, receiver: Receiver
) -> None:
    done = webhooks.deliver(engine, settings_of(tmp_path, receiver.url))
    assert (done.sent, done.waiting, done.error) == (2, 0, None)
    told = receiver.events()
    with reading(engine) as connection:
        served = pointers.current(connection, ["CA_1", "TX_1"])
    assert [one["action"] for one in told] == ["publish", "publish"]
    assert {told[1]["run_id"]} == set(served.values())
    assert told[1]["stores"] == ["CA_1", "TX_1"]
    for headers, body in receiver.got:
        signed = headers["x-demand-timestamp"].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["x-demand-signature"] == f"sha256={expected}"
        assert headers["x-demand-event"] == json.loads(body)["event_id"]
    assert webhooks.deliver(engine, settings_of(tmp_path, receiver.url)).sent == 0
    runs.rollback(engine, ["CA_1"], reason="x")
    webhooks.deliver(engine, settings_of(tmp_path, receiver.url))
    assert (receiver.events()[2]["action"], receiver.events()[2]["stores"]) == ("rollback", ["CA_1"])


def test_21_4_what_is_not_received_is_sent_again_under_the_same_id(
    engine: Engine, tmp_path: Path, receiver: Receiver
) -> None:
    waited: list[float] = []
    receiver.statuses = [500, 429, 204]
    assert webhooks.deliver(engine, settings_of(tmp_path, receiver.url), waited.append).error is None
    ids = [one["event_id"] for one in receiver.events()]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert waited == [1.0, 2.0]


def test_21_4_events_wait_for_a_receiver_that_is_away(engine: Engine, tmp_path: Path, receiver: Receiver) -> None:
    away = settings_of(tmp_path, "http://127.0.0.1:9/hook")
    waited: list[float] = []
    done = webhooks.deliver(engine, away, waited.append)
    assert (done.sent, done.waiting) == (0, 2)
    assert waited == list(webhooks.WAITS_SECONDS)
    with reading(engine) as connection:
        rows = connection.execute(select(webhook_events).order_by(webhook_events.c.created_at)).all()
    assert [(row.attempts, row.delivered_at, bool(row.last_error)) for row in rows] == [
        (4, None, True), (0, None, False),
    ]  # fmt: skip
    receiver.statuses = [400]  # of no use to try again at once
    assert webhooks.deliver(engine, settings_of(tmp_path, receiver.url), waited.append).error is not None
    assert len(waited) == 3
    assert webhooks.deliver(engine, settings_of(tmp_path, receiver.url)).sent == 2
    assert [one["event_id"] for one in receiver.events()] == [rows[0].event_id, *(row.event_id for row in rows)]


def test_21_4_a_receiver_of_a_later_week_is_not_told_old_news(
    engine: Engine, tmp_path: Path, receiver: Receiver
) -> None:
    with writing(engine) as connection:
        made = webhook_events.c.created_at
        first = connection.execute(select(made).order_by(made)).scalars().all()[0]
        connection.execute(
            update(webhook_events).where(webhook_events.c.created_at == first).values(created_at=first - timedelta(8))
        )
    assert webhooks.deliver(engine, settings_of(tmp_path, receiver.url)).sent == 1


def test_21_4_a_publish_that_is_taken_back_is_not_told(engine: Engine) -> None:
    def taken_back() -> None:
        with writing(engine) as connection:
            served = pointers.current(connection, ["CA_1"])
            pointers.move(connection, str(served["CA_1"]), served, "promote", None)
            raise PublishError("at the last moment")

    with pytest.raises(PublishError):
        taken_back()
    with reading(engine) as connection:
        assert connection.execute(select(webhook_events.c.action)).scalars().all() == ["publish", "publish"]


def test_21_4_a_job_goes_on_without_its_receiver(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "WAITS_SECONDS", ())
    assert webhooks.after_publish(Settings(home=tmp_path)) == []
    note = webhooks.after_publish(settings_of(tmp_path, "http://127.0.0.1:9/hook"))
    assert "2 webhook events were not received" in note[0]
    without = Settings(home=tmp_path, webhook_url="http://127.0.0.1:9/hook")
    assert "DEMAND_WEBHOOK_SECRET is not set" in webhooks.after_publish(without)[0]
    with pytest.raises(InputError, match="is no address"):
        webhooks.target(settings_of(tmp_path, "ftp://x"))


def test_21_4_webhooks_test_says_whether_it_was_received(engine: Engine, tmp_path: Path, receiver: Receiver) -> None:
    configured = {"DEMAND_WEBHOOK_URL": receiver.url, "DEMAND_WEBHOOK_SECRET": SECRET}
    done = demand("webhooks", "test", home=tmp_path, environment=configured)
    assert done.returncode == 0, done.stderr
    assert receiver.events()[0]["event"] == "test"
    receiver.statuses = [403]
    refused = demand("webhooks", "test", home=tmp_path, environment=configured)
    assert refused.returncode != 0
    assert "the receiver answered 403" in " ".join(refused.stderr.split())
    assert SECRET not in refused.stderr
    sent = demand("webhooks", "deliver", home=tmp_path, environment=configured)
    assert sent.stdout == "2 events received, 0 waiting\n"
