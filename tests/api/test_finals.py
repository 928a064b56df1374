"""Quantiles beside a final are those of the final, in every route and format; items are found in any case."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from models_ml.prediction_store import overrides
from models_ml.prediction_store.export import export
from models_ml.settings import QUANTILE_COLUMNS, QUANTILES

from .conftest import ORIGIN, World

FIRST = ORIGIN + timedelta(days=1)
ALL = ",".join(f"{probability:g}" for probability in QUANTILES)
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def overridden(world: World) -> World:
    """The department doubles on three days, and one item of it, forecast at zero, is set to 4 units on the first."""
    with world.engine.begin() as connection:
        zero = ", ".join(f"{name} = 0" for name in ("mean", *QUANTILE_COLUMNS))
        connection.exec_driver_sql(f"update forecasts set {zero} where store_id = 'CA_2' and item_id = 'FOODS_3_001'")
    for node, kind, value, last in (
        ("store_department:CA_1|FOODS_1", "percent", 100.0, FIRST + timedelta(days=2)),
        ("item_store:FOODS_3_001|CA_2", "absolute", 4.0, FIRST),
    ):
        overrides.make(world.engine, overrides.NewOverride(node, kind, value, FIRST, last, "a fair", "ann"))
    return world


def expected(world: World) -> pd.DataFrame:
    """Finals and their quantiles from the published frames: an oracle that knows both overrides."""
    rows = world.published.forecasts.rename(columns={"target_date": "date"}).copy()
    rows["factor"] = 1.0
    doubled = (
        rows["store_id"].eq("CA_1")
        & rows["item_id"].str.startswith("FOODS_1")
        & rows["date"].le(FIRST + timedelta(days=2))
    )
    rows.loc[doubled, "factor"] = 2.0
    for name in QUANTILE_COLUMNS:
        rows[name] *= rows["factor"]
    rows["final"] = rows["mean"] * rows["factor"]
    unsold = rows["store_id"].eq("CA_2") & rows["item_id"].eq("FOODS_3_001")
    rows.loc[unsold, ["mean", "final", *QUANTILE_COLUMNS]] = 0.0
    set_to = unsold & rows["date"].eq(FIRST)
    rows.loc[set_to, "final"] = 4.0
    rows.loc[set_to, list(QUANTILE_COLUMNS)] = float("nan")
    rows["date"] = rows["date"].astype(str)
    return rows.sort_values(["store_id", "item_id", "date"]).reset_index(drop=True)


def check(found: list[dict[str, Any]], of: pd.DataFrame) -> None:
    """Days of answers against the oracle; a distribution that is not known is null."""
    assert [day["date"] for day in found] == of["date"].tolist()
    for day, row in zip(found, of.to_dict("records"), strict=True):
        assert (day["mean"], day["final"]) == pytest.approx((row["mean"], row["final"]))
        if pd.isna(row["q_0_5"]):
            assert day["quantiles"] is None
        else:
            assert list(day["quantiles"].values()) == pytest.approx([row[name] for name in QUANTILE_COLUMNS])


def test_18_21_quantiles_belong_to_the_final_in_forecast_and_hierarchy(overridden: World) -> None:
    client, oracle = overridden.client, expected(overridden)
    for (store, item), own in oracle.groupby(["store_id", "item_id"]):
        key = {"item_id": item, "store_id": store, "quantiles": ALL}
        check(client.get("/forecast", params=key).json()["days"], own)
        node = client.get("/forecast/hierarchy", params={"node_id": f"item_store:{item}|{store}", "quantiles": ALL})
        check(node.json()["nodes"][0]["days"], own)


def test_18_21_quantiles_of_nodes_and_weeks_scale_with_their_finals(overridden: World) -> None:
    client = overridden.client
    model = overridden.published.node_forecasts.set_index(["node_id", "target_date"])
    node_id = "store_department:CA_1|FOODS_1"
    asked = client.get("/forecast/hierarchy", params={"node_id": node_id, "quantiles": ALL}).json()["nodes"][0]
    departments = client.get("/forecast/departments", params={"store_id": "CA_1", "quantiles": ALL}).json()
    same = next(one for one in departments["departments"] if one["node_id"] == node_id)
    for days in (asked["days"], same["days"]):
        for number, day in enumerate(days):
            row = model.loc[(node_id, FIRST + timedelta(days=number))]
            factor = 2.0 if number < 3 else 1.0
            assert day["final"] == pytest.approx(row["mean"] * factor)
            assert list(day["quantiles"].values()) == pytest.approx([row[name] * factor for name in QUANTILE_COLUMNS])
    week = asked["weeks"][0]
    periods = overridden.published.frames.node_period_forecasts.to_pandas()
    own = periods[(periods["node_id"] == node_id) & (periods["first_date"] == FIRST)].iloc[0]
    scale = week["final"] / week["mean"]
    assert scale > 1
    assert list(week["quantiles"].values()) == pytest.approx([own[name] * scale for name in QUANTILE_COLUMNS])


@pytest.mark.parametrize("accept", ["application/json", "text/csv", ARROW])
def test_18_21_quantiles_belong_to_the_final_in_bulk(overridden: World, accept: str) -> None:
    oracle = expected(overridden)
    content = overridden.client.get("/forecast/bulk", params={"quantiles": ALL}, headers={"Accept": accept}).content
    if accept == "application/json":
        rows = pd.DataFrame(json.loads(content)["rows"])
        spread = pd.DataFrame([one or dict.fromkeys(ALL.split(",")) for one in rows["quantiles"]])
        spread.columns = pd.Index(QUANTILE_COLUMNS)
        rows = pd.concat([rows, spread], axis=1)
    elif accept == "text/csv":
        rows = pd.DataFrame(csv.DictReader(io.StringIO(content.decode()))).replace("", None)
    else:
        rows = pa.ipc.open_stream(content).read_all().to_pandas()
    for name in ("mean", "final", *QUANTILE_COLUMNS):
        assert rows[name].astype(float).tolist() == pytest.approx(oracle[name].tolist(), nan_ok=True), name


def test_18_21_items_say_the_final_of_the_horizon(overridden: World) -> None:
    sums = expected(overridden).groupby(["store_id", "item_id"])[["mean", "final"]].sum()
    items = overridden.client.get("/forecast/items?limit=500").json()["items"]
    assert len(items) == len(sums)
    for one in items:
        want = sums.loc[(one["store_id"], one["item_id"])]
        assert (one["forecast_units"], one["final_units"]) == pytest.approx((want["mean"], want["final"]))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_18_21_an_export_has_run_finals_and_their_quantiles(overridden: World, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"forecasts{suffix}"
    oracle = expected(overridden)
    assert export(overridden.engine, overridden.published.run.run_id, path) == len(oracle)
    rows = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert set(rows["run_id"]) == {overridden.published.run.run_id}
    assert rows["target_date"].astype(str).tolist() == oracle["date"].tolist()
    for name in ("mean", "final", *QUANTILE_COLUMNS):
        assert rows[name].tolist() == pytest.approx(oracle[name].tolist(), nan_ok=True), name


def test_18_21_overrides_are_in_no_export_of_a_run_that_is_not_served(overridden: World, tmp_path: Path) -> None:
    overridden.publish(2)
    export(overridden.engine, overridden.published.run.run_id, tmp_path / "old.parquet")
    old = pd.read_parquet(tmp_path / "old.parquet")
    assert old["final"].tolist() == old["mean"].tolist()
    export(overridden.engine, "run_0000000000000002", tmp_path / "new.parquet")
    new = pd.read_parquet(tmp_path / "new.parquet")
    assert (new["final"] != new["mean"]).sum() == 2 * 3 + 1


def test_18_20_names_that_a_spreadsheet_would_run_are_texts_in_a_csv(world: World, tmp_path: Path) -> None:
    name = "=HYPERLINK(0)"
    with sqlite3.connect(world.path) as connection:
        for table in ("run_series", "forecasts"):
            connection.execute(f"update {table} set item_id = ? where item_id = 'FOODS_3_001'", (name,))
    connection.close()
    text = world.client.get("/forecast/bulk", headers={"Accept": "text/csv"}).text
    export(world.engine, world.published.run.run_id, tmp_path / "x.csv")
    for content in (text, (tmp_path / "x.csv").read_text()):
        rows = list(csv.DictReader(io.StringIO(content)))
        assert "'" + name in {row["item_id"] for row in rows}
        assert not [value for row in rows for value in row.values() if value[:1] in ("=", "+", "-", "@")]
    packed = world.client.get("/forecast/bulk", headers={"Accept": ARROW}).content
    assert name in pa.ipc.open_stream(packed).read_all()["item_id"].to_pylist()
    export(world.engine, world.published.run.run_id, tmp_path / "x.parquet")
    assert name in set(pd.read_parquet(tmp_path / "x.parquet")["item_id"])


@pytest.mark.parametrize("text", ["CAFÉ", "café", "Café", "AFÉ 1"])
def test_18_17_items_are_found_in_any_case_beyond_ascii(world: World, text: str) -> None:
    # a connection without foreign keys: the other tables keep the name
    with sqlite3.connect(world.path) as connection:
        connection.execute("update run_series set item_id = 'CAFÉ 1' where item_id = 'FOODS_3_001'")
    connection.close()
    found = world.client.get("/forecast/items", params={"search": text}).json()["items"]
    assert {one["item_id"] for one in found} == {"CAFÉ 1"}
    assert len(found) == 3
