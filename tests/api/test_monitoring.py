from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import insert

from models_ml.prediction_store.schema import monitor_alarms, monitor_results

from .conftest import World, assert_problem

NOW = datetime(2016, 5, 23, 6)


def measure(world: World, metric: str, week: int, bad: int, run_id: str | None = None) -> None:
    with world.engine.begin() as connection:
        connection.execute(
            insert(monitor_results).values(
                metric=metric,
                subject="total",
                period_end=date(2016, 5, week),
                run_id=run_id,
                value=0.2,
                high=0.15,
                bad=bad,
                measured_at=NOW,
            )
        )


def alarm(world: World, subject: str, cleared_at: datetime | None) -> None:
    with world.engine.begin() as connection:
        connection.execute(
            insert(monitor_alarms).values(
                metric="bias",
                subject=subject,
                bad_weeks=3,
                weeks=4,
                last_week=date(2016, 5, 22),
                message="too high",
                raised_at=NOW,
                cleared_at=cleared_at,
            )
        )


def test_before_anything_is_measured_nothing_is_claimed(world: World) -> None:
    expected = {"status": "unknown", "measured_at": None, "alarms": [], "weeks": []}
    assert world.client.get("/monitoring").json() == expected


def test_alarms_that_hold_come_first_and_bad_weeks_too(world: World) -> None:
    measure(world, "wape", 22, 0)
    measure(world, "bias", 15, 1, "run_1")
    alarm(world, "total", None)
    alarm(world, "department:FOODS_1", NOW)
    body = world.client.get("/monitoring").json()
    assert (body["status"], body["measured_at"]) == ("alarm", "2016-05-23T06:00:00Z")
    assert [(a["subject"], a["cleared_at"]) for a in body["alarms"]] == [
        ("total", None),
        ("department:FOODS_1", "2016-05-23T06:00:00Z"),
    ]
    assert [(w["metric"], w["bad"], w["run_id"]) for w in body["weeks"]] == [
        ("bias", True, "run_1"),
        ("wape", False, None),
    ]


def test_filters(world: World) -> None:
    for week, bad in ((1, 1), (8, 0), (15, 0)):
        measure(world, "bias", week, bad)
    measure(world, "wape", 22, 0)
    assert world.client.get("/monitoring").json()["status"] == "passed"
    assert len(world.client.get("/monitoring", params={"metric": "bias"}).json()["weeks"]) == 3
    assert len(world.client.get("/monitoring", params={"bad": True}).json()["weeks"]) == 1
    newest = world.client.get("/monitoring", params={"metric": "bias", "limit": 2}).json()["weeks"]
    assert [w["period_end"] for w in newest] == ["2016-05-01", "2016-05-15"]


def test_wrong_questions(world: World) -> None:
    assert_problem(world.client.get("/monitoring", params={"limit": 0}), 422, "invalid-request")
    assert_problem(world.client.get("/monitoring", params={"metric": ""}), 422, "invalid-request")
