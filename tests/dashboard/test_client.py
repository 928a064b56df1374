from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from dashboard.client import RETRY_PAUSES_SECONDS, ApiAway, ApiClient, ApiMismatch, ApiRefused
from models_ml.errors import DemandError

EMPTY = {"status": "empty", "age_days": None, "max_age_days": 8, "version": "empty", "stores": [], "runs": []}
PROBLEM = {
    "type": "urn:retail-demand:problem:unknown-item",
    "title": "Unknown item",
    "status": 404,
    "detail": "'X' is not forecast in any store.",
    "instance": "/forecast",
    "request_id": "1",
    "errors": [{"field": "item_id", "message": "'X' is not forecast", "allowed": None}],
}


def client(answer: Callable[[httpx.Request], httpx.Response], pauses: list[float] | None = None) -> ApiClient:
    return ApiClient(
        "http://api/",
        api_key="secret",  # pragma: allowlist secret
        transport=httpx.MockTransport(answer),
        pause=(pauses if pauses is not None else []).append,
    )


def test_reads_an_answer_and_sends_the_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=EMPTY)

    assert client(answer).status().status == "empty"
    assert seen[0].headers["X-API-Key"] == "secret"
    assert seen[0].url == "http://api/model/status"


def test_parameters_that_are_none_are_not_sent() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(404, json=PROBLEM)

    with pytest.raises(ApiRefused):
        client(answer).accuracy(None)
    assert seen == ["http://api/accuracy"]


def test_a_service_that_comes_back_is_asked_again() -> None:
    pauses: list[float] = []
    answers = [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=EMPTY)]

    def answer(_request: httpx.Request) -> httpx.Response:
        now = answers.pop(0)
        if isinstance(now, httpx.Response):
            return now
        raise now

    assert client(answer, pauses).status().status == "empty"
    assert pauses == list(RETRY_PAUSES_SECONDS)


@pytest.mark.parametrize(
    ("fault", "words"),
    [(httpx.ConnectError("refused"), "cannot be reached"), (httpx.ReadTimeout("slow"), "did not answer in time")],
)
def test_a_service_that_stays_away_is_said_in_words(fault: httpx.TransportError, words: str) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise fault

    with pytest.raises(ApiAway, match=words):
        client(answer).status()


def test_a_refusal_is_the_problem_in_words_and_is_not_repeated() -> None:
    asked = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(404, json=PROBLEM, headers={"content-type": "application/problem+json"})

    with pytest.raises(ApiRefused, match="not forecast in any store") as refused:
        client(answer).stores()
    assert refused.value.status == 404
    assert refused.value.kind == PROBLEM["type"]
    assert asked == 1


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (httpx.Response(401), ApiRefused, "DEMAND_API_KEY"),
        (httpx.Response(404, text="<html>"), ApiRefused, "does not know /model/status"),
        (httpx.Response(500, text="oops"), ApiAway, "failed at"),
        (httpx.Response(200, text="<html>"), ApiMismatch, "different versions"),
        (httpx.Response(200, json={**EMPTY, "new": 1}), ApiMismatch, "different versions"),
    ],
)
def test_other_answers_are_named(response: httpx.Response, kind: type[DemandError], words: str) -> None:
    with pytest.raises(kind, match=words):
        client(lambda _request: response).status()
