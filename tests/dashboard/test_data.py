"""How the pages ask the API what is served: one at a time, and ever more rarely while it is away."""

from __future__ import annotations

import datetime as dt
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard import data
from dashboard.client import ApiAway


class Api:
    """Answers, waits or is away, as a test says."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def status(self) -> Any:
        self.asked += 1
        self.entered.set()
        assert self.gate.wait(10)
        if self.away:
            raise ApiAway("The forecast service cannot be reached.")
        return SimpleNamespace(version="1", stores=["CA_1"], runs=[])

    def stores(self) -> Any:
        return SimpleNamespace(stores=[])

    def departments(self) -> Any:
        return SimpleNamespace(departments=[])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api, heard = Api(), data._Heard()
    monkeypatch.setattr(data, "client", lambda: api)
    monkeypatch.setattr(data, "_heard", lambda: heard)
    return api


def test_18_16_one_reader_asks_and_the_others_do_not_wait_for_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.serving()
    monkeypatch.setattr(data, "STATUS_TTL_SECONDS", 0.0)
    api.gate.clear()
    api.entered.clear()
    slow = threading.Thread(target=data.serving)
    slow.start()
    assert api.entered.wait(10)
    assert data.serving() is first
    assert slow.is_alive()
    api.gate.set()
    slow.join(10)
    assert api.asked == 2


def test_18_16_an_api_that_is_away_is_asked_ever_more_rarely(api: Api) -> None:
    start = dt.datetime(2016, 5, 22, tzinfo=dt.UTC)
    data.serving(lambda: start)
    api.away = True
    asked_after = []
    for seconds in range(6, 120):
        before, moment = api.asked, start + dt.timedelta(seconds=seconds)
        assert data.serving(partial(dt.datetime.fromtimestamp, moment.timestamp(), dt.UTC)).away is not None
        if api.asked > before:
            asked_after.append(seconds)
    assert asked_after == [6, 8, 12, 20, 35, 50, 65, 80, 95, 110]
    api.away = False
    assert data.serving(lambda: start + dt.timedelta(seconds=120)).away is not None
    data.look_again()
    assert data.serving(lambda: start + dt.timedelta(seconds=121)).away is None


def test_18_16_before_the_first_answer_the_reason_is_told_without_asking_each_time(api: Api) -> None:
    api.away = True
    start = dt.datetime(2016, 5, 22, tzinfo=dt.UTC)
    for _ in range(5):
        with pytest.raises(ApiAway, match="cannot be reached"):
            data.serving(lambda: start)
    assert api.asked == 1
