from __future__ import annotations

from datetime import datetime

import httpx
from sqlalchemy import insert

from models_ml.prediction_store.schema import quality_results

from .conftest import World, assert_problem


def test_suites_and_failures_first(client: httpx.Client) -> None:
    body = client.get("/quality").json()
    assert body["status"] == "warning"
    assert [(s["suite"], s["passed"], s["warnings"], s["errors"]) for s in body["suites"]] == [
        ("published", 1, 1, 0),
        ("raw", 1, 0, 0),
    ]
    assert [result["success"] for result in body["results"]] == [False, True, True]


def test_filters(client: httpx.Client) -> None:
    assert len(client.get("/quality", params={"suite": "raw"}).json()["results"]) == 1
    assert len(client.get("/quality", params={"failed": True}).json()["results"]) == 1
    assert len(client.get("/quality", params={"limit": 1}).json()["results"]) == 1


def test_without_checks_nothing_is_claimed(world: World) -> None:
    assert world.client.get("/quality").json() == {"status": "unknown", "suites": [], "results": []}


def test_only_the_newest_result_of_a_check_counts(world: World) -> None:
    def check(run_id: str, success: int, expectation: str) -> None:
        with world.engine.begin() as connection:
            connection.execute(
                insert(quality_results).values(
                    run_id=run_id,
                    suite="raw",
                    dataset="sales",
                    expectation=expectation,
                    severity="error",
                    success=success,
                    checked_at=datetime(2016, 5, 23),
                )
            )

    check("a", 0, "no nulls")
    check("a", 0, "dropped since")
    assert world.client.get("/quality").json()["status"] == "failed"
    check("b", 0, "no nulls")
    check("b", 1, "no nulls")
    body = world.client.get("/quality").json()
    assert body["status"] == "passed"
    assert [(r["run_id"], r["expectation"]) for r in body["results"]] == [("b", "no nulls")]


def test_wrong_questions(client: httpx.Client) -> None:
    assert_problem(client.get("/quality", params={"limit": 0}), 422, "invalid-request")
    assert_problem(client.get("/quality", params={"limit": 501}), 422, "invalid-request")
