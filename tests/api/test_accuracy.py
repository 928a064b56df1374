from __future__ import annotations

import httpx
import pytest

from .conftest import HORIZON, Published, World, assert_problem


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
    assert_problem(client.get("/accuracy/nodes", params={"run_id": "none"}), 404, "unknown-run")
    assert_problem(client.get("/accuracy/leads", params={"store_id": "none"}), 404, "unknown-store")
    problem = assert_problem(client.get("/accuracy/nodes", params={"fold": "2016-01-01"}), 404, "unknown-fold")
    assert problem["errors"][0]["allowed"] == ["2016-04-24", "2016-03-27"]


@pytest.mark.parametrize("fold", [None, "2016-03-27"])
def test_nodes_have_their_errors_over_the_folds_worst_first(
    client: httpx.Client, first_run: Published, fold: str | None
) -> None:
    body = client.get("/accuracy/nodes", params={"level": 9} | ({"fold": fold} if fold else {})).json()
    errors = first_run.errors["backtest_nodes"].merge(first_run.nodes[["node_id", "level"]], on="node_id")
    errors = errors[errors["level"] == 9]
    if fold:
        errors = errors[errors["fold"].astype(str) == fold]
    assert body["folds"] == sorted(errors["fold"].astype(str).unique(), reverse=True)
    own = errors[errors["model"] == "middle_out"].groupby("node_id")
    sums = own[["actual_units", "forecast_units", "absolute_error_units"]].sum().assign(rmsse=own["rmsse"].mean())
    naive = errors[errors["model"] == "seasonal_naive"].groupby("node_id")["rmsse"].mean()
    assert [node["node_id"] for node in body["nodes"]] == list(sums.sort_values("rmsse", ascending=False).index)
    for node in body["nodes"]:
        told = sums.loc[node["node_id"]]
        apart = told["forecast_units"] - told["actual_units"]
        assert node["rmsse"] == pytest.approx(told["rmsse"])
        assert node["baseline_rmsse"] == pytest.approx(naive[node["node_id"]])
        assert node["bias"] == pytest.approx(apart / told["actual_units"])
        daily = told["absolute_error_units"] / (HORIZON * len(body["folds"]))
        assert node["tracking_signal"] == pytest.approx(apart / daily)


def test_nodes_of_other_stores_are_left_out(client: httpx.Client) -> None:
    nodes = client.get("/accuracy/nodes", params={"level": 9, "store_id": "CA_1"}).json()["nodes"]
    assert {node["store_id"] for node in nodes} == {"CA_1"}


def test_lead_days_have_the_errors_of_each_model(client: httpx.Client, first_run: Published) -> None:
    body = client.get("/accuracy/leads", params={"level": 12}).json()
    errors = first_run.errors["backtest_leads"]
    sums = errors[errors["level"] == 12].groupby(["model", "lead_days"])[["actual_units", "absolute_error_units"]].sum()
    assert [(row["model"], row["lead_days"]) for row in body["leads"]] == list(sums.index)
    wape = sums["absolute_error_units"] / sums["actual_units"]
    assert [row["wape"] for row in body["leads"]] == pytest.approx(list(wape))
