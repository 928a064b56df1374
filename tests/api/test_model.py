from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from models_ml.prediction_store.publish import publish

from .conftest import MakeClient, World, assert_problem, make_run, pages_of


def test_status_names_runs_ages_and_scores(client: httpx.Client) -> None:
    body = client.get("/model/status").json()
    assert body["status"] == "fresh"
    assert [store["store_id"] for store in body["stores"]] == ["CA_1", "CA_2", "TX_1"]
    (run,) = body["runs"]
    assert run["wrmsse"] == pytest.approx(0.501)
    assert run["baseline_wrmsse"] == pytest.approx(0.8)
    assert run["active_stores"] == ["CA_1", "CA_2", "TX_1"]


def test_an_old_run_is_stale(world: World, client_with: MakeClient) -> None:
    old = (datetime.now(UTC) - timedelta(days=40_000)).replace(tzinfo=None)
    with world.engine.begin() as connection:
        connection.exec_driver_sql("update model_runs set published_at = ?", (old.isoformat(" "),))
        connection.exec_driver_sql("update active_runs set activated_at = ?", (old.isoformat(" "),))
    body = world.client.get("/model/status").json()
    assert body["status"] == "stale"
    assert body["age_days"] > 39_999
    assert world.client.get("/ready").json()["status"] == "stale"
    assert world.client.get("/ready").status_code == 200, "every instance would fail at once"
    asked = world.client.get("/ready", params={"fresh": "true"})
    assert (asked.status_code, asked.json()["status"]) == (503, "stale")
    assert world.client.get("/ready").status_code == 200


def test_the_ledger_has_every_run_newest_first(world: World) -> None:
    world.publish(2)
    challenger = make_run(3, role="challenger")
    publish(world.engine, challenger.run, challenger.frames, activate=False)
    runs = pages_of(world.client, "/model/runs", "runs", limit=1)
    assert [run["run_id"][-1] for run in runs] == ["3", "2", "1"]
    assert [run["active_stores"] for run in runs] == [[], ["CA_1", "CA_2", "TX_1"], []]
    only = world.client.get("/model/runs", params={"role": "challenger"}).json()
    assert [run["run_id"][-1] for run in only["runs"]] == ["3"]
    assert only["total"] == 1


def test_a_challenger_is_in_the_ledger_and_not_served(world: World) -> None:
    challenger = make_run(3, role="challenger")
    publish(world.engine, challenger.run, challenger.frames, activate=False)
    ask = {"item_id": "FOODS_1_001", "store_id": "CA_1"}
    assert world.client.get("/forecast", params=ask).json()["run"]["run_id"][-1] == "1"


def test_one_run_with_all_that_made_it(client: httpx.Client) -> None:
    body = client.get("/model/runs/run_0000000000000001").json()
    assert body["parameters"] == {"seed": 1, "rounds": 100}
    assert body["data_fingerprint"] == "test 1"
    assert body["forecast_rows"] == 280


def test_an_unknown_run_names_the_latest(client: httpx.Client) -> None:
    problem = assert_problem(client.get("/model/runs/none"), 404, "unknown-run")
    assert problem["errors"][0]["allowed"] == ["run_0000000000000001"]


def test_wrong_questions(client: httpx.Client) -> None:
    assert_problem(client.get("/model/runs", params={"status": "lost"}), 422, "invalid-request")
    assert_problem(client.get("/model/runs", params={"cursor": "WyJ4Il0"}), 409, "unusable-cursor")
    assert_problem(client.put("/model/status"), 405, "method-not-allowed")
