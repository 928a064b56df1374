"""Runs are published one after another while clients read: no error, and never two runs in one answer."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import httpx
import pytest

from models_ml.prediction_store.publish import publish

from .conftest import Published, World, make_run

pytestmark = pytest.mark.fault

SECONDS = 6.0
READERS = 6


def _check(answer: httpx.Response, runs: dict[str, Published], sums: dict[str, dict[Any, float]]) -> str:
    """All numbers of the answer are those of the run that it names."""
    body = answer.json()
    if "days" in body and "item_id" in body:
        run_id = body["run"]["run_id"]
        if "mean" in body["days"][0]:
            total = sum(day["mean"] for day in body["days"])
            assert total == pytest.approx(sums[run_id][body["store_id"], body["item_id"]])
        return str(run_id)
    if "departments" in body:
        (run_id,) = {row["run"]["run_id"] for row in body["departments"]}
        for row in body["departments"]:
            assert row["forecast_units"] == pytest.approx(sums[run_id][row["node_id"]])
        return str(run_id)
    if "nodes" in body:
        run_id = body["run"]["run_id"]
        for node in body["nodes"]:
            assert node["forecast_units"] == pytest.approx(sums[run_id][node["node_id"]])
        return str(run_id)
    rows = body.get("rows", body.get("items"))
    (run_id,) = {row["run_id"] for row in rows}
    by_series: dict[Any, float] = {}
    for row in rows:
        value = row["mean"] if "mean" in row else row["forecast_units"]
        by_series[row["store_id"], row["item_id"]] = by_series.get((row["store_id"], row["item_id"]), 0.0) + value
    for key, value in by_series.items():
        assert value == pytest.approx(sums[run_id][key])
    return str(run_id)


def test_readers_see_whole_runs_only(world: World) -> None:
    runs = {run.run.run_id: run for run in (world.published, make_run(2), make_run(3))}
    sums: dict[str, dict[Any, float]] = {}
    for run_id, run in runs.items():
        series = run.forecasts.groupby(["store_id", "item_id"])["mean"].sum()
        nodes = run.node_forecasts.groupby("node_id")["mean"].sum()
        sums[run_id] = {**series.to_dict(), **nodes.to_dict()}
    base = str(world.client.base_url)
    paths = [
        *(
            f"/forecast?item_id={item}&store_id={store}"
            for store, item in world.published.series[["store_id", "item_id"]].itertuples(index=False)
        ),
        "/forecast/departments",
        "/forecast/hierarchy?level=9",
        "/forecast/items?limit=100",
        "/forecast/bulk",
    ]
    stop = threading.Event()
    faults: list[str] = []
    seen: list[str] = []

    def read(number: int) -> None:
        choose = random.Random(number)
        held: dict[str, httpx.Response] = {}
        with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
            while not stop.is_set():
                path = choose.choice(paths)
                before = held.get(path)
                headers = {} if before is None else {"If-None-Match": before.headers["etag"]}
                answer = client.get(path, headers=headers)
                if answer.status_code == 304 and before is not None:
                    answer = before
                elif answer.status_code != 200:
                    faults.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                    continue
                held[path] = answer
                try:
                    seen.append(_check(answer, runs, sums))
                except (AssertionError, ValueError) as error:
                    faults.append(f"{path}: {str(error)[:300]}")

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for reader in readers:
        reader.start()
    publishes = 0
    end = time.monotonic() + SECONDS
    order = list(runs)
    try:
        while time.monotonic() < end:
            wanted = runs[order[(publishes + 1) % len(order)]]
            publish(world.engine, wanted.run, wanted.frames)
            publishes += 1
            # what was published is what the very next request is answered from
            body = world.client.get("/forecast?item_id=FOODS_1_001&store_id=TX_1").json()
            if body["run"]["run_id"] != wanted.run.run_id:
                faults.append(f"asked after the publish of {wanted.run.run_id}: {body['run']['run_id']}")
    finally:
        stop.set()
        for reader in readers:
            reader.join(30)
    assert not faults, faults[:5]
    assert publishes >= 6
    assert set(seen) == set(runs)
    assert len(seen) > 50
