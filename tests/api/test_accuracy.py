from __future__ import annotations

import httpx
import pytest

from .conftest import World, assert_problem


def test_all_figures_beside_the_baseline(client: httpx.Client) -> None:
    body = client.get("/accuracy").json()
    assert len(body["values"]) == 2 * 2 * 13 * 2
    scores = {(row["metric"], row["model"]): row for row in body["summary"]}
    assert scores["wrmsse", "middle_out"]["value"] == pytest.approx(0.501)
    assert scores["wrmsse", "seasonal_naive"]["value"] == pytest.approx(0.8)
    assert scores["wrmsse", "middle_out"]["folds"] == 2


def test_filters(client: httpx.Client) -> None:
    asked = {"metric": "wrmsse", "level": 9, "fold": "2016-04-24"}
    values = client.get("/accuracy", params=asked).json()["values"]
    assert [(v["model"], v["level"], v["fold"]) for v in values] == [
        ("middle_out", 9, "2016-04-24"),
        ("seasonal_naive", 9, "2016-04-24"),
    ]


def test_the_run_can_be_named_or_follow_from_the_store(world: World) -> None:
    world.publish(2, stores=("TX_1",))

    def run(**parameters: str) -> str:
        return str(world.client.get("/accuracy", params=parameters).json()["run"]["run_id"])

    assert run()[-1] == "1"
    assert run(store_id="TX_1")[-1] == "2"
    assert run(run_id="run_0000000000000002")[-1] == "2"


def test_unknown_names(client: httpx.Client) -> None:
    assert_problem(client.get("/accuracy", params={"run_id": "none"}), 404, "unknown-run")
    assert_problem(client.get("/accuracy", params={"store_id": "none"}), 404, "unknown-store")
    assert_problem(client.get("/accuracy", params={"metric": "mape"}), 422, "invalid-request")
    assert_problem(client.get("/accuracy", params={"level": 13}), 422, "invalid-request")
