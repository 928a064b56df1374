"""Served numbers are followed back: run, code, data, features, checks, overrides and how such forecasts did before."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from api import schemas
from models_ml.prediction_store.schema import model_runs
from tests.scenario_rows import FEATURES

from .conftest import ORIGIN, Published, World, assert_problem

SERVED = [
    ("FOODS_1_001", "CA_1", ORIGIN + timedelta(days=1)),
    ("FOODS_3_001", "TX_1", ORIGIN + timedelta(days=9)),
    ("HOBBIES_1_001", "CA_1", ORIGIN + timedelta(days=28)),
]


def follow(client: httpx.Client, item: str, store: str, day: object) -> schemas.Lineage:
    answer = client.get("/lineage", params={"item_id": item, "store_id": store, "date": str(day)})
    assert answer.status_code == 200, answer.text
    return schemas.Lineage.model_validate_json(answer.content)


@pytest.mark.parametrize(("item", "store", "day"), SERVED)
def test_a_served_number_is_found_again_with_all_that_made_it(
    client: httpx.Client, first_run: Published, item: str, store: str, day: object
) -> None:
    days = client.get("/forecast", params={"item_id": item, "store_id": store}).json()["days"]
    served = next(one for one in days if one["date"] == str(day))
    found = follow(client, item, store, day)
    assert (found.mean, found.final) == (served["mean"], served["final"])
    run = first_run.run
    assert (found.run.run_id, found.git_commit, found.data_fingerprint) == (
        run.run_id,
        run.git_commit,
        run.data_fingerprint,
    )
    series = first_run.series.set_index(["store_id", "item_id"]).loc[(store, item)]
    assert found.node_id == f"store_department:{store}|{series['department_id']}"
    moved = first_run.contributions
    own = moved[(moved["node_id"] == found.node_id) & (moved["target_date"] == day)]
    assert {one.family for one in found.features} == {*own["family"], "weekday", "price"}
    moves = {one.family: one.units for one in found.features}
    if len(own):
        nodes = first_run.node_forecasts
        whole = nodes[(nodes["node_id"] == found.node_id) & (nodes["target_date"] == day)]["mean"].item()
        assert moves.pop("price") is None  # the item model alone reads it
        for family, units in moves.items():
            expected = own.loc[own["family"] == family, "units"].sum() * found.mean / whole
            assert units == pytest.approx(expected), family
    used = {one.family: [(of.part, of.feature, of.importance) for of in one.features] for one in found.features}
    moving = FEATURES[FEATURES["importance"] > 0]
    for family in used:
        named = moving[moving["family"] == family].sort_values("part")
        assert used[family] == list(named[["part", "feature", "importance"]].itertuples(index=False, name=None)), family
    assert found.checks.passed == 2
    assert [one.expectation for one in found.checks.failed] == ["level near recent history"]
    errors = first_run.errors["backtest_series"]
    of_run = errors[errors["model"] == run.model]
    this = of_run[(of_run["store_id"] == store) & (of_run["item_id"] == item)]
    assert {one.fold: one.actual_units for one in found.track_record.series} == pytest.approx(
        dict(zip(this["fold"], this["actual_units"], strict=True))
    )
    assert found.track_record.demand_class is not None
    assert found.track_record.demand_class.absolute_error_units == pytest.approx(of_run["absolute_error_units"].sum())
    leads = first_run.errors["backtest_leads"]
    ahead = leads[(leads["model"] == run.model) & (leads["level"] == 12) & (leads["lead_days"] == found.lead_days)]
    if len(ahead):
        assert found.track_record.lead_day is not None
        assert found.track_record.lead_day.actual_units == pytest.approx(ahead["actual_units"].sum())
    else:
        assert found.track_record.lead_day is None


def test_overrides_in_a_number_explain_its_final(world: World) -> None:
    item, store, day = SERVED[0]
    body = {"valid_from": str(day), "valid_to": str(day), "reason": "a fair", "author": "ann"}
    for node, kind, value in (
        ("total", "percent", 20),
        (f"store:{store}", "absolute", 50),
        ("store:TX_1", "percent", 9),
    ):
        made = world.client.post("/overrides", json={"node_id": node, "kind": kind, "value": value, **body})
        assert made.status_code == 201
    found = follow(world.client, item, store, day)
    assert [one.override.node_id for one in found.overrides] == ["total", f"store:{store}"]
    product = found.mean
    for one in found.overrides:
        assert one.factor is not None
        product *= one.factor
    assert product == pytest.approx(found.final)
    assert follow(world.client, item, store, day + timedelta(days=1)).overrides == []


def test_23_03_no_statement_starts_while_rows_are_unread(world: World) -> None:
    """SQL Server answers "connection is busy" to that; the stores of the tests are guarded against it."""
    item, store, day = SERVED[0]
    body = {"valid_from": str(day), "valid_to": str(day), "reason": "a fair", "author": "ann"}
    made = world.client.post("/overrides", json={"node_id": f"store:{store}", "kind": "percent", "value": 20, **body})
    assert made.status_code < 300
    assert follow(world.client, item, store, day).final > follow(world.client, item, store, day).mean
    assert world.client.get("/inventory/departments").status_code == 200


def test_the_invocation_of_dbt_is_told_where_it_was_recorded(world: World) -> None:
    assert follow(world.client, *SERVED[0]).dbt_invocation_id is None
    with world.engine.begin() as connection:
        connection.execute(update(model_runs).values(parameters={"dbt_invocation_id": "8c7f"}))
    assert follow(world.client, *SERVED[0]).dbt_invocation_id == "8c7f"


def test_a_number_that_is_not_served_is_told_so(client: httpx.Client) -> None:
    asked = {"item_id": "FOODS_1_001", "store_id": "CA_1", "date": "2016-05-23"}
    assert_problem(client.get("/lineage", params={**asked, "item_id": "NONE"}), 404, "unknown-item")
    assert_problem(client.get("/lineage", params={**asked, "store_id": "NY_1"}), 404, "unknown-store")
    problem = assert_problem(client.get("/lineage", params={**asked, "date": "2016-01-01"}), 422, "invalid-request")
    assert "2016-06-19" in problem["detail"]
