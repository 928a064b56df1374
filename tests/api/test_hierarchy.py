from __future__ import annotations

from collections import defaultdict

import httpx
import numpy as np
import pytest
from scipy import optimize, stats

from api.queries.hierarchy import KEYS_OF_LEVEL, LEVEL_NAMES
from models_ml.hierarchy.aggregation import LEVELS, node_ids

from .conftest import HORIZON, Published, World, assert_problem, pages_of


def test_levels_are_those_of_the_evaluation() -> None:
    assert [(level.name, level.keys) for level in LEVELS] == list(KEYS_OF_LEVEL.items())


@pytest.mark.parametrize("level", range(1, 13))
def test_every_level_adds_up_to_the_series(client: httpx.Client, first_run: Published, level: int) -> None:
    merged = first_run.forecasts.merge(first_run.series, on=["store_id", "item_id"])
    merged["node_id"] = node_ids(merged, LEVELS[level - 1])
    expected = merged.groupby(["node_id", "target_date"])["mean"].sum()
    nodes = pages_of(client, "/forecast/hierarchy", "nodes", level=level, limit=2)
    assert sorted(node["node_id"] for node in nodes) == sorted(merged["node_id"].unique())
    for node in nodes:
        assert node["level_name"] == LEVEL_NAMES[level - 1]
        assert len(node["days"]) == HORIZON
        got = [day["mean"] for day in node["days"]]
        assert got == pytest.approx(list(expected[node["node_id"]]))
        assert node["forecast_units"] == pytest.approx(sum(got))


@pytest.mark.parametrize("level", range(1, 13))
def test_each_node_can_be_asked_for_by_its_id(client: httpx.Client, level: int) -> None:
    for node in client.get("/forecast/hierarchy", params={"level": level}).json()["nodes"]:
        body = client.get("/forecast/hierarchy", params={"node_id": node["node_id"]}).json()
        assert [one["node_id"] for one in body["nodes"]] == [node["node_id"]]
        assert body["level"] == level
        assert body["nodes"][0]["days"] == node["days"]


def test_quantiles_of_sums_of_items_are_null(client: httpx.Client) -> None:
    for level, has in ((9, True), (10, False), (11, False), (12, True)):
        node = client.get("/forecast/hierarchy", params={"level": level, "limit": 1}).json()["nodes"][0]
        assert all((day["quantiles"] is not None) is has for day in node["days"])


def test_history_of_nodes_and_items(client: httpx.Client, first_run: Published) -> None:
    body = client.get("/forecast/hierarchy", params={"level": 3, "history_days": 30}).json()
    past = first_run.node_history.set_index(["node_id", "date"])["units"]
    for node in body["nodes"]:
        assert len(node["history"]) == 30
        assert [day["units"] for day in node["history"]] == list(past[node["node_id"]].iloc[-30:])
    sums: dict[str, float] = defaultdict(float)
    for row in first_run.history.itertuples():
        sums[row.item_id] += row.units  # type: ignore[index, operator]
    body = client.get("/forecast/hierarchy", params={"level": 10, "history_days": 728}).json()
    assert {node["item_id"]: sum(day["units"] for day in node["history"]) for node in body["nodes"]} == sums


def test_filters_walk_down(client: httpx.Client) -> None:
    def ids(**parameters: object) -> list[str]:
        body = client.get("/forecast/hierarchy", params=parameters).json()  # type: ignore[arg-type]
        return [node["node_id"] for node in body["nodes"]]

    assert ids() == ["total"]
    assert ids(level=2) == ["region:CA", "region:TX"]
    assert ids(level=9, store_id="TX_1") == ["store_department:TX_1|FOODS_1", "store_department:TX_1|FOODS_3"]
    assert ids(level=12, store_id="CA_1", department_id="FOODS_1") == [
        "item_store:FOODS_1_001|CA_1",
        "item_store:FOODS_1_002|CA_1",
    ]
    assert ids(level=10, category_id="HOBBIES") == ["item:HOBBIES_1_001"]


def test_a_filter_that_a_level_does_not_have_is_refused(client: httpx.Client) -> None:
    answer = client.get("/forecast/hierarchy", params={"level": 5, "store_id": "CA_1"})
    assert_problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("node_id", ["store", "store:", "shop:CA_1", "store:CA_1|FOODS", "total:x", "store:WI_9|"])
def test_a_name_of_no_form_lists_the_forms(client: httpx.Client, node_id: str) -> None:
    problem = assert_problem(client.get("/forecast/hierarchy", params={"node_id": node_id}), 404, "unknown-node")
    assert "store:store_id" in problem["errors"][0]["allowed"]


def test_unknown_nodes(client: httpx.Client) -> None:
    assert_problem(client.get("/forecast/hierarchy", params={"node_id": "store:WI_9"}), 404, "unknown-store")
    assert_problem(client.get("/forecast/hierarchy", params={"node_id": "region:WI"}), 404, "unknown-node")
    assert_problem(client.get("/forecast/hierarchy", params={"node_id": "item:NONE"}), 404, "unknown-node")
    two = {"node_id": "store:CA_1", "level": 4}
    assert_problem(client.get("/forecast/hierarchy", params=two), 422, "invalid-request")


def test_an_answer_is_all_from_one_run(world: World) -> None:
    world.publish(2, stores=("CA_2",))
    wide = world.client.get("/forecast/hierarchy", params={"level": 3}).json()
    assert wide["run"]["run_id"] == "run_0000000000000001"
    assert wide["scope"] == ["CA_1", "CA_2", "TX_1"]
    own = world.client.get("/forecast/hierarchy", params={"node_id": "store:CA_2"}).json()
    assert own["run"]["run_id"] == "run_0000000000000002"


def test_weeks_have_quantiles_of_their_own(client: httpx.Client, first_run: Published) -> None:
    node = client.get("/forecast/hierarchy", params={"node_id": "store:CA_1", "quantiles": "0.025,0.975"}).json()
    (found,) = node["nodes"]
    assert [week["first_date"] for week in found["weeks"]] == [day["date"] for day in found["days"][::7]]
    assert [week["last_date"] for week in found["weeks"]] == [day["date"] for day in found["days"][6::7]]
    stored = first_run.frames.node_period_forecasts.to_pandas().query("node_id == 'store:CA_1'")
    for week, (_, told) in zip(found["weeks"], stored.sort_values("first_date").iterrows(), strict=True):
        assert week["mean"] == pytest.approx(told["mean"])
        assert week["quantiles"] == pytest.approx({"0.025": told["q_0_025"], "0.975": told["q_0_975"]})
    assert found["horizon"] is None  # of a run that was published without it


def test_21_06_an_items_sums_have_the_ranges_of_its_policy(client: httpx.Client, first_run: Published) -> None:
    page = client.get(
        "/forecast/hierarchy", params={"level": 12, "store_id": "CA_1", "quantiles": "0.025,0.975"}
    ).json()
    policies = first_run.frames.inventory_policy.to_pandas().set_index(["store_id", "item_id"])
    wider = 0
    for node in page["nodes"]:
        key = (node["store_id"], node["item_id"])
        if key not in policies.index:
            assert (node["weeks"], node["horizon"]) == ([], None)
            continue
        policy = policies.loc[key]
        for period in (*node["weeks"], node["horizon"]):
            days = [day for day in node["days"] if period["first_date"] <= day["date"] <= period["last_date"]]
            assert period["mean"] == pytest.approx(sum(day["mean"] for day in days))
            low, high = (period["quantiles"][name] for name in ("0.025", "0.975"))
            # the stored shortage says which negative binomial it is, and SciPy gives its quantiles
            size = size_of(policy["expected_demand"], policy["order_up_to"], policy["expected_short"])
            expected = stats.nbinom.ppf([0.025, 0.975], size, size / (size + period["mean"]))
            assert [low, high] == pytest.approx(expected, rel=0.02, abs=1.0)
        added = sum(day["quantiles"]["0.975"] - day["quantiles"]["0.025"] for day in node["days"])
        wider += added > node["horizon"]["quantiles"]["0.975"] - node["horizon"]["quantiles"]["0.025"]
    assert [week["first_date"] for week in page["nodes"][0]["weeks"]] == [
        day["date"] for day in page["nodes"][0]["days"][::7]
    ]
    assert wider > 0


def size_of(mean: float, level: int, short: float) -> float:
    """Size of the negative binomial with this mean and expected shortage beyond a level, by SciPy."""

    def shortage(size: float) -> float:
        demand, units = stats.nbinom(size, size / (size + mean)), np.arange(level + 1)
        return float(mean - (units * demand.pmf(units)).sum() - level * demand.sf(level))

    def apart(log_size: float) -> float:
        return shortage(float(np.exp(log_size))) - short

    lowest, highest = np.log(1 / 100), np.log(1e4)
    if apart(lowest) < 0:
        return float(np.exp(lowest))
    return float(np.exp(optimize.brentq(apart, lowest, highest))) if apart(highest) < 0 else 1e4
